//! Kills of a server that revokes and issues: what it has acknowledged is so at the next one, on the same database.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream};
use serde_json::Value;

use super::{World, aim::GOLDEN};
use crate::harness::{
    Answer, Credentials, Engine, Server,
    counts::times,
    lab::RESOURCE,
    list::{jti, list},
    wait::until,
};

const OPAQUE: &str = "opaque_api";
/// Clients that ask at the same time.
const WORKERS: usize = 6;
/// A server lives for up to so long under load: it numbers the revocations several times a second.
const LIFE: Duration = Duration::from_millis(600);

/// What servers have acknowledged.
#[derive(Default)]
struct Told {
    /// Revoked.
    ended: Vec<String>,
    /// Issued, and nobody revoked it.
    alive: Vec<String>,
    /// Requests whose answer never came.
    open: usize,
}

impl Told {
    fn add(&mut self, other: Self) {
        self.ended.extend(other.ended);
        self.alive.extend(other.alive);
        self.open += other.open;
    }
}

/// One client: tokens of both kinds, every second one of which it revokes, until the server is gone.
async fn work(world: &World, url: &str, by: &Credentials, first: usize) -> Told {
    let mut told = Told::default();
    for turn in first.. {
        let Some(answer) = ask(world, url, by, [RESOURCE, OPAQUE][turn % 2]).await else {
            told.open += 1;
            break;
        };
        if !acknowledged(&answer) {
            continue;
        }
        let token = answer.text("access_token");
        if turn % 4 < 2 {
            told.alive.push(token);
            continue;
        }
        let Some(answer) = world.post(format!("{url}/revoke"), by, &token).await else {
            told.open += 1;
            break;
        };
        if acknowledged(&answer) {
            told.ended.push(token);
        }
    }
    told
}

/// A busy machine's database may be late: 503 promises nothing (fault 11).
fn acknowledged(answer: &Answer) -> bool {
    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
    answer.status == 200
}

async fn ask(world: &World, url: &str, by: &Credentials, resource: &str) -> Option<Answer> {
    let form = [("grant_type", "client_credentials"), ("resource", resource)];
    let request = world.lab.http.post(format!("{url}/token")).basic_auth(&by.id, Some(&by.secret));
    let sent = request.form(&form).send().await.ok()?;
    let (status, headers) = (sent.status().as_u16(), sent.headers().clone());
    Some(Answer { status, headers, body: sent.text().await.ok()? })
}

/// Loads the server and kills it in the middle.
async fn shoot(world: &World, mut server: Server, by: &Credentials, after: Duration) -> Told {
    let url = server.url().to_owned();
    let workers = join_all((0..WORKERS).map(|first| work(world, &url, by, first)));
    let kill = async {
        tokio::time::sleep(after).await;
        server.kill();
    };
    let (told, ()) = tokio::join!(workers, kill);
    told.into_iter().fold(Told::default(), |mut all, each| {
        all.add(each);
        all
    })
}

/// A verifier that asks for what is new, whichever server answers.
#[derive(Default)]
struct Reader {
    last: Option<Value>,
    heard: HashSet<String>,
}

impl Reader {
    /// Reads on, and holds the answer against the one before: nothing may lie between the two.
    async fn read(&mut self, world: &World, server: &Server) {
        let before = self.last.as_ref().map(|list| number(list, "revision"));
        let told = list(&world.lab, server, before).await;
        if let Some(last) = &self.last {
            assert_eq!(told["epoch"], last["epoch"], "the numbering began anew");
            assert!(Some(number(&told, "since")) <= before, "a gap: {told} after {before:?}");
            assert!(Some(number(&told, "revision")) >= before, "a server went back: {told} after {before:?}");
        }
        for token in told["tokens"].as_array().expect("tokens") {
            self.heard.insert(token[0].as_str().expect("a jti").to_owned());
        }
        self.last = Some(told);
    }

    /// Reads until it knows of all these.
    async fn comes_to_know(&mut self, world: &World, server: &Server, ended: &[String]) {
        let start = Instant::now();
        let ids: Vec<String> = ended.iter().filter(|token| token.contains('.')).map(|it| jti(it)).collect();
        loop {
            self.read(world, server).await;
            let Some(missing) = ids.iter().find(|id| !self.heard.contains(*id)) else { return };
            assert!(
                start.elapsed() < crate::harness::wait::stretched(Duration::from_secs(10)),
                "{missing} was revoked and is not on the list"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn number(list: &Value, member: &str) -> i64 {
    list[member].as_i64().unwrap_or_else(|| panic!("no {member} in {list}"))
}

/// Holds what was acknowledged against introspection.
async fn check(world: &World, server: &Server, by: &Credentials, told: &Told) {
    let asked = told.ended.iter().map(|token| (token, false)).chain(told.alive.iter().map(|it| (it, true)));
    stream::iter(asked)
        .for_each_concurrent(8, |(token, lives)| async move {
            let what = format!("active is {lives} for {token}, which was acknowledged");
            until(&what, Duration::from_secs(10), || async {
                let answer = world.post(server.at("/introspect"), by, token).await.expect("an answer");
                (acknowledged(&answer) && answer.json()["active"] == lives).then_some(())
            })
            .await;
        })
        .await;
}

on_both!(f03_kill_of_a_server_loses_no_revocation_and_no_token_that_it_acknowledged, |engine| {
    let world = World::new(engine).await;
    world.lab.auth.ok(&["resource", "add", OPAQUE, "--scope", "x", "--token-format", "opaque"]);
    let by = world.lab.add_client_for("busy", &[RESOURCE, OPAQUE]);
    world.lab.auth.ok(&["client", "update", &by.id, "--token-lifetime", "3600"]);
    let (kills, began) = (times(350), Instant::now());
    let (mut all, mut reader) = (Told::default(), Reader::default());
    let mut server = world.lab.start_auth();
    for round in 1..=kills {
        // The fractional parts of these multiples leave no gap and never repeat.
        let part = (f64::from(u32::try_from(round).expect("small")) * GOLDEN).fract();
        let told = shoot(&world, server, &by, LIFE.mul_f64(part)).await;
        server = world.lab.start_auth();
        check(&world, &server, &by, &told).await;
        reader.comes_to_know(&world, &server, &told.ended).await;
        all.add(told);
    }
    // What the first one acknowledged has outlived all the others.
    check(&world, &server, &by, &all).await;
    let whole = list(&world.lab, &server, None).await;
    reader.read(&world, &server).await;
    assert_eq!(whole["tokens"].as_array().map(Vec::len), Some(reader.heard.len()), "read in parts: a gap");
    assert!(all.ended.len() > kills && all.open >= kills, "the kills met no load");
    if engine == Engine::Sqlite {
        drop(server);
    }
    world.check_whole_database().await;
    println!(
        "figure: f03 {kills} kills of a server on {engine:?}: {} requests in the air, {} acknowledged revocations and \
         {} acknowledged tokens, none lost; revision {}, no gap; {:.0} s",
        all.open,
        all.ended.len(),
        all.alive.len(),
        number(&whole, "revision"),
        began.elapsed().as_secs_f64()
    );
});
