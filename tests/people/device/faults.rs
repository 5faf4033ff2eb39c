//! Device codes while servers die, and while everybody polls at once.

use std::time::Duration;

use futures_util::future::join_all;

use crate::harness::counts::is_full;
use crate::harness::visitor::{Site, Visitor};
use crate::harness::wait::until;

on_both!(a057_of_64_polls_at_two_replicas_one_has_a_token, |engine| {
    let site = Site::of_devices(engine, &[]).await;
    let replica = site.replica();
    let mut visitor = Visitor::of(&site.server);
    for _ in 0..3 {
        let login = site.allowed(&mut visitor).await;
        let polls = (0..64).map(|n| site.app.poll(if n % 2 == 0 { &site.server } else { &replica }, &login));
        let answers = join_all(polls).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        let lost = answers.iter().filter(|answer| answer.status != 200);
        assert!(lost.clone().all(|a| a.status == 400 && a.text("error") == "invalid_grant"), "{answers:?}");
        // Decision 53: whoever came second ended nothing.
        assert_eq!(site.app.refresh(&replica, &won[0].text("refresh_token")).await.status, 200);
    }
});

on_both!(a057_a_server_that_dies_between_answer_and_poll_costs_nothing, |engine| {
    let mut site = Site::of_devices(engine, &[]).await;
    let replica = site.replica();
    let mut visitor = Visitor::of(&site.server);
    let login = site.allowed(&mut visitor).await;
    site.server.kill();
    assert_eq!(site.app.poll(&replica, &login).await.status, 200);
    assert_eq!(site.app.poll_error(&replica, &login).await, "invalid_grant");
});

on_both!(a057_servers_that_die_amid_polls_never_give_two_tokens, |engine| {
    let site = Site::of_devices(engine, &[]).await;
    let mut visitor = Visitor::of(&site.server);
    let rounds = if is_full() { 200 } else { 4 };
    let mut lost = 0;
    for round in 0..rounds {
        let login = site.allowed(&mut visitor).await;
        let mut mortal = site.replica();
        let form = [("grant_type", crate::harness::device::DEVICE_CODE), ("device_code", &login.device_code)];
        let polls = join_all((0..16).map(|_| {
            let (url, by) = (mortal.at("/token"), &site.app.credentials);
            let request = site.lab.http.post(url).basic_auth(&by.id, Some(&by.secret)).form(&form);
            async move {
                let answer = request.send().await.ok()?;
                Some((answer.status().as_u16(), answer.text().await.ok()?))
            }
        }));
        let pid = mortal.pid().to_string();
        let kill = async {
            tokio::time::sleep(Duration::from_millis(round % 11)).await;
            std::process::Command::new("kill").args(["-9", &pid]).status().expect("kill");
        };
        let (answers, ()) = tokio::join!(polls, kill);
        mortal.kill();
        let won = answers.iter().flatten().filter(|(status, _)| *status == 200).count();
        // Whoever is left asks once more.
        let rest = until("an answer", Duration::from_mins(1), || async {
            let answer = site.app.poll(&site.server, &login).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        let more = usize::from(rest.status == 200);
        assert!(won + more <= 1, "round {round}: {answers:?} {rest:?}");
        if more == 0 {
            assert_eq!(rest.text("error"), "invalid_grant", "round {round}");
        }
        lost += 1 - won - more;
    }
    println!(
        "figure: a057 {engine:?}: {rounds} kills amid 16 polls, {lost} tokens lost with their answer, none twice"
    );
});
