//! Refresh tokens while servers and links break: nobody honest is logged out, and nothing lives twice.

use std::time::Duration;

use futures_util::future::join_all;

use crate::harness::chaos::{Chaos, Link};
use crate::harness::counts::is_full;
use crate::harness::visitor::{App, Site};
use crate::harness::wait::{until, until_blocking};
use crate::harness::{Engine, Server, ports};

#[tokio::test(flavor = "multi_thread")]
async fn a052_a_broken_link_to_the_database_is_503_and_costs_no_token() {
    let site = Site::open(Engine::Postgres).await;
    let (chaos, through) = Chaos::before_database(&site.lab.database.url).await;
    let auth = site.lab.auth.clone().with("AUTH_SERVER_DATABASE__URL", &through);
    let arguments =
        ["serve", "--issuer", site.server.url(), "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let server = Server::start(auth.command(&arguments));
    server.wait_until_healthy();
    let (mut visitor, tokens) = site.tokens().await;
    let mut token = tokens["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(site.app.refresh(&server, &token).await.status, 200, "through the link as well");
    token = site.app.refresh(&site.server, &token).await.text("refresh_token");
    for link in [Link::Cut, Link::Silent, Link::AnswersLost] {
        let code = site.another_code(&mut visitor).await;
        chaos.set(link);
        for answer in [site.app.refresh(&server, &token).await, site.app.redeem(&server, &code).await] {
            assert_eq!(
                (answer.status, answer.text("error").as_str()),
                (503, "temporarily_unavailable"),
                "{link:?}"
            );
            assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
        }
        let revoked = site.app.post(&server, "/revoke", &[("token", &token)]).await;
        assert_eq!(revoked.status, 503, "a082, {link:?}: {revoked:?}");
        chaos.set(Link::Open);
        let next = until("the token is as good as it was", Duration::from_mins(1), || async {
            let answer = site.app.refresh(&server, &token).await;
            assert_ne!(answer.status, 400, "{link:?}: {answer:?}");
            (answer.status == 200).then(|| answer.text("refresh_token"))
        });
        if link == Link::AnswersLost {
            // The database may have done what it was asked before its answer was lost: then the grant was ended by
            // `/revoke`, which said that it does not know. Only this one may be over.
            let answer = site.app.refresh(&site.server, &token).await;
            assert!(matches!(answer.status, 200 | 400), "{answer:?}");
            return;
        }
        token = next.await;
    }
}

/// A server that can be killed and started again at its address.
struct Mortal {
    site: Site,
    server: Server,
    port: u16,
}

impl Mortal {
    async fn open(engine: Engine) -> Self {
        let site = Site::open(engine).await;
        let port = ports::free();
        let server = Self::start(&site, port);
        Self { site, server, port }
    }

    fn start(site: &Site, port: u16) -> Server {
        let listen = format!("127.0.0.1:{port}");
        let arguments =
            ["serve", "--issuer", site.server.url(), "--listen", &listen, "--admin-listen", "off"];
        // The one before it may not be gone yet.
        until_blocking("the server has its port", Duration::from_mins(1), || {
            Server::try_start(site.lab.auth.command(&arguments)).ok()
        })
    }

    /// One caller, who tries again for as long as nobody tells it no.
    async fn refreshed(&self, token: &str) -> String {
        until("a refresh is answered", Duration::from_mins(5), || async {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
            let App { credentials, .. } = &self.site.app;
            let request = self.site.lab.http.post(format!("http://127.0.0.1:{}/token", self.port));
            let request = request.basic_auth(&credentials.id, Some(&credentials.secret)).form(&form);
            let answer = crate::harness::http::Answer::read(request.send().await.ok()?).await;
            assert!(matches!(answer.status, 200 | 503), "an honest client is told no: {answer:?}");
            (answer.status == 200).then(|| answer.text("refresh_token"))
        })
        .await
    }
}

on_both!(a044_a046_kills_and_lost_answers_leave_one_living_token_that_everybody_holds, |engine| {
    let mut mortal = Mortal::open(engine).await;
    let (_, tokens) = mortal.site.tokens().await;
    let mut current = tokens["refresh_token"].as_str().unwrap().to_owned();
    // 10,000 rounds of 64 callers in `./test full`.
    let (rounds, callers) = if is_full() { (10_000, 64) } else { (12, 16) };
    let mut kills = 0;
    for round in 0..rounds {
        let next = {
            let asking = join_all((0..callers).map(|_| mortal.refreshed(&current)));
            if round % 4 == 3 {
                // The server dies in the middle of it, and another one takes its place.
                let killed = mortal.server.pid();
                let pid = killed.to_string();
                let kill = async {
                    tokio::time::sleep(Duration::from_millis(round % 23)).await;
                    std::process::Command::new("kill").args(["-9", &pid]).status().expect("kill");
                };
                kills += 1;
                let begin_again = async {
                    kill.await;
                    tokio::task::block_in_place(|| Mortal::start(&mortal.site, mortal.port))
                };
                let (answers, server) = tokio::join!(asking, begin_again);
                (answers, Some(server))
            } else {
                (asking.await, None)
            }
        };
        let (mut answers, server) = next;
        if let Some(server) = server {
            mortal.server = server;
        }
        answers.sort();
        answers.dedup();
        assert_eq!(answers.len(), 1, "round {round}: everybody holds the same token");
        assert_ne!(answers[0], current, "round {round}");
        current = answers.remove(0);
    }
    println!("figure: a044 {engine:?}: {rounds} rounds of {callers} refreshes, {kills} kills, one lineage");
});
