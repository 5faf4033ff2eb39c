//! Fault 16: clocks that are set, and clocks that differ. Lifetimes go by the database's, and nothing comes back to life.

use std::time::{Duration, SystemTime};

use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::harness::{
    Answer, Credentials, Engine, Lab, Server,
    clock::WallClock,
    list::{claims, jti},
    wait::until,
};

/// The list's ttl: within it every verifier has heard.
const TTL: Duration = Duration::from_secs(15);
const HOUR: i64 = 3_600;

#[expect(clippy::disallowed_methods, reason = "what the machine's clock shows, which is the database's here")]
fn machine_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a number of seconds")
}

async fn active(lab: &Lab, server: &Server, by: &Credentials, token: &str) -> bool {
    let request = lab.http.post(server.at("/introspect")).basic_auth(&by.id, Some(&by.secret));
    let answer = Answer::read(request.form(&[("token", token)]).send().await.expect("introspection")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["active"] == true
}

async fn status(lab: &Lab, resource: &Server, token: &str) -> u16 {
    lab.read(resource, token).await.status
}

async fn refused_within_the_ttl(lab: &Lab, resource: &Server, token: &str) {
    until("the revocation is seen", TTL, || async {
        (status(lab, resource, token).await == 401).then_some(())
    })
    .await;
}

on_both!(f16_a_jump_of_the_auth_servers_clock_changes_no_token_and_revives_none, |engine| {
    let lab = Lab::new(engine).await;
    let (by, ended) = (lab.add_client("m"), lab.add_client("ended"));
    let clock = WallClock::at(lab.dir.path().join("auth.clock"));
    // On SQLite the database's clock is the process's own.
    let own_clock = engine == Engine::Sqlite;
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let server = Server::start(clock.over(&lab.auth).command(&arguments));
    server.wait_until_healthy();
    let resource = lab.start_resource(server.url());
    let cli = lab.auth.clone().with("AUTH_SERVER_ISSUER", server.url());
    let (revoked, cut_off) = (lab.access_token(&server, &by).await, lab.access_token(&server, &ended).await);
    cli.ok(&["token", "revoke", &revoked]);
    cli.ok(&["token", "revoke", "--client", &ended.id]);
    for token in [&revoked, &cut_off] {
        refused_within_the_ttl(&lab, &resource, token).await;
    }

    let mut furthest = 0;
    for ahead in [HOUR, -HOUR, 30, -30, 0] {
        clock.set(ahead);
        // Some of these come before the next poll of the database.
        for _ in 0..20 {
            let before = machine_seconds();
            let token = lab.access_token(&server, &by).await;
            let iat = claims(&token)["iat"].as_i64().expect("iat");
            if !own_clock {
                assert!(iat <= machine_seconds() && iat >= before - 2, "{ahead} s: iat {}", iat - before);
                assert_eq!(status(&lab, &resource, &token).await, 200, "{ahead} s");
                furthest = furthest.max((iat - before).abs());
            }
        }
        for (token, who) in [(&revoked, &by), (&cut_off, &ended)] {
            assert_eq!(status(&lab, &resource, token).await, 401, "{ahead} s: revived");
            assert!(!active(&lab, &server, who, token).await, "{ahead} s: revived");
        }
    }
    // An SQLite file has no clock but its readers', of which the next poll tells.
    until("a token from after the cut-off", Duration::from_secs(2), || async {
        let after = lab.access_token(&server, &ended).await;
        (status(&lab, &resource, &after).await == 200).then_some(())
    })
    .await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
    println!("figure: f16 {engine:?}: iat at most {furthest} s from the database's clock over 5 jumps");
});

#[tokio::test(flavor = "multi_thread")]
async fn f16_a_resource_server_that_starts_an_hour_ahead_forgets_no_revocation() {
    let lab = Lab::new(Engine::Sqlite).await;
    let by = lab.add_client("m");
    let auth = lab.start_auth();
    let clock = WallClock::at(lab.dir.path().join("resource.clock"));
    let arguments = lab.resource_arguments(auth.url());
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let start = || Server::start(clock.over(&lab.resource()).command(&arguments));
    let (revoked, kept) = (lab.access_token(&auth, &by).await, lab.access_token(&auth, &by).await);
    let mut resource = start();
    lab.auth.clone().with("AUTH_SERVER_ISSUER", auth.url()).ok(&["token", "revoke", &revoked]);
    refused_within_the_ttl(&lab, &resource, &revoked).await;
    lab.kept_on_disk("revocations-", &jti(&revoked)).await;
    resource.kill();

    clock.set(HOUR + 120);
    let resource = start();
    for token in [&revoked, &kept] {
        assert_eq!(status(&lab, &resource, token).await, 401, "both have expired by this clock");
    }
    clock.set(0);
    assert_eq!(status(&lab, &resource, &kept).await, 200);
    assert_eq!(status(&lab, &resource, &revoked).await, 401, "a clock that was set back revived it");

    for ahead in [30, -30] {
        clock.set(ahead);
        let fresh = lab.access_token(&auth, &by).await;
        // Ten seconds are forgiven (case 102): one that is slower takes a token for one of the future, and no harm.
        assert_eq!(status(&lab, &resource, &fresh).await, if ahead > 0 { 200 } else { 401 }, "{ahead} s");
        assert_eq!(status(&lab, &resource, &revoked).await, 401, "{ahead} s: revived");
    }
    clock.set(-HOUR);
    assert_eq!(status(&lab, &resource, &revoked).await, 401, "an hour behind");
    assert!(!resource.log().contains("panicked"), "{}", resource.log());
}

/// Runs a statement on the lab's database, past our programs.
async fn run(lab: &Lab, engine: Engine, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    match engine {
        Engine::Postgres => {
            lab.database.superuser().await.execute(sql).await.expect("SQL");
        }
        Engine::Sqlite => {
            let mut file = lab.database.file().await;
            file.execute(sql).await.expect("SQL");
            file.close().await.expect("its end");
        }
    }
}

/// Puts functions before PostgreSQL's own that tell the time: so this one database has a clock that can be set.
const OWN_CLOCK: &str = "CREATE SCHEMA shadow; CREATE TABLE shadow.ahead (seconds DOUBLE PRECISION); \
    INSERT INTO shadow.ahead VALUES (0); \
    CREATE FUNCTION shadow.clock_timestamp() RETURNS TIMESTAMPTZ LANGUAGE sql VOLATILE AS \
    'SELECT pg_catalog.clock_timestamp() + make_interval(secs => (SELECT seconds FROM shadow.ahead))'; \
    CREATE FUNCTION shadow.transaction_timestamp() RETURNS TIMESTAMPTZ LANGUAGE sql VOLATILE AS \
    'SELECT pg_catalog.transaction_timestamp() + make_interval(secs => (SELECT seconds FROM shadow.ahead))'; \
    GRANT USAGE ON SCHEMA shadow TO PUBLIC; GRANT SELECT ON shadow.ahead TO PUBLIC";

async fn give_own_clock(lab: &Lab) {
    run(lab, Engine::Postgres, OWN_CLOCK).await;
    let name = lab.database.name();
    let path = format!("ALTER DATABASE {name} SET search_path = shadow, public, pg_catalog");
    run(lab, Engine::Postgres, &path).await;
}

/// A row that the sweeper removes by a clock that is ahead, and by no other.
async fn lay_bait(lab: &Lab, engine: Engine) {
    let kept = machine_seconds() - 86_400 + 1_800;
    let bait = "INSERT INTO revocations (id, kind, target, at, expires_at, created_at, revision) VALUES";
    run(lab, engine, &format!("{bait} ('bait', 'token', 'AAAAAAAAAAAAAAAA', 0, {kept}, 0, 1)")).await;
}

on_both!(w14_f16_a_database_clock_that_is_ahead_for_a_minute_revives_nothing, |engine| {
    let lab = Lab::new(engine).await;
    lab.auth.ok(&["resource", "add", "opaque", "--scope", "o", "--token-format", "opaque"]);
    let by = lab.add_client_for("m", &[crate::harness::lab::RESOURCE, "opaque"]);
    let ended = lab.add_client("ended");
    let clock = WallClock::at(lab.dir.path().join("auth.clock"));
    let mut program = lab.auth.clone();
    match engine {
        Engine::Postgres => give_own_clock(&lab).await,
        Engine::Sqlite => program = clock.over(&program),
    }
    let set = async |ahead: i64| match engine {
        Engine::Postgres => run(&lab, engine, &format!("UPDATE shadow.ahead SET seconds = {ahead}")).await,
        Engine::Sqlite => clock.set(ahead),
    };
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let mut server = Server::start(program.command(&arguments));
    server.wait_until_healthy();
    let resource = lab.start_resource(server.url());
    let (revoked, cut_off) = (lab.access_token(&server, &by).await, lab.access_token(&server, &ended).await);
    let opaque = lab.token(&server, &by, &[("resource", "opaque")]).await.text("access_token");
    lab.auth.clone().with("AUTH_SERVER_ISSUER", server.url()).ok(&["token", "revoke", &revoked]);
    lab.auth.ok(&["token", "revoke", "--client", &ended.id]);
    for token in [&revoked, &cut_off] {
        refused_within_the_ttl(&lab, &resource, token).await;
    }
    lay_bait(&lab, engine).await;

    set(62 * 60).await;
    until("the sweeper has run", Duration::from_mins(10), || async {
        (lab.database.number("SELECT COUNT(*) FROM revocations WHERE id = 'bait'").await == 0).then_some(())
    })
    .await;
    for token in [&revoked, &cut_off] {
        assert_eq!(status(&lab, &resource, token).await, 401, "revived while the clock is ahead");
    }
    set(0).await;
    for round in 0..2 {
        for _ in 0..20 {
            for (token, who) in [(&revoked, &by), (&cut_off, &ended)] {
                assert!(!active(&lab, &server, who, token).await, "{round}: revived");
                assert_eq!(status(&lab, &resource, token).await, 401, "{round}: revived");
            }
        }
        until("a live token is still there", Duration::from_mins(1), || async {
            active(&lab, &server, &by, &opaque).await.then_some(())
        })
        .await;
        // Another process has nothing but the rows.
        if round == 0 {
            server.kill();
            let program = program.clone().with("AUTH_SERVER_ISSUER", server.url());
            server = Server::start(program.command(&arguments));
            server.wait_until_healthy();
        }
    }
});
