//! The SDK and its examples against the real servers.

use std::{path::Path, process::Command};

use trefoil_client::{Client, ClientAuth, FileStore, Remedy, Secret, http::ApiClient};

use crate::harness::{
    Credentials, Lab, Server,
    environment::{bin_dir, variable},
    lab::RESOURCE,
};

async fn sdk(auth: &Server, by: &Credentials) -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let builder = Client::discover(auth.url(), by.id.clone()).await.expect("metadata");
    builder.auth(ClientAuth::SecretBasic(Secret::new(by.secret.clone()))).build().expect("a client")
}

on_both!(the_sdk_gets_a_token_and_reads_the_resource, |engine| {
    let lab = Lab::new(engine).await;
    let by = lab.add_client("billing");
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    let client = sdk(&auth, &by).await;

    let token =
        client.client_credentials().resource(RESOURCE).scopes(["read"]).send().await.expect("a token");
    assert_eq!(token.scope(), Some("read"));
    let api = ApiClient::new(resource.url())
        .expect("an origin")
        .with(client.client_credentials().resource(RESOURCE).cached());
    for _ in 0..2 {
        let answer = api.get(&format!("/{RESOURCE}")).send().await.expect("the resource");
        let read: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(read["about"], "This is a protected resource");
    }
});

on_both!(the_sdk_says_what_to_do_about_a_wrong_secret_and_a_wrong_resource, |engine| {
    let lab = Lab::new(engine).await;
    let by = lab.add_client("billing");
    let auth = lab.start_auth();
    let wrong = Credentials { id: by.id.clone(), secret: "wrong".repeat(8) };
    let refused =
        sdk(&auth, &wrong).await.client_credentials().resource(RESOURCE).send().await.expect_err("refused");
    assert_eq!(refused.remedy(), Remedy::FixConfiguration, "{refused}");
    let refused =
        sdk(&auth, &by).await.client_credentials().resource("unknown").send().await.expect_err("refused");
    assert_eq!(refused.remedy(), Remedy::ChangeRequest, "{refused}");
});

on_both!(the_sdk_keeps_its_token_in_a_file_over_a_restart, |engine| {
    let lab = Lab::new(engine).await;
    let by = lab.add_client("billing");
    let auth = lab.start_auth();
    let folder = lab.dir.path().join("tokens");
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let client = sdk(&auth, &by).await;
        let session = client.client_credentials().resource(RESOURCE).cached();
        let session = session.store(FileStore::new(&folder).expect("a folder"));
        tokens.push(session.token().await.expect("a token").access_token().reveal().to_owned());
    }
    assert_eq!(tokens[0], tokens[1], "the second run uses the first one's token");
});

/// Runs one of the SDK's examples; its standard output.
fn example(name: &str, settings: &[(&str, &str)], home: &Path) -> String {
    let program = bin_dir().join("examples").join(name);
    assert!(program.exists(), "{} is not built: cargo build -p trefoil-client --examples", program.display());
    let output = Command::new(program)
        .current_dir(home)
        .env_clear()
        .env("PATH", variable("PATH").unwrap_or_default())
        .env("HOME", home)
        .envs(settings.iter().copied())
        .output()
        .expect("the example");
    assert!(output.status.success(), "{name}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

on_both!(every_example_of_the_sdk_reads_the_resource, |engine| {
    let lab = Lab::new(engine).await;
    let by = lab.add_client("billing");
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    let api = resource.at(&format!("/{RESOURCE}"));
    let settings = [
        ("TREFOIL_ISSUER", auth.url()),
        ("TREFOIL_CLIENT_ID", by.id.as_str()),
        ("TREFOIL_CLIENT_SECRET", by.secret.as_str()),
        ("TREFOIL_RESOURCE", RESOURCE),
        ("TREFOIL_API", api.as_str()),
    ];
    for name in ["machine_to_machine", "machine_to_machine_blocking", "legacy"] {
        let said = example(name, &settings, lab.dir.path());
        assert!(said.contains("This is a protected resource"), "{name}: {said}");
        assert!(!said.contains(&by.secret), "{name} prints the secret");
    }
});
