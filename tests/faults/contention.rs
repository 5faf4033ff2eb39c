//! Faults 12 and 14: conflicts in the database are tried again, and happen exactly once.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};

use crate::harness::{Answer, Credentials, Engine, Lab, Server, cli::machine_client, lab::RESOURCE};

const OPAQUE: &str = "opaque_api";

async fn opaque_lab(engine: Engine) -> (Lab, Credentials) {
    let lab = Lab::new(engine).await;
    lab.auth.ok(&["resource", "add", OPAQUE, "--scope", "other", "--token-format", "opaque"]);
    let by = lab.add_client_for("m", &[OPAQUE]);
    (lab, by)
}

async fn ask(lab: &Lab, server: &Server, by: &Credentials) -> Answer {
    lab.token(server, by, &[("resource", OPAQUE)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_serialization_failure_and_deadlock_are_tried_again_exactly_once() {
    for sqlstate in ["40001", "40P01"] {
        let (lab, by) = opaque_lab(Engine::Postgres).await;
        let server = lab.start_auth();
        assert_eq!(ask(&lab, &server, &by).await.status, 200);
        let mut root = lab.database.superuser().await;
        let count = "SELECT count(*) FROM opaque_tokens";
        let before: i64 = sqlx::query(count).fetch_one(&mut root).await.expect("count").get(0);
        // A sequence is not rolled back: the first two writes fail, the third goes through.
        for statement in [
            "CREATE SEQUENCE faults".to_owned(),
            "GRANT USAGE ON SEQUENCE faults TO PUBLIC".to_owned(),
            format!(
                "CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF nextval('faults') <= 2 THEN RAISE EXCEPTION 'made by the test' USING ERRCODE = '{sqlstate}'; END IF; \
                 RETURN NEW; END $$"
            ),
            "CREATE TRIGGER fail_twice BEFORE INSERT ON opaque_tokens FOR EACH ROW EXECUTE FUNCTION fail_twice()".to_owned(),
        ] {
            root.execute(AssertSqlSafe(statement)).await.expect("the fault");
        }
        let answer = ask(&lab, &server, &by).await;
        assert_eq!(answer.status, 200, "{sqlstate}: {answer:?}");
        let after: i64 = sqlx::query(count).fetch_one(&mut root).await.expect("count").get(0);
        assert_eq!(after - before, 1, "{sqlstate}: written exactly once");
        let tries: i64 =
            sqlx::query("SELECT last_value FROM faults").fetch_one(&mut root).await.expect("tries").get(0);
        assert_eq!(tries, 3, "{sqlstate}: two refusals and one success");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_a_busy_sqlite_is_waited_for() {
    let (lab, by) = opaque_lab(Engine::Sqlite).await;
    let server = lab.start_auth();
    assert_eq!(ask(&lab, &server, &by).await.status, 200);
    let mut other = SqliteConnection::connect(&lab.database.url).await.expect("a second writer");
    other.execute("BEGIN IMMEDIATE").await.expect("the write lock");
    let holder = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        other.execute("ROLLBACK").await.expect("released");
    };
    let (answer, ()) = tokio::join!(ask(&lab, &server, &by), holder);
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_sqlite_with_many_writers_loses_nothing() {
    let (lab, by) = opaque_lab(Engine::Sqlite).await;
    let server = lab.start_auth();
    let admins: Vec<_> = (0..6)
        .map(|number| {
            let auth = lab.auth.clone();
            std::thread::spawn(move || {
                let name = format!("writer-{number}");
                auth.json(&machine_client(&name, &[RESOURCE]))
            })
        })
        .collect();
    let mut issued = 0;
    while !admins.iter().all(std::thread::JoinHandle::is_finished) || issued < 20 {
        let answer = ask(&lab, &server, &by).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        issued += 1;
    }
    for admin in admins {
        let made = admin.join().expect("client add");
        let id = made["client_id"].as_str().expect("client_id").to_owned();
        let secret = made["client_secret"].as_str().expect("client_secret").to_owned();
        lab.access_token(&server, &Credentials { id, secret }).await;
    }
    let mut check = SqliteConnection::connect(&lab.database.url).await.expect("the file");
    let verdict: String =
        sqlx::query("PRAGMA integrity_check").fetch_one(&mut check).await.expect("check").get(0);
    assert_eq!(verdict, "ok");
}
