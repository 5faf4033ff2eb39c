//! Wycheproof's vectors for the bare algorithms: P-256, P-384, Ed25519, RSA PKCS#1 and PSS.

use trefoil_shared::jose::{Algorithm, PublicKey};
use wycheproof::TestResult;

#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
    acceptable: usize,
}

impl Counts {
    /// Counts one verdict; panics at a wrong one. Either verdict is right where the vectors say `acceptable`.
    fn add(&mut self, id: usize, result: TestResult, accepted: bool) {
        let counter = match (result, accepted) {
            (TestResult::Acceptable, _) => &mut self.acceptable,
            (TestResult::Valid, true) => &mut self.accepted,
            (TestResult::Invalid, false) => &mut self.refused,
            (TestResult::Valid, false) | (TestResult::Invalid, true) => {
                panic!("vector {id} is {result:?}, accepted: {accepted}")
            }
        };
        *counter += 1;
    }

    fn report(&self, name: &str) {
        println!("Wycheproof {name}: {self:?}");
        assert!(self.accepted > 0 && self.refused > 0, "{name}: {self:?}");
    }
}

#[test]
fn a106_wycheproof_ecdsa_has_no_wrong_verdict() {
    use wycheproof::ecdsa::{TestName, TestSet};
    for (name, algorithm) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::ES256),
        (TestName::EcdsaSecp384r1Sha384P1363, Algorithm::ES384),
    ] {
        let mut counts = Counts::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der, None);
            for test in &group.tests {
                let accepted = key.as_ref().is_ok_and(|key| key.verifies(algorithm, &test.msg, &test.sig));
                counts.add(test.tc_id, test.result, accepted);
            }
        }
        counts.report(algorithm.as_str());
    }
}

#[test]
fn a106_wycheproof_ecdsa_in_der_is_refused_even_where_it_is_valid() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut refused = 0;
    for (name, algorithm) in [
        (TestName::EcdsaSecp256r1Sha256, Algorithm::ES256),
        (TestName::EcdsaSecp384r1Sha384, Algorithm::ES384),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der, None).unwrap();
            for test in &group.tests {
                assert!(!key.verifies(algorithm, &test.msg, &test.sig), "vector {}", test.tc_id);
                refused += 1;
            }
        }
    }
    println!("Wycheproof ECDSA in DER: {refused} refused");
    assert!(refused > 900, "{refused}");
}

#[test]
fn a106_wycheproof_ed25519_has_no_wrong_verdict() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut counts = Counts::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::from_spki_der(&group.der, None).unwrap();
        for test in &group.tests {
            counts.add(test.tc_id, test.result, key.verifies(Algorithm::EdDSA, &test.msg, &test.sig));
        }
    }
    counts.report("EdDSA");
}

#[test]
fn a106_wycheproof_rsa_pkcs1_has_no_wrong_verdict() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let sets = [
        (TestName::Rsa2048Sha256, Algorithm::RS256),
        (TestName::Rsa3072Sha256, Algorithm::RS256),
        (TestName::Rsa4096Sha256, Algorithm::RS256),
        (TestName::Rsa8192Sha256, Algorithm::RS256),
        (TestName::Rsa2048Sha384, Algorithm::RS384),
        (TestName::Rsa3072Sha384, Algorithm::RS384),
        (TestName::Rsa4096Sha384, Algorithm::RS384),
        (TestName::Rsa8192Sha384, Algorithm::RS384),
        (TestName::Rsa2048Sha512, Algorithm::RS512),
        (TestName::Rsa3072Sha512, Algorithm::RS512),
        (TestName::Rsa4096Sha512, Algorithm::RS512),
        (TestName::Rsa8192Sha512, Algorithm::RS512),
    ];
    for (name, algorithm) in sets {
        let mut counts = Counts::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der, Some(algorithm)).unwrap();
            for test in &group.tests {
                counts.add(test.tc_id, test.result, key.verifies(algorithm, &test.msg, &test.sig));
            }
        }
        counts.report(&format!("{name:?}"));
    }
}

#[test]
fn a106_wycheproof_rsa_pss_has_no_wrong_verdict() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let sets = [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Algorithm::PS256),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, Algorithm::PS256),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, Algorithm::PS256),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, Algorithm::PS384),
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, Algorithm::PS384),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, Algorithm::PS512),
    ];
    for (name, algorithm) in sets {
        let mut counts = Counts::default();
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der, Some(algorithm)).unwrap();
            for test in &group.tests {
                counts.add(test.tc_id, test.result, key.verifies(algorithm, &test.msg, &test.sig));
            }
        }
        counts.report(&format!("{name:?}"));
    }
}

/// RFC 7518 section 3.5: the salt is as long as the hash, the mask is made with the same hash.
#[test]
fn a106_wycheproof_rsa_pss_with_another_salt_or_mask_is_refused_even_where_it_is_valid() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    let sets = [
        (TestName::RsaPss2048Sha256Mgf1SaltLen0, Algorithm::PS256),
        (TestName::RsaPss2048Sha256Mgf1Sha1_20, Algorithm::PS256),
        (TestName::RsaPss4096Sha512Mgf1SaltLen32, Algorithm::PS512),
    ];
    let mut refused = 0;
    for (name, algorithm) in sets {
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der, Some(algorithm)).unwrap();
            // Among the invalid ones are some with the salt that is right here.
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                assert!(!key.verifies(algorithm, &test.msg, &test.sig), "{name:?} {}", test.tc_id);
                refused += 1;
            }
        }
    }
    println!("Wycheproof PSS with another salt or mask: {refused} refused");
    assert!(refused > 100, "{refused}");
}
