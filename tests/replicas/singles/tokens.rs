//! One token, revoked by 64 callers at each of two servers.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::harness::{
    Answer, Credentials, Engine,
    counts::times,
    lab::RESOURCE,
    list::{jti, list},
    wait::until,
};
use crate::replicas::fleet::Fleet;

const CALLERS: usize = 64;
const OPAQUE: &str = "opaque_api";
/// After so many rounds what the servers say of the tokens is looked at.
const BATCH: usize = 20;

/// Both servers, and whoever has the tokens.
struct Race {
    fleet: Fleet,
    by: Credentials,
    begun: Instant,
    asked_again: usize,
}

impl Race {
    async fn start(engine: Engine, resource: &str) -> Self {
        let fleet = Fleet::start(engine, 2).await;
        if resource == OPAQUE {
            fleet.lab.auth.ok(&["resource", "add", OPAQUE, "--scope", "other", "--token-format", "opaque"]);
        }
        let by = fleet.lab.add_client_for("m", &[resource]);
        for replica in &fleet.replicas {
            replica.wait_until_ready().await;
        }
        Self { fleet, by, begun: Instant::now(), asked_again: 0 }
    }

    async fn token(&self, round: usize, resource: &str) -> String {
        let server = &self.fleet.replicas[round % 2].server;
        let answer = self.fleet.lab.token(server, &self.by, &[("resource", resource)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("access_token")
    }

    async fn ask(&self, server: usize, path: &str, token: &str) -> Answer {
        let url = self.fleet.replicas[server].server.at(path);
        let request = self.fleet.lab.http.post(url).basic_auth(&self.by.id, Some(&self.by.secret));
        Answer::read(request.form(&[("token", token)]).send().await.expect("an answer")).await
    }

    /// Asks until there is an answer; it, and how often that took another request. A busy database is 503 and "try
    /// again", at once and not for long; with a single connection that is most answers. A client that revokes a
    /// hundred times a second for long is 429.
    async fn answer(&self, server: usize, path: &str, token: &str) -> (Answer, usize) {
        let tries = Cell::new(0);
        let answer = until("an answer but 503 and 429", Duration::from_mins(1), || async {
            let answer = self.ask(server, path, token).await;
            if answer.status == 200 {
                return Some(answer);
            }
            let later = !answer.header("retry-after").is_empty();
            assert!(matches!(answer.status, 503 | 429) && later, "{answer:?}");
            tries.set(tries.get() + 1);
            None
        })
        .await;
        (answer, tries.get())
    }

    /// Everybody revokes the token, and looks at it right afterwards where `then_dead`.
    async fn all_revoke(&mut self, token: &str, then_dead: bool) {
        let each = (0..2 * CALLERS).map(|caller| self.one_revokes(caller, token, then_dead));
        self.asked_again += join_all(each).await.into_iter().sum::<usize>();
    }

    async fn one_revokes(&self, caller: usize, token: &str, then_dead: bool) -> usize {
        let (_, tries) = self.answer(caller % 2, "/revoke", token).await;
        if !then_dead {
            return tries;
        }
        let (told, more) = self.answer(1 - caller % 2, "/introspect", token).await;
        assert_eq!(told.json()["active"], false, "acknowledged at one server, active at the other");
        tries + more
    }

    fn finish(self, engine: Engine, (what, rounds): (&str, usize)) {
        println!(
            "figure: f19 /revoke of one {what} on {engine:?}: {rounds} rounds of 2 x {CALLERS} callers, all \
             acknowledged, {} asked again, {:.1} s",
            self.asked_again,
            self.begun.elapsed().as_secs_f64()
        );
    }
}

/// That each of these is in the list of both servers once, and the lists hold nothing else.
async fn listed_once(race: &Race, revoked: &[String]) {
    for replica in &race.fleet.replicas {
        let mut wanted: Vec<_> = revoked.iter().map(|token| serde_json::Value::from(jti(token))).collect();
        wanted.sort_by_key(ToString::to_string);
        let (lab, server) = (&race.fleet.lab, &replica.server);
        // The server that revoked a token refuses it before the revocation has its number, and is listed.
        let there = until("all of them are listed", Duration::from_mins(1), || async {
            let listed = list(lab, server, None).await;
            let tokens = listed["tokens"].as_array().expect("tokens").iter().map(|it| it[0].clone());
            Some(tokens.collect::<Vec<_>>()).filter(|there| there.len() >= wanted.len())
        });
        let mut there = there.await;
        there.sort_by_key(ToString::to_string);
        assert_eq!(there, wanted);
    }
}

on_both!(f19_a_jwt_that_128_callers_revoke_at_two_servers_is_one_row_and_listed_once, |engine| {
    let mut race = Race::start(engine, RESOURCE).await;
    let rounds = times(1_000);
    let mut revoked = Vec::new();
    for round in 0..rounds {
        let token = race.token(round, RESOURCE).await;
        race.all_revoke(&token, false).await;
        revoked.push(token);
        if revoked.len() % BATCH != 0 && round + 1 != rounds {
            continue;
        }
        for token in revoked.iter().rev().take(BATCH) {
            let (fleet, by) = (&race.fleet, &race.by);
            fleet.see("inactive at both", async |server| !fleet.active(server, by, token).await).await;
        }
        listed_once(&race, &revoked).await;
        let rows = race.fleet.lab.database.number("SELECT COUNT(*) FROM revocations").await;
        assert_eq!(usize::try_from(rows).expect("rows"), revoked.len());
    }
    // Both servers gave the numbers: none is missing, and the last one is the newest row's.
    let number = async |query: &str| race.fleet.lab.database.number(query).await;
    let given = number("SELECT COUNT(DISTINCT revision) FROM revocations").await;
    assert_eq!(given, number("SELECT MAX(revision) FROM revocations").await);
    assert_eq!(given, number("SELECT revision FROM revocation_state").await);
    race.finish(engine, ("JWT", rounds));
});

on_both!(f19_an_opaque_token_that_128_callers_revoke_is_dead_at_the_other_server_at_once, |engine| {
    let mut race = Race::start(engine, OPAQUE).await;
    let rounds = times(1_000);
    for round in 0..rounds {
        let token = race.token(round, OPAQUE).await;
        for server in 0..2 {
            assert_eq!(race.ask(server, "/introspect", &token).await.json()["active"], true);
        }
        race.all_revoke(&token, true).await;
    }
    let ended = "SELECT COUNT(*) FROM opaque_tokens WHERE revoked_at IS NOT NULL";
    assert_eq!(usize::try_from(race.fleet.lab.database.number(ended).await).expect("rows"), rounds);
    race.finish(engine, ("opaque token", rounds));
});
