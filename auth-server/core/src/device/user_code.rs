//! The code that a person types: RFC 8628 section 6.1.

use std::fmt;

use crate::records::Key;
use crate::secrets::{Rng, RootSecrets};

/// Consonants, no two of which look alike. Without vowels no code is a word.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;
/// What its records are named after.
const KIND: &str = "user-code";

/// Eight letters of an alphabet of twenty: 20^8 codes, written `WDJB-MJHT`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A code of random letters.
    pub fn random(rng: &dyn Rng) -> Self {
        // Beyond the last multiple of twenty a byte would make some letters likelier.
        const FAIR: u8 = 240;
        let mut letters = String::with_capacity(LENGTH);
        while letters.len() < LENGTH {
            let fair = rng.bytes16().into_iter().filter(|byte| *byte < FAIR);
            let chosen = fair.filter_map(|byte| ALPHABET.get(usize::from(byte) % ALPHABET.len()));
            letters.extend(chosen.take(LENGTH - letters.len()).map(|letter| char::from(*letter)));
        }
        Self(letters)
    }

    /// Reads what a person typed: letters of either case, with or without hyphens and spaces. `None` where it is no
    /// code.
    pub fn read(typed: &str) -> Option<Self> {
        const LONGEST: usize = 64;
        if typed.len() > LONGEST {
            return None;
        }
        let is_between =
            |c: &char| c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '.' | '_');
        let letters: String =
            typed.chars().filter(|c| !is_between(c)).map(|c| c.to_ascii_uppercase()).collect();
        let is_code = letters.len() == LENGTH && letters.bytes().all(|letter| ALPHABET.contains(&letter));
        is_code.then_some(Self(letters))
    }

    /// The key of its record: under the root secret that writes.
    pub fn key(&self, roots: &RootSecrets) -> Key {
        Key::of_kind(KIND, &roots.stored_name(KIND, &self.0))
    }

    /// The keys that its record may have, that of [`Self::key`] first.
    pub fn keys(&self, roots: &RootSecrets) -> Vec<Key> {
        roots.stored_names(KIND, &self.0).map(|name| Key::of_kind(KIND, &name)).collect()
    }
}

impl fmt::Display for UserCode {
    /// As people read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{first}-{second}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::secrets::OsRng;

    #[test]
    fn a055_a_code_has_20_to_the_8_values_and_is_read_as_people_type_it() {
        let code = UserCode("WDJBMJHT".to_owned());
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for typed in ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "W-D-J-B-M-J-H-T", "wdjb–mjht", "wdjb_mjht"] {
            assert_eq!(UserCode::read(typed).as_ref(), Some(&code), "{typed}");
        }
        for bad in ["", "WDJB-MJH", "WDJB-MJHTX", "WDJB-MJHA", "WDJB-MJH1", "ẄDJB-MJHT", &"-".repeat(80)] {
            assert_eq!(UserCode::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a055_every_letter_comes_up_at_every_place_and_equally_often() {
        const CODES: usize = 20_000;
        let mut counts = [[0_u32; 20]; LENGTH];
        for _ in 0..CODES {
            let code = UserCode::random(&OsRng);
            assert_eq!(UserCode::read(&code.to_string()), Some(code.clone()));
            for (place, letter) in code.0.bytes().enumerate() {
                counts[place][ALPHABET.iter().position(|own| *own == letter).unwrap()] += 1;
            }
        }
        // 1,000 are expected of each, with a standard deviation of 31: ten of those never happen by chance.
        for count in counts.into_iter().flatten() {
            assert!((690..1_310).contains(&count), "{count}");
        }
    }

    #[test]
    fn the_alphabet_has_no_vowels_digits_or_look_alikes() {
        let letters: BTreeSet<u8> = ALPHABET.iter().copied().collect();
        assert_eq!(letters.len(), 20);
        assert!(!letters.iter().any(|letter| b"AEIOUY0123456789".contains(letter)));
    }

    #[test]
    fn a126_a_code_does_not_print_by_accident() {
        assert_eq!(format!("{:?}", UserCode::random(&OsRng)), "UserCode(redacted)");
    }
}
