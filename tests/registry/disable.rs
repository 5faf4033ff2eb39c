//! Cases 36 and 37: what an admin takes away is gone on every replica within a second.

use std::time::{Duration, Instant};

use crate::harness::{Answer, Lab, lab::RESOURCE, wait::until};

/// Within how long an act of the admin must be seen, from its acknowledgement.
const SEEN: Duration = Duration::from_secs(1);

on_both!(a037_a_disabled_client_fails_on_all_replicas_within_a_second, |engine| {
    let lab = Lab::new(engine).await;
    lab.auth.ok(&["resource", "add", "opaque_api", "--scope", "other", "--token-format", "opaque"]);
    let by = lab.add_client_for("m", &[RESOURCE, "opaque_api"]);
    let replicas = [lab.start_auth(), lab.start_auth()];
    for replica in &replicas {
        lab.access_token(replica, &by).await;
    }
    let opaque = lab.token(&replicas[0], &by, &[("resource", "opaque_api")]).await.text("access_token");

    lab.auth.ok(&["client", "disable", &by.id]);
    let acknowledged = Instant::now();
    for replica in &replicas {
        let refused = until("a refusal", SEEN, || async {
            Some(lab.token(replica, &by, &[("resource", RESOURCE)]).await)
                .filter(|answer| answer.status != 200)
        })
        .await;
        assert_eq!((refused.status, refused.text("error").as_str()), (401, "invalid_client"));
    }
    assert!(acknowledged.elapsed() < crate::harness::wait::stretched(SEEN), "{:?}", acknowledged.elapsed());

    // Nor is a token that it has already got told active to anybody.
    let watcher = lab.add_client("watcher");
    lab.auth.ok(&["resource", "update", "opaque_api", "--introspector", &watcher.id]);
    let told = until("introspection knows", Duration::from_secs(2), || async {
        let request =
            lab.http.post(replicas[1].at("/introspect")).basic_auth(&watcher.id, Some(&watcher.secret));
        let told =
            Answer::read(request.form(&[("token", &opaque)]).send().await.expect("introspection")).await;
        Some(told).filter(|told| told.status == 200)
    })
    .await;
    assert_eq!(told.body.replace(' ', ""), r#"{"active":false}"#);

    lab.auth.ok(&["client", "enable", &by.id]);
    for replica in &replicas {
        until("a token again", SEEN, || async {
            (lab.token(replica, &by, &[("resource", RESOURCE)]).await.status == 200).then_some(())
        })
        .await;
    }
});

on_both!(d15_what_the_admin_changes_is_seen_within_a_second, |engine| {
    let lab = Lab::new(engine).await;
    let by = lab.add_client("m");
    let server = lab.start_auth();
    let wide = async || lab.token(&server, &by, &[("resource", RESOURCE), ("scope", "write")]).await.status;
    assert_eq!(wide().await, 200);
    lab.auth.ok(&["client", "update", &by.id, "--scope", "read"]);
    until("the narrower scope", SEEN, || async { (wide().await == 400).then_some(()) }).await;
    lab.auth.ok(&["client", "update", &by.id, "--add-scope", "write"]);
    until("the wider scope", SEEN, || async { (wide().await == 200).then_some(()) }).await;

    // A client that was unknown a moment ago, which is cached too, is found.
    let late = crate::harness::Credentials { id: "late".to_owned(), secret: "x".repeat(40) };
    assert_eq!(lab.token(&server, &late, &[("resource", RESOURCE)]).await.status, 401);
    let file = lab.dir.path().join("late");
    std::fs::write(&file, &late.secret).expect("secret");
    lab.add_client_with_secret("late", &file);
    until("the new client", SEEN, || async {
        (lab.token(&server, &late, &[("resource", RESOURCE)]).await.status == 200).then_some(())
    })
    .await;

    // A rotated secret: the old one is dead.
    lab.auth.ok(&["client", "rotate-secret", &by.id]);
    until("the old secret is dead", SEEN, || async {
        (lab.token(&server, &by, &[("resource", RESOURCE)]).await.status == 401).then_some(())
    })
    .await;
});
