//! Keys on the way from auth-server to resource-server: by file, by URL, over a rotation.

use std::{fs, time::Duration};

use crate::harness::{Engine, Lab, Server, wait::until};

fn start(lab: &Lab, arguments: &[String]) -> Server {
    Server::start(lab.resource().command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// The lab's arguments with another key source.
fn with_keys(lab: &Lab, issuer: &str, flag: &str, value: &str) -> Vec<String> {
    let mut arguments = lab.resource_arguments(issuer);
    let at = arguments.iter().position(|a| a == "--public-key").expect("a key file");
    arguments.splice(at..=at + 1, [flag.to_owned(), value.to_owned()]);
    arguments
}

on_both!(a_pem_a_jwk_and_a_jwks_file_all_serve, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("m");
    let auth = lab.start_auth();
    let token = lab.access_token(&auth, &client).await;
    for format in ["pem", "jwks"] {
        let file = lab.dir.path().join(format!("keys.{format}"));
        fs::write(&file, lab.auth.ok(&["key", "export", "--format", format])).expect("keys");
        let resource = start(&lab, &with_keys(&lab, auth.url(), "--public-key", &file.display().to_string()));
        assert_eq!(lab.read(&resource, &token).await.status, 200, "{format}");
    }
});

on_both!(d07_a_rotation_is_not_noticed_by_whoever_has_the_standby, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("m");
    let auth = lab.start_auth();
    let old = lab.access_token(&auth, &client).await;
    let by_url = format!("{}/jwks.json", auth.url());
    let servers =
        [lab.start_resource(auth.url()), start(&lab, &with_keys(&lab, auth.url(), "--jwks-url", &by_url))];
    for server in &servers {
        until("the first token is good", Duration::from_secs(10), || async {
            (lab.read(server, &old).await.status == 200).then_some(())
        })
        .await;
    }
    // The standby is young: without --force the rotation is refused.
    assert_eq!(lab.auth.run(&["key", "rotate"]).code, 1);
    lab.auth.ok(&["key", "rotate", "--force"]);
    let header = |token: &str| token.split('.').next().unwrap_or_default().to_owned();
    let new = until("a token of the new key", Duration::from_secs(5), || async {
        Some(lab.access_token(&auth, &client).await).filter(|new| header(new) != header(&old))
    })
    .await;
    for server in &servers {
        assert_eq!(lab.read(server, &new).await.status, 200, "the standby was known before it signed");
        assert_eq!(lab.read(server, &old).await.status, 200, "a retiring key still verifies");
    }
});

#[tokio::test(flavor = "multi_thread")]
async fn a084_no_private_member_leaves_auth_server() {
    let lab = Lab::new(Engine::Sqlite).await;
    for algorithm in ["ES256", "ES384", "EdDSA", "RS256", "PS256"] {
        lab.auth.run(&["key", "generate", "--alg", algorithm]);
    }
    let auth = lab.start_auth();
    let served = lab.http.get(auth.at("/jwks.json")).send().await.expect("keys").text().await.expect("text");
    let exports = ["pem", "jwks"].map(|format| lab.auth.ok(&["key", "export", "--format", format]));
    let set: serde_json::Value = serde_json::from_str(&served).expect("JSON");
    let keys = set["keys"].as_array().expect("keys");
    assert!(keys.len() >= 10, "an active key and a standby of five algorithms: {served}");
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private}: {key}");
        }
    }
    for text in exports {
        assert!(!text.contains("PRIVATE") && !text.contains("\"d\""), "{text}");
    }
}
