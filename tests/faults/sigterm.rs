//! Fault 22: SIGTERM under load drops nobody who follows `/ready`, and ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::harness::{Credentials, Engine, Lab, Server, counts::times, lab::RESOURCE, ports, wait::until};

/// What the load generators share.
struct Load {
    stop: AtomicBool,
    away: AtomicBool,
    answered: AtomicUsize,
    dropped: std::sync::Mutex<Vec<String>>,
}

/// Asks for tokens over and over: at `first` while it says ready, then at `second`.
async fn generate(load: Arc<Load>, by: Credentials, first: String, second: String) {
    let http = crate::harness::http::client();
    while !load.stop.load(Ordering::Relaxed) {
        let base = if load.away.load(Ordering::Relaxed) { &second } else { &first };
        let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
        let sent =
            http.post(format!("{base}/token")).basic_auth(&by.id, Some(&by.secret)).form(&form).send().await;
        let outcome = match sent {
            Ok(answer) => Ok((answer.status().as_u16(), answer.bytes().await.is_ok())),
            Err(error) => Err(error),
        };
        match outcome {
            Ok((200, true)) => {
                load.answered.fetch_add(1, Ordering::Relaxed);
            }
            // A refused connect is tried again elsewhere: the request was never sent.
            Err(error) if error.is_connect() => {}
            other => load.dropped.lock().expect("list").push(format!("{other:?}")),
        }
    }
}

/// Follows `/ready` as a load balancer does.
async fn follow_ready(load: Arc<Load>, admin: String) {
    let http = crate::harness::http::client();
    while !load.away.load(Ordering::Relaxed) {
        let ready = http.get(format!("http://{admin}/ready")).send().await;
        if !ready.is_ok_and(|answer| answer.status() == 200) {
            load.away.store(true, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn one_round(lab: &Lab, by: &Credentials, second: &Server) {
    let admin = format!("127.0.0.1:{}", ports::free());
    let auth = lab.auth.clone().with("AUTH_SERVER_SHUTDOWN__GRACE", "1");
    let mut first =
        Server::start(auth.command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", &admin]));
    let load = Arc::new(Load {
        stop: AtomicBool::new(false),
        away: AtomicBool::new(false),
        answered: AtomicUsize::new(0),
        dropped: std::sync::Mutex::default(),
    });
    until("ready", Duration::from_secs(10), || async {
        let ready = lab.http.get(format!("http://{admin}/ready")).send().await;
        ready.is_ok_and(|answer| answer.status() == 200).then_some(())
    })
    .await;
    let mut tasks: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(generate(load.clone(), by.clone(), first.url().to_owned(), second.url().to_owned()))
        })
        .collect();
    tasks.push(tokio::spawn(follow_ready(load.clone(), admin)));
    let answered = || load.answered.load(Ordering::Relaxed);
    until("the load runs", Duration::from_secs(20), || async { (answered() > 50).then_some(()) }).await;

    // A client that never ends its header must not hold up the exit.
    let address = first.url().trim_start_matches("http://").to_owned();
    let mut stalled = TcpStream::connect(&address).await.expect("connect");
    stalled.write_all(b"POST /token HTTP/1.1\r\nHost: x\r\n").await.expect("half a header");

    first.signal("TERM");
    let begin = Instant::now();
    assert!(first.wait(Duration::from_secs(30)).success(), "{}", first.log());
    assert!(begin.elapsed() < Duration::from_secs(30));
    let at_exit = answered();
    until("the load goes on at the other replica", Duration::from_secs(10), || async {
        (answered() > at_exit + 20).then_some(())
    })
    .await;
    load.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no panic");
    }
    let dropped = load.dropped.lock().expect("list");
    assert!(dropped.is_empty(), "{} of {} dropped: {:?}", dropped.len(), answered(), dropped.first());
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_sigterm_under_load_drops_nobody() {
    let lab = Lab::new(Engine::Postgres).await;
    let by = lab.add_client("m");
    let second = lab.start_auth();
    for _ in 0..times(100) {
        one_round(&lab, &by, &second).await;
    }
}
