//! Case 38: what a client may be called.

use crate::harness::{Engine, Lab, cli::machine_client, lab::RESOURCE};

#[tokio::test(flavor = "multi_thread")]
async fn a038_a_client_id_never_looks_like_a_user() {
    let lab = Lab::new(Engine::Sqlite).await;
    let add = |id: &str| lab.auth.run(&[&machine_client("x", &[RESOURCE])[..], &["--id", id]].concat());
    let refused = add("u_0123456789abcdef0123456789abcdef");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("u_"), "{}", refused.stderr);
    assert_eq!(add("machine-u_1").code, 0);

    // The subject of a machine's token is its own id (decision 22), which no user can have.
    let by = lab.add_client("m");
    assert!(!by.id.starts_with("u_"));
    let auth = lab.start_auth();
    let token = lab.access_token(&auth, &by).await;
    let shown = lab.auth.json(&["token", "decode", &token]);
    assert!(shown.to_string().contains(&format!(r#""sub":"{}""#, by.id)), "{shown}");
}
