//! Commands that are started together, with two servers running.

use serde_json::Value;

use super::{owned, together};
use crate::harness::{
    Credentials, Engine, Server, cli::Outcome, cli::machine_client, counts::times, lab::RESOURCE,
};
use crate::replicas::fleet::Fleet;

/// So many commands at once.
const AT_ONCE: usize = 16;

async fn fleet(engine: Engine) -> Fleet {
    let fleet = Fleet::start(engine, 2).await;
    for replica in &fleet.replicas {
        replica.wait_until_ready().await;
    }
    fleet
}

/// What those that succeeded have printed; the others end with 1 and one line that says `why`.
fn successes(outcomes: &[Outcome], why: &str) -> Vec<Credentials> {
    let mut made = Vec::new();
    for outcome in outcomes {
        if outcome.code == 0 {
            let shown: Value = serde_json::from_str(&outcome.stdout).expect("one document");
            let text = |member: &str| shown[member].as_str().expect("a string").to_owned();
            made.push(Credentials { id: text("client_id"), secret: text("client_secret") });
        } else {
            // So many new connections at once may be more than the database lets in in time.
            let said = [why, "the database is not available"].iter().any(|why| outcome.stderr.contains(why));
            assert!(outcome.code == 1 && said, "{outcome:?}");
        }
    }
    made
}

async fn works(fleet: &Fleet, server: &Server, by: &Credentials) -> bool {
    let status = fleet.lab.token(server, by, &[("resource", RESOURCE)]).await.status;
    assert!([200, 401].contains(&status), "{status}");
    status == 200
}

/// How many of these secrets work at every server, once all of them have seen the last change.
async fn working(fleet: &Fleet, told: &[Credentials], newest: &Credentials) -> usize {
    fleet.see("the newest secret", async |server| works(fleet, server, newest).await).await;
    let mut counts = Vec::new();
    for replica in &fleet.replicas {
        let mut count = 0;
        for by in told {
            count += usize::from(works(fleet, &replica.server, by).await);
        }
        counts.push(count);
    }
    assert_eq!(counts[0], counts[1], "the servers agree");
    counts[0]
}

async fn audited(fleet: &Fleet, action: &str, target: &str) -> usize {
    let query = format!("SELECT COUNT(*) FROM audit WHERE action = '{action}' AND target = '{target}'");
    usize::try_from(fleet.lab.database.number(&query).await).expect("rows")
}

on_both!(f19_of_commands_that_add_one_client_id_one_does, |engine| {
    let fleet = fleet(engine).await;
    let rounds = times(20);
    for round in 0..rounds {
        let id = format!("wanted-{round}");
        let add = [&machine_client("m", &[RESOURCE])[..], &["--id", &id, "--json"]].concat();
        let made = successes(&together(&fleet.lab.auth, &vec![owned(&add); AT_ONCE]), "exists already");
        let [by] = &made[..] else { panic!("{} commands added {id}", made.len()) };
        assert_eq!((by.id.as_str(), working(&fleet, &made, by).await), (id.as_str(), 1));
        assert_eq!(audited(&fleet, "client add", &id).await, 1);
        let secrets = format!("SELECT COUNT(*) FROM client_secrets WHERE client_id = '{id}'");
        assert_eq!(fleet.lab.database.number(&secrets).await, 1);
    }
    println!("figure: f19 client add on {engine:?}: {rounds} rounds of {AT_ONCE} commands, {rounds} won");
});

on_both!(f19_secrets_that_commands_rotate_at_once_are_live_or_replaced_and_each_is_audited, |engine| {
    let fleet = fleet(engine).await;
    let rounds = times(20);
    let mut rotated = 0;
    for round in 0..rounds {
        let id = format!("rotated-{round}");
        fleet.lab.auth.ok(&[&machine_client("m", &[RESOURCE])[..], &["--id", &id]].concat());
        let keep = round % 2 == 0;
        let mut rotate = vec!["client", "rotate-secret", &id, "--json"];
        rotate.extend(keep.then_some("--keep-old"));
        let outcomes = together(&fleet.lab.auth, &vec![owned(&rotate); AT_ONCE]);
        let told = successes(&outcomes, "changed by somebody else");
        assert_eq!(audited(&fleet, "client rotate-secret", &id).await, told.len());
        rotated += told.len();
        // Whatever was told first, the last one stays, and with `--keep-old` the one before it.
        let newest = fleet.lab.auth.json(&["client", "rotate-secret", &id, "--keep-old"]);
        let secret = newest["client_secret"].as_str().expect("client_secret").to_owned();
        let newest = Credentials { id, secret };
        assert_eq!(working(&fleet, &told, &newest).await, 1, "the last one that was told");
        let live = format!("SELECT COUNT(*) FROM client_secrets WHERE client_id = '{}'", newest.id);
        assert_eq!(fleet.lab.database.number(&live).await, 2);
    }
    assert!(rotated >= rounds);
    println!(
        "figure: f19 rotate-secret on {engine:?}: {rounds} rounds of {AT_ONCE} commands, {rotated} rotated"
    );
});
