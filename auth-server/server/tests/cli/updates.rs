//! What an update leaves in the audit.

use serde_json::{Value, json};

use super::harness::Lab;

fn newest(lab: &Lab) -> Value {
    lab.json(&["audit", "list", "--limit", "1"])[0].clone()
}

/// Each update, and the member that its row names.
const OF_CLIENT: [(&[&str], &str); 20] = [
    (&["--name", "m"], "name"),
    (&["--scope", "read"], "scopes"),
    (&["--add-scope", "write"], "scopes"),
    (&["--drop-scope", "write"], "scopes"),
    (&["--default-scope", "read"], "default_scope"),
    (&["--no-default-scope"], "default_scope"),
    (&["--add-resource", "second"], "resources"),
    (&["--drop-resource", "second"], "resources"),
    (&["--resource", "api", "--resource", "second"], "resources"),
    (&["--token-lifetime", "60"], "token_lifetime"),
    (&["--no-token-lifetime"], "token_lifetime"),
    (&["--claim", "tenant=a"], "claims"),
    (&["--claim", "tenant=b"], "claims"),
    (&["--drop-claim", "tenant"], "claims"),
    (&["--secret-expires", "3600"], "secrets"),
    (&["--auth-method", "client_secret_post"], "auth_methods"),
    (&["--profile", "legacy"], "profile"),
    (&["--profile", "oauth21"], "profile"),
    (&["--redirect-uri", "https://a.example/cb"], "redirect_uris"),
    (&["--redirect-uri", "https://b.example/cb"], "redirect_uris"),
];

const OF_RESOURCE: [(&[&str], &str); 10] = [
    (&["--audience", "urn:api"], "audience"),
    (&["--scope", "read write more"], "scopes"),
    (&["--add-scope", "most"], "scopes"),
    (&["--drop-scope", "most"], "scopes"),
    (&["--alg", "ES384"], "alg"),
    (&["--token-lifetime", "60"], "token_lifetime"),
    (&["--no-token-lifetime"], "token_lifetime"),
    (&["--token-format", "opaque"], "token_format"),
    (&["--introspector", "x"], "introspectors"),
    (&["--drop-introspector", "x"], "introspectors"),
];

#[test]
fn u07_every_update_says_in_the_audit_what_it_changed_and_only_then() {
    let lab = Lab::new();
    lab.ok(&["resource", "add", "second", "--scope", "two"]);
    lab.add_client(&["--id", "x"]);
    for (kind, id, updates) in [("client", "x", &OF_CLIENT[..]), ("resource", "api", &OF_RESOURCE[..])] {
        for (flags, member) in updates {
            let mut command = vec![kind, "update", id];
            command.extend(*flags);
            lab.ok(&command);
            let entry = newest(&lab);
            assert_eq!(entry["action"], json!(format!("{kind} update")), "{flags:?}: {entry}");
            let changed: Vec<&String> = entry["detail"].as_object().unwrap().keys().collect();
            assert_eq!(changed, [member], "{flags:?}: {entry}");
            assert_ne!(entry["detail"][member]["from"], entry["detail"][member]["to"], "{entry}");
            // A drop of what has gone is an error, and an end "from now" is another one each time.
            if flags.iter().any(|flag| ["--drop-resource", "--drop-claim", "--secret-expires"].contains(flag))
            {
                continue;
            }
            let again = lab.run(&command);
            assert_eq!(again.code, 0, "{again:?}");
            assert!(again.stderr.contains("nothing to change"), "{flags:?}: {again:?}");
            assert_eq!(newest(&lab), entry, "{flags:?}");
        }
    }
    let entry = newest(&lab);
    lab.ok(&["client", "enable", "x"]);
    assert_eq!(newest(&lab), entry, "it was enabled");
    let hash = lab.ok(&["audit", "list", "--json"]);
    assert!(!hash.contains("v1."), "no stored secret: {hash}");
}
