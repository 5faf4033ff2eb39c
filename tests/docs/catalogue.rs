//! `docs/catalogue.md` explains the numbers in the names of tests, all of them and no others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::{architecture::files, harness::environment::workspace};

/// How many numbers each of the three lists has, and how many digits they are written with.
const LISTS: [(char, u32, usize); 3] = [('a', 139, 3), ('f', 28, 2), ('d', 64, 2)];

/// What an entry says of the state that the program is in.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    Holds,
    Partly,
    Later,
}

/// The page's entries: `- **a037** text`, or with a mark behind the number.
fn entries() -> BTreeMap<String, Mark> {
    let text = fs::read_to_string(workspace().join("docs/catalogue.md")).expect("the page");
    let mut entries = BTreeMap::new();
    for line in text.lines() {
        let Some((number, rest)) = line.strip_prefix("- **").and_then(|rest| rest.split_once("** ")) else {
            continue;
        };
        let mark = match rest.split_whitespace().next() {
            Some("*(later)*") => Mark::Later,
            Some("*(partly)*") => Mark::Partly,
            _ => Mark::Holds,
        };
        assert_eq!(entries.insert(number.to_owned(), mark), None, "{number} has two entries");
    }
    entries
}

/// `a037` of `a037_tokens_of_a_disabled_client_are_inactive`.
fn number_of(name: &str) -> Option<&str> {
    let (number, rest) = name.split_once('_')?;
    let list = LISTS.iter().find(|(letter, ..)| number.starts_with(*letter))?;
    let digits = number.get(1..)?;
    let named = digits.len() == list.2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    (named && rest.starts_with(|first: char| first.is_ascii_lowercase())).then_some(number)
}

/// The numbers in names of tests, and one name for each.
fn tested() -> BTreeMap<String, String> {
    let mut tested = BTreeMap::new();
    for path in files(&[".rs"]).iter().filter(|path| !path.ends_with("tests/docs/catalogue.rs")) {
        let text = fs::read_to_string(path).expect("UTF-8");
        // Names, and none of the mentions in comments.
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for name in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                // A name may begin with several.
                let mut rest = name;
                while let Some(number) = number_of(rest) {
                    tested.insert(number.to_owned(), name.to_owned());
                    rest = rest.get(number.len() + 1..).unwrap_or_default();
                }
            }
        }
    }
    tested
}

#[test]
fn the_catalogue_has_every_number_once() {
    let all: BTreeSet<String> = LISTS
        .into_iter()
        .flat_map(|(letter, last, width)| (1..=last).map(move |number| format!("{letter}{number:0width$}")))
        .collect();
    assert_eq!(entries().into_keys().collect::<BTreeSet<_>>(), all);
}

#[test]
fn every_number_of_a_test_is_explained_and_what_holds_is_tested() {
    let (entries, tested) = (entries(), tested());
    assert!(tested.len() > 100, "{tested:?}");
    for (number, name) in &tested {
        let mark = entries.get(number).unwrap_or_else(|| panic!("{name}: docs/catalogue.md has no {number}"));
        assert_ne!(*mark, Mark::Later, "{number} is marked `later`, and {name} tests it: mend the mark");
    }
    for (number, mark) in &entries {
        assert!(
            *mark == Mark::Later || tested.contains_key(number),
            "{number} is said to hold, and no test has its number"
        );
    }
}
