//! Which folder of a crate may import which: read from the `use` lines and paths by a parser.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};

use crate::architecture::files;
use crate::harness::environment::workspace;

/// A folder, and all that it imports of the others.
type Edges = (&'static str, &'static [&'static str]);

/// For each crate its folders (and files beside them), each with all that it imports of the others. An edge that is not
/// here is a mistake, or a decision to be taken here.
const EDGES: &[(&str, &[Edges])] = &[
    (
        "auth-server/core",
        &[
            ("authorization", &["model", "openid", "protocol", "records", "secrets"]),
            ("authorize", &["authorization", "model", "openid", "protocol"]),
            ("device", &["authorization", "model", "records", "secrets"]),
            ("grant", &["authorization", "model", "openid", "protocol", "records", "secrets"]),
            ("model", &[]),
            ("openid", &["model", "protocol", "registration"]),
            ("people", &[]),
            ("protocol", &["model"]),
            ("records", &[]),
            ("registration", &["model", "protocol"]),
            ("secrets", &["model"]),
            ("store_error", &[]),
        ],
    ),
    (
        "auth-server/provider",
        &[
            (
                "app",
                &[
                    "grants",
                    "http",
                    "keys",
                    "model",
                    "protocol",
                    "records",
                    "revocations",
                    "secrets",
                    "store",
                    "tokens",
                ],
            ),
            ("argon2", &[]),
            ("grants", &["model", "protocol"]),
            (
                "http",
                &[
                    "app",
                    "grants",
                    "model",
                    "protocol",
                    "records",
                    "revocations",
                    "secrets",
                    "store",
                    "tokens",
                ],
            ),
            ("keys", &["model", "secrets", "store"]),
            (
                "provider",
                &["app", "grants", "keys", "protocol", "records", "revocations", "secrets", "store"],
            ),
            ("revocations", &["secrets", "store"]),
            ("secrets", &["argon2"]),
            ("tokens", &["keys", "model", "protocol", "secrets", "store"]),
        ],
    ),
    (
        "auth-server/server",
        &[
            (
                "cli",
                &[
                    "config",
                    "data_dir",
                    "grants",
                    "import",
                    "keys",
                    "model",
                    "openid",
                    "people",
                    "protocol",
                    "registration",
                    "secrets",
                    "serve",
                    "store",
                    "tokens",
                ],
            ),
            ("config", &[]),
            ("data_dir", &["config"]),
            ("import", &["config", "model", "secrets", "store"]),
            ("serve", &["app", "config", "data_dir", "keys", "protocol", "provider", "secrets", "store"]),
        ],
    ),
];

/// The folders that the code outside of tests names.
struct Named {
    /// How many modules deep the file is.
    depth: usize,
    folders: BTreeSet<String>,
}

impl Named {
    fn take(&mut self, segments: &[String]) {
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        let from_root = match segments.first().map(String::as_str) {
            Some("crate") => 1,
            Some("super") if supers >= self.depth => supers,
            _ => return,
        };
        // A name with a capital is an item of the root.
        let folder = segments.get(from_root).filter(|name| name.starts_with(|c: char| c.is_lowercase()));
        self.folders.extend(folder.cloned());
    }

    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                let so_far = [before, &[path.ident.to_string()]].concat();
                self.tree(&so_far, &path.tree);
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(before, item)),
            syn::UseTree::Name(name) => self.take(&[before, &[name.ident.to_string()]].concat()),
            syn::UseTree::Rename(name) => self.take(&[before, &[name.ident.to_string()]].concat()),
            syn::UseTree::Glob(_) => self.take(before),
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    let is_cfg = |attribute: &&syn::Attribute| attribute.path().is_ident("cfg");
    attributes.iter().filter(is_cfg).any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.tokens.to_string() == "test",
        syn::Meta::Path(_) | syn::Meta::NameValue(_) => false,
    })
}

impl<'ast> Visit<'ast> for Named {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.take(&segments);
        visit::visit_path(self, path);
    }
}

/// The edges of a crate, as its code has them.
fn edges(source: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files(&[".rs"]).iter().filter(|path| path.starts_with(source)) {
        let inside = path.strip_prefix(source).expect("below");
        let parts: Vec<String> = inside
            .with_extension("")
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        let is_root = matches!(parts.as_slice(), [only] if ["lib", "main"].contains(&only.as_str()));
        let is_test = parts.iter().any(|part| part == "tests" || part.ends_with("_tests"));
        let Some(folder) = parts.first().filter(|_| !is_root && !is_test) else { continue };
        let depth = parts.iter().filter(|part| *part != "mod").count();
        let code = fs::read_to_string(path).expect("UTF-8");
        let file = syn::parse_file(&code).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut named = Named { depth, folders: BTreeSet::new() };
        named.visit_file(&file);
        named.folders.remove(folder);
        found.entry(folder.clone()).or_default().extend(named.folders);
    }
    found
}

#[test]
fn folders_import_what_the_table_says_and_nothing_else() {
    for (package, table) in EDGES {
        let found = edges(&workspace().join(package).join("src"));
        let allowed: BTreeMap<String, BTreeSet<String>> = table
            .iter()
            .map(|(folder, of)| ((*folder).to_owned(), of.iter().map(|name| (*name).to_owned()).collect()))
            .collect();
        assert_eq!(found, allowed, "{package}: left what the code has, right what the table allows");
    }
}
