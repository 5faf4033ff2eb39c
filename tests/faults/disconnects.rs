//! Fault 4: clients that hang up in the middle of a request leave no dirty connection behind.

use std::{sync::Arc, time::Duration};

use base64::Engine as _;
use futures_util::future::join_all;
use sqlx::{Connection, Row, SqliteConnection};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Semaphore};

use crate::harness::{Credentials, Engine, Lab, Server, counts::times, wait::until};

/// How many requests are in the air at a time.
const AT_A_TIME: usize = 64;

/// A request for an opaque token, which costs a row: the server's one write on this path.
fn request(by: &Credentials) -> Vec<u8> {
    let body = "grant_type=client_credentials&resource=opaque_api";
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", by.id, by.secret));
    format!(
        "POST /token HTTP/1.1\r\nHost: lab\r\nAuthorization: Basic {basic}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends the whole request and hangs up after `after`, with a reset, without reading the answer.
async fn hang_up(address: String, bytes: Arc<Vec<u8>>, after: Duration) {
    let Ok(mut stream) = TcpStream::connect(&address).await else { return };
    let _ = stream.write_all(&bytes).await;
    tokio::time::sleep(after).await;
    let _ = stream.set_zero_linger();
}

async fn storm(server: &Server, by: &Credentials, count: usize) {
    let address = server.url().trim_start_matches("http://").to_owned();
    let bytes = Arc::new(request(by));
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut tasks = Vec::with_capacity(count);
    for number in 0..count {
        let permit = Arc::clone(&permits).acquire_owned().await.expect("open");
        let (address, bytes) = (address.clone(), Arc::clone(&bytes));
        // Spread from "at once" to "later than an answer takes", in steps that no round number repeats.
        let after = Duration::from_micros((number as u64 * 7919) % 25_000);
        tasks.push(tokio::spawn(async move {
            hang_up(address, bytes, after).await;
            drop(permit);
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
}

on_both!(f04_disconnects_leave_no_dirty_connection, |engine| {
    let lab = Lab::new(engine).await;
    lab.auth.ok(&["resource", "add", "opaque_api", "--scope", "read", "--token-format", "opaque"]);
    let by = lab.add_client_for("storm", &["opaque_api"]);
    let server = lab.start_auth();
    let ask = async || lab.token(&server, &by, &[("resource", "opaque_api")]).await;

    // Acknowledged writes are interleaved with the storm: none of them may be lost.
    let mut acknowledged = Vec::new();
    let hung_up = times(10_000);
    for _ in 0..20 {
        storm(&server, &by, hung_up / 20).await;
        let answer = until("a token after a storm", Duration::from_secs(30), || async {
            Some(ask().await).filter(|answer| answer.status == 200)
        })
        .await;
        acknowledged.push(answer.text("access_token"));
    }

    if engine == Engine::Postgres {
        no_transaction_is_open(&lab).await;
    }
    // Every connection of the pool is used by as many requests at once as it can have, and each does its work.
    for answer in join_all((0..64).map(|_| ask())).await {
        assert_eq!(answer.status, 200, "{answer:?}");
        acknowledged.push(answer.text("access_token"));
    }
    for token in &acknowledged {
        let form = [("token", token.as_str())];
        let request =
            lab.http.post(server.at("/introspect")).basic_auth(&by.id, Some(&by.secret)).form(&form);
        let answer = crate::harness::Answer::read(request.send().await.expect("introspection")).await;
        assert_eq!(answer.json()["active"], true, "an acknowledged token is gone: {answer:?}");
    }
    // The storm did reach the store: far more rows than acknowledged tokens.
    let rows = rows_written(&lab, engine).await;
    println!("figure: f04 {hung_up} disconnects on {engine:?}, {rows} rows written after all");
    let told = i64::try_from(acknowledged.len() + hung_up / 10).expect("small");
    assert!(rows > told, "{rows} rows: the storm never came in");
    // And an admin can write at once: nobody holds a lock.
    lab.add_client("afterwards");
});

async fn rows_written(lab: &Lab, engine: Engine) -> i64 {
    let count = "SELECT count(*) FROM opaque_tokens";
    match engine {
        Engine::Postgres => {
            sqlx::query(count).fetch_one(&mut lab.database.superuser().await).await.expect("count").get(0)
        }
        Engine::Sqlite => {
            let mut file = SqliteConnection::connect(&lab.database.url).await.expect("the file");
            sqlx::query(count).fetch_one(&mut file).await.expect("count").get(0)
        }
    }
}

async fn no_transaction_is_open(lab: &Lab) {
    let mut root = lab.database.superuser().await;
    let name = lab.database.name().to_owned();
    let query =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND state LIKE 'idle in transaction%'";
    let mut probe = async || -> i64 {
        sqlx::query(query).bind(&name).fetch_one(&mut root).await.expect("activity").get(0)
    };
    let start = std::time::Instant::now();
    while probe().await > 0 {
        assert!(
            start.elapsed() < crate::harness::wait::stretched(Duration::from_secs(10)),
            "a transaction stays open"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
