//! Fault 20: the JWKS is down or garbage; the resource-server goes on with the last good set and says so.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::harness::{Answer, Engine, Lab, Server, ports, wait::until};

/// A server that gives the same bytes to everybody; none closes the connection at once.
struct Fake {
    url: String,
    answer: Arc<Mutex<Option<Vec<u8>>>>,
    asked: Arc<AtomicUsize>,
}

impl Fake {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("its address"));
        let fake = Self { url, answer: Arc::default(), asked: Arc::default() };
        let (answer, asked) = (Arc::clone(&fake.answer), Arc::clone(&fake.asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let bytes = answer.lock().expect("answer").clone();
                asked.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]).await;
                if let Some(bytes) = bytes {
                    let _ = stream.write_all(&bytes).await;
                }
            }
        });
        fake
    }

    fn say(&self, status: &str, body: &[u8]) {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        *self.answer.lock().expect("answer") = Some([head.as_bytes(), body].concat());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn start(lab: &Lab, issuer: &str, url: &str, admin: &str) -> Server {
    let mut arguments = lab.resource_arguments(issuer);
    let at = arguments.iter().position(|a| a == "--public-key").expect("a key file");
    arguments.splice(at..=at + 1, ["--jwks-url".to_owned(), url.to_owned()]);
    let at = arguments.iter().position(|a| a == "off").expect("no second listener");
    admin.clone_into(&mut arguments[at]);
    Server::start(lab.resource().command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// The value of a metric's line that starts with `name`; 0 where there is none.
async fn metric(lab: &Lab, admin: &str, name: &str) -> f64 {
    let sent = lab.http.get(format!("http://{admin}/metrics")).send().await.expect("metrics");
    let text = Answer::read(sent).await.body;
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or(0.0)
}

const FAILED: &str = r#"resource_server_jwks_fetches_total{outcome="failed"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn f20_jwks_down_or_garbage_leaves_the_last_good_set_in_force() {
    let (lab, other) = (Lab::new(Engine::Sqlite).await, Lab::new(Engine::Sqlite).await);
    let (by, stranger) = (lab.add_client("m"), other.add_client("m"));
    let auth = lab.start_auth();
    // The same issuer by its name, so that the key alone tells its tokens apart.
    let foreign =
        other.start_auth_with(&["--listen", "127.0.0.1:0", "--admin-listen", "off", "--issuer", auth.url()]);
    foreign.wait_until_healthy();
    let token = lab.access_token(&auth, &by).await;
    let forged = other.access_token(&foreign, &stranger).await;
    let good = lab.http.get(auth.at("/jwks.json")).send().await.expect("keys").bytes().await.expect("keys");
    let fake = Fake::new().await;
    fake.say("200 OK", &good);
    let admin = format!("127.0.0.1:{}", ports::free());
    let first = start(&lab, auth.url(), &fake.url, &admin);
    until("the good set", Duration::from_secs(10), || async {
        (lab.read(&first, &token).await.status == 200).then_some(())
    })
    .await;
    lab.kept_on_disk("jwks-", "keys").await;
    drop(first);

    let large = vec![b'x'; 5 * 1024 * 1024];
    let bad: [(&str, &[u8]); 6] = [
        ("500 Internal Server Error", b"{}"),
        ("200 OK", b"not JSON"),
        ("200 OK", b"{\"keys\":[]}"),
        ("200 OK", b"[]"),
        ("200 OK", &large),
        ("302 Found", b""),
    ];
    for (status, body) in bad {
        fake.say(status, body);
        let before = fake.asked();
        let server = start(&lab, auth.url(), &fake.url, &admin);
        let what = String::from_utf8_lossy(body.get(..body.len().min(20)).unwrap_or_default()).into_owned();
        until(&format!("the fetch of {status} {what}"), Duration::from_secs(10), || async {
            (fake.asked() > before && metric(&lab, &admin, FAILED).await > 0.0).then_some(())
        })
        .await;
        assert_eq!(lab.read(&server, &token).await.status, 200, "{status} {what}: the last good set");
        assert_eq!(lab.read(&server, &forged).await.status, 401, "{status} {what}: never open");
    }
    *fake.answer.lock().expect("answer") = None;
    let server = start(&lab, auth.url(), &fake.url, &admin);
    assert_eq!(lab.read(&server, &token).await.status, 200, "down");
    assert_eq!(lab.read(&server, &forged).await.status, 401, "never open");
}
