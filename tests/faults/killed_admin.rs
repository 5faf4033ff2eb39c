//! Kill -9 in the middle of an admin act: all of it or nothing, and what was acknowledged stays.

use std::{process::Stdio, time::Duration};

use serde_json::Value;

use crate::harness::{Lab, counts::times, lab::RESOURCE};

/// The times after which the command is killed, spread over its whole run.
fn kill_after(round: usize, of: usize, whole_run: Duration) -> Duration {
    whole_run * u32::try_from(2 * round + 1).expect("small") / u32::try_from(2 * of).expect("small")
}

/// Runs a command and kills it after `after`. Its standard output, if it had ended before.
fn killed(lab: &Lab, arguments: &[&str], after: Duration) -> Option<String> {
    let mut command = lab.auth.command(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("auth-server");
    std::thread::sleep(after);
    let _ = child.kill();
    let output = child.wait_with_output().expect("output");
    output.status.success().then(|| String::from_utf8(output.stdout).expect("UTF-8"))
}

fn clients(lab: &Lab) -> Vec<Value> {
    let listed = lab.auth.json(&["client", "list"]);
    let rows = listed.as_array().or_else(|| listed["clients"].as_array());
    rows.unwrap_or_else(|| panic!("no list: {listed}")).clone()
}

on_both!(f03_kill_in_client_add_is_all_or_nothing, |engine| {
    let lab = Lab::new(engine).await;
    let start = std::time::Instant::now();
    lab.add_client("measured");
    let whole = start.elapsed();
    let count = times(100);
    let mut acknowledged = Vec::new();
    for round in 0..count {
        let name = format!("killed-{round}");
        let add = [
            "client",
            "add",
            "--name",
            &name,
            "--grant",
            "client_credentials",
            "--resource",
            RESOURCE,
            "--json",
        ];
        if let Some(text) = killed(&lab, &add, kill_after(round, count, whole.mul_f64(1.3))) {
            let made: Value = serde_json::from_str(&text).expect("one JSON document");
            acknowledged.push((made["client_id"].clone(), made["client_secret"].clone()));
        }
    }
    let present = clients(&lab);
    for row in &present {
        // Whoever is there is whole: its grant and its resource came in the same transaction.
        let shown = lab.auth.json(&["client", "show", row["client_id"].as_str().expect("client_id")]);
        assert_eq!(shown["resources"], serde_json::json!([RESOURCE]), "{shown}");
        assert_eq!(shown["grant_types"], serde_json::json!(["client_credentials"]), "{shown}");
    }
    let server = lab.start_auth();
    for (id, secret) in acknowledged {
        assert!(present.iter().any(|row| row["client_id"] == id), "{id} was acknowledged and is gone");
        let by = crate::harness::Credentials {
            id: id.as_str().expect("id").to_owned(),
            secret: secret.as_str().expect("secret").to_owned(),
        };
        lab.access_token(&server, &by).await;
    }
});

on_both!(f03_kill_in_client_update_is_all_or_nothing, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("updated");
    let sets = [["read"].as_slice(), ["read", "write"].as_slice()];
    let start = std::time::Instant::now();
    lab.auth.ok(&["client", "update", &client.id, "--scope", "read", "--scope", "write"]);
    let whole = start.elapsed();
    let count = times(100);
    for round in 0..count {
        let wanted = sets[round % 2];
        let mut update = vec!["client", "update", &client.id];
        for scope in wanted {
            update.extend(["--scope", scope]);
        }
        let done = killed(&lab, &update, kill_after(round, count, whole.mul_f64(1.3)));
        let shown = lab.auth.json(&["client", "show", &client.id]);
        let mut now: Vec<&str> =
            shown["scopes"].as_array().expect("scopes").iter().filter_map(Value::as_str).collect();
        now.sort_unstable();
        assert!(sets.contains(&now.as_slice()), "half an update: {now:?}");
        if done.is_some() {
            assert_eq!(now, wanted, "an acknowledged update is gone");
        }
    }
    // Nothing is locked for whoever comes next, and the secret still works.
    let server = lab.start_auth();
    lab.access_token(&server, &client).await;
});

#[test]
fn the_kill_points_spread_over_the_whole_run() {
    let whole = Duration::from_millis(100);
    assert!(kill_after(0, 10, whole) < Duration::from_millis(10));
    assert!(kill_after(9, 10, whole) > Duration::from_millis(90));
}
