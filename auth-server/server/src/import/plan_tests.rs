use super::*;

const PHC: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$WJ2EhZKxRfwEIsLyMwTz7kOVZmxYjPe3lIB3qaBgSrg";
const OTHER: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$b3RoZXJzYWx0b3RoZXJzYQ$WJ2EhZKxRfwEIsLyMwTz7kOVZmxYjPe3lIB3qaBgSrg";

struct Zeros;

impl Rng for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

fn row(id: &str, grant: &str, secret: &str, resource: &str) -> SourceRow {
    let some = |text: &str| Some(text.to_owned());
    SourceRow {
        grant_type: some(grant),
        client_id: some(id),
        client_secret: some(secret),
        resource: some(resource),
    }
}

fn planned(rows: &[SourceRow]) -> Plan {
    plan(rows, Facts { registered: &[], now: Timestamp(1_000), rng: &Zeros })
}

fn reason(row: SourceRow) -> String {
    let plan = planned(&[row]);
    assert_eq!(plan.clients, []);
    plan.left_out[0].reason.clone()
}

const ID: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn d27_a_client_keeps_its_spelling_and_its_hash() {
    let plan = planned(&[row(ID, "client credentials", PHC, "api_v0.0.1")]);
    let client = &plan.clients[0];
    assert_eq!(client.profile, Profile::Legacy);
    assert_eq!(client.imported_from.as_ref().unwrap().grant_spelling, "client credentials");
    let Authentication::Confidential { secrets, .. } = &client.authentication else { panic!("public") };
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0].hash, SecretHash::Argon2 { phc: PHC.to_owned(), rehashed: None });
}

#[test]
fn d27_a_resource_that_is_missing_is_registered_once() {
    let rows = [row("a", "client_credentials", PHC, "api"), row("b", "client_credentials", PHC, "api")];
    let plan = planned(&rows);
    assert_eq!(plan.resources.len(), 1);
    assert_eq!(plan.clients.len(), 2);
    let registered = plan.resources;
    let again = super::plan(&rows, Facts { registered: &registered, now: Timestamp(1), rng: &Zeros });
    assert_eq!(again.resources, []);
}

#[test]
fn d23_a_client_gets_the_scopes_that_its_resource_has_now() {
    let mut resource = new_resource("api".parse().unwrap(), Timestamp(0));
    resource.scopes = "read write".parse().unwrap();
    let rows = [row("a", "client_credentials", PHC, "api")];
    let plan = super::plan(&rows, Facts { registered: &[resource], now: Timestamp(1), rng: &Zeros });
    assert_eq!(plan.clients[0].scopes.to_string(), "read write");
}

#[test]
fn d27_one_id_twice_with_the_same_grant_and_resource_has_two_secrets() {
    let plan =
        planned(&[row(ID, "client_credentials", PHC, "api"), row(ID, "client_credentials", OTHER, "api")]);
    let Authentication::Confidential { secrets, .. } = &plan.clients[0].authentication else {
        panic!("public")
    };
    assert_eq!(secrets.len(), 2);
}

#[test]
fn d27_one_id_for_two_things_is_left_out_by_name() {
    for other in [row(ID, "client credentials", OTHER, "api"), row(ID, "client_credentials", OTHER, "else")] {
        let plan = planned(&[row(ID, "client_credentials", PHC, "api"), other]);
        assert_eq!(plan.clients, []);
        assert_eq!(plan.left_out[0].client_id, ID);
        assert!(plan.left_out[0].reason.contains("more than once"), "{:?}", plan.left_out);
    }
}

#[test]
fn d27_what_cannot_be_used_is_left_out_with_its_reason() {
    let fine = || row(ID, "client_credentials", PHC, "api");
    for (bad, why) in [
        (SourceRow { grant_type: None, ..fine() }, "its grant_type is empty"),
        (SourceRow { client_secret: None, ..fine() }, "its client_secret is empty"),
        (SourceRow { resource: Some(String::new()), ..fine() }, "its resource is empty"),
        (SourceRow { client_id: None, ..fine() }, "its client_id is empty"),
        (row("u_0", "client_credentials", PHC, "api"), "its client_id cannot be used here"),
        (row("a\nb", "client_credentials", PHC, "api"), "its client_id cannot be used here"),
        (row(ID, "password", PHC, "api"), "its grant `password` is not client_credentials"),
        (row(ID, "client_credentials", PHC, "a b"), "its resource `a b` cannot be"),
        (row(ID, "client_credentials", "PRIVATE-plain", "api"), "its secret is no usable Argon2 hash"),
        (
            row(ID, "client_credentials", &PHC.replace("m=65536", "m=4194304"), "api"),
            "its secret is no usable Argon2 hash",
        ),
        (row(ID, "client_credentials", &PHC.replace("t=3", "t=11"), "api"), "its secret is no usable"),
        (row(ID, "client_credentials", &PHC.replace("p=4", "p=9"), "api"), "its secret is no usable"),
    ] {
        let told = reason(bad);
        assert!(told.starts_with(why), "{told}");
        assert!(!told.contains("PRIVATE-"), "{told}");
    }
}

#[test]
fn d27_the_digest_changes_with_anything_that_is_imported() {
    let base = row_digest("client_credentials", "api", &[PHC]);
    assert_ne!(base, row_digest("client credentials", "api", &[PHC]));
    assert_ne!(base, row_digest("client_credentials", "apis", &[PHC]));
    assert_ne!(base, row_digest("client_credentials", "api", &[OTHER]));
    assert_ne!(base, row_digest("client_credentials", "api", &[PHC, OTHER]));
}
