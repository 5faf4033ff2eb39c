//! Every refusal is one line that says what is wrong and how to mend it.

use super::harness::{Lab, error_line};

/// What is asked, and the whole line that comes back. `LAB` stands for the lab's directory.
const REFUSALS: &[(&str, &str)] = &[
    ("client show nobody", "there is no client nobody: auth-server client list shows who there is"),
    (
        "client update nobody --name x",
        "there is no client nobody: auth-server client list shows who there is",
    ),
    ("client rotate-secret nobody", "there is no client nobody: auth-server client list shows who there is"),
    ("client disable nobody", "there is no client nobody: auth-server client list shows who there is"),
    ("client enable nobody", "there is no client nobody: auth-server client list shows who there is"),
    ("client remove nobody", "there is no client nobody: auth-server client list shows who there is"),
    (
        "client add --name n --id here",
        "the client here exists already: choose another --id, or auth-server client update here",
    ),
    (
        "client add --name n --id u_1",
        "the client_id `u_1` begins with `u_`, which is kept for users: choose an --id that begins otherwise",
    ),
    (
        "client add --name n --resource nope",
        "the resource nope is not registered: auth-server resource add nope",
    ),
    (
        "client add --name n --scope read",
        "no resource of this client defines the scope read: name the resource that defines it with --resource",
    ),
    (
        "client add --name n --resource api --scope fly",
        "no resource of this client defines the scope fly: auth-server resource update api --add-scope fly, or \
         --drop-scope fly here",
    ),
    (
        "client add --name n --resource api --scope read --default-scope write",
        "the default scope write is not one that the client may ask for: add --scope write, or leave it out of \
         --default-scope",
    ),
    (
        "client add --name n --grant password",
        "the grant password is switched off: set legacy.password = true first, or let people sign in by a browser",
    ),
    (
        "client add --name n --grant banana",
        "`banana` is no grant: use client_credentials, authorization_code, refresh_token, \
         urn:ietf:params:oauth:grant-type:device_code",
    ),
    (
        "client add --name n --auth-method none",
        "a client without authentication cannot have the grant client_credentials (RFC 6749 section 4.4): leave out \
         --auth-method none",
    ),
    (
        "client add --name n --auth-method private_key_jwt",
        "the authentication method private_key_jwt is not available yet: use client_secret_basic or \
         client_secret_post",
    ),
    (
        "client add --name n --auth-method tls_client_auth",
        "the authentication method tls_client_auth is not available yet: use client_secret_basic or \
         client_secret_post",
    ),
    (
        "client add --name n --auth-method self_signed_tls_client_auth",
        "the authentication method self_signed_tls_client_auth is not available yet: use client_secret_basic or \
         client_secret_post",
    ),
    ("client add --name n --profile fapi2", "the profile fapi2 is not available yet: use oauth21"),
    (
        "client add --name n --jwks-uri https://a.example/jwks",
        "authentication by a client's own keys is not available yet: leave out --jwks and --jwks-uri, and let the \
         client authenticate by a secret",
    ),
    (
        "client add --name n --redirect-uri http://a.example/cb",
        "the redirect URI http://a.example/cb is refused: it is plain http: use https, or http on 127.0.0.1 or [::1] \
         for a native app",
    ),
    (
        "client add --name n --claim sub=x",
        "sub is a registered claim: choose another name; this one is set by the server or means something to \
         verifiers",
    ),
    ("client add --name n --claim a=1 --claim a=2", "the claim a is given twice: give each name once"),
    (
        "client add --name n --token-lifetime 2d",
        "a token lifetime of 172800 seconds is not allowed: choose 1 to 86400 seconds, or raise tokens.max_lifetime",
    ),
    (
        "client add --name n --secret-expires 0",
        "a secret that ends at once is of no use: give --secret-expires at least 1 second",
    ),
    (
        "client add --name n --secret-file LAB/none",
        "cannot read LAB/none: No such file or directory (os error 2); name a file that you may read",
    ),
    (
        "client update here --drop-resource other",
        "the client does not have the resource other: auth-server client show here",
    ),
    ("client update here --drop-claim nope", "the client has no claim nope: auth-server client show here"),
    ("resource show nope", "there is no resource nope: auth-server resource list shows what there is"),
    ("resource update nope", "there is no resource nope: auth-server resource list shows what there is"),
    ("resource remove nope", "there is no resource nope: auth-server resource list shows what there is"),
    ("resource add api", "the resource api exists already: auth-server resource update api"),
    (
        "resource add r --introspector nobody",
        "the introspector nobody is no registered client: auth-server client add --id nobody --name NAME, then name \
         it here",
    ),
    (
        "resource add r --token-lifetime 0",
        "a token lifetime of 0 seconds is not allowed: choose 1 to 86400 seconds, or raise tokens.max_lifetime",
    ),
    ("key export nope", "there is no published key nope: auth-server key list"),
    ("key revoke nope", "there is no key nope: auth-server key list"),
    ("key rotate --alg ES384", "there is no active ES384 key: auth-server key generate --alg ES384"),
    (
        "key import LAB/none",
        "cannot read LAB/none: No such file or directory (os error 2); name a file that you may read",
    ),
    ("token issue --client nobody", "there is no client nobody: auth-server client list shows who there is"),
    (
        "token decode abc",
        "this is no token of ours: neither a JWT nor an opaque token: paste it whole, or use `-`",
    ),
    (
        "token decode a.b.c",
        "this is no token of ours: its header is not base64url: paste it whole, or use `-`",
    ),
    (
        "import steelcut --from mysql://x",
        "--from: write postgres://USER@HOST/DATABASE, or with a socket postgres://USER@/DATABASE?host=/DIR: such as --from postgres://auth_client@127.0.0.1/clientdb",
    ),
    ("db roles", "SQLite has no roles: db roles is for PostgreSQL; see database.url"),
    (
        "client list --config LAB/none.toml",
        "configuration: cannot read the configuration file LAB/none.toml: No such file or directory (os error 2)",
    ),
];

#[test]
fn every_refusal_is_one_line_that_says_how_to_mend_it() {
    let lab = Lab::new();
    lab.add_client(&["--id", "here"]);
    let dir = lab.dir.path().display().to_string();
    for (arguments, line) in REFUSALS {
        let arguments: Vec<String> =
            arguments.split(' ').map(|argument| argument.replace("LAB", &dir)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(lab.refused(&arguments), format!("error: {}", line.replace("LAB", &dir)), "{arguments:?}");
    }
    let clients = lab.json(&["client", "list"]);
    assert_eq!(clients.as_array().unwrap().len(), 1, "a refusal registers nobody");
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let lab = Lab::empty();
    for arguments in [
        vec!["client"],
        vec!["client", "add"],
        vec!["client", "add", "--name", "n", "--unknown"],
        vec!["client", "add", "--name", "n", "--scope", "a\"b"],
        vec!["client", "add", "--name", "n", "--resource", "a b"],
        vec!["client", "add", "--name", "n", "--id", "a\nb"],
        vec!["client", "add", "--name", "n", "--claim", "novalue"],
        vec!["client", "add", "--name", "n", "--token-lifetime", "soon"],
        vec!["client", "add", "--name", "n", "--jwks", "f", "--jwks-uri", "u"],
        vec!["client", "update", "x", "--scope", "a", "--add-scope", "b"],
        vec!["key", "generate", "--alg", "HS256"],
        vec!["key", "generate", "--alg", "none"],
        vec!["import", "steelcut", "--from", "postgres://x/y", "--table", "a;b"],
        vec!["serve", "--tls-cert", "c"],
        vec!["audit", "list", "--limit", "0"],
        vec!["people", "list"],
    ] {
        let outcome = lab.run(&arguments);
        assert_eq!(outcome.code, 2, "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
}

#[test]
fn f05_a_database_that_is_down_is_said_and_not_waited_for() {
    let lab = Lab::empty().with("AUTH_SERVER_DATABASE__URL", "postgres://u:p@127.0.0.1:1/x");
    let start = std::time::Instant::now();
    let outcome = lab.run(&["client", "list"]);
    assert_eq!(outcome.code, 1);
    assert!(error_line(&outcome.stderr).contains("database.url (u@127.0.0.1:1, database x)"), "{outcome:?}");
    assert!(start.elapsed() < std::time::Duration::from_secs(30));
}
