//! `/revocations/{kid}`.

use std::io::Read as _;

use axum::body::Body;
use flate2::read::GzDecoder;
use http::Request;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{Algorithm, KeySet};
use trefoil_shared::revocation::{CutOffScope, RevocationList, TokenId};

use super::harness::{ISSUER, Server};
use crate::model::KeyState;
use crate::store::Revocation;

impl Server {
    pub(super) fn kid(&self) -> String {
        self.app.keys().active(Algorithm::ES256).unwrap().kid().to_owned()
    }

    async fn list(&self, query: &str) -> RevocationList {
        self.app.revocations().poll_once().await.unwrap();
        let answer = self.get(&format!("/revocations/{}{query}", self.kid())).await.ok();
        assert_eq!(answer.header("content-type"), "application/revocations+jwt");
        self.read(std::str::from_utf8(&answer.body).unwrap())
    }

    /// As a verifier reads it that has the one PEM.
    fn read(&self, document: &str) -> RevocationList {
        let key = self.app.keys().active(Algorithm::ES256).unwrap();
        let keys = KeySet::from_bytes(key.public_key().to_pem().as_bytes()).unwrap();
        RevocationList::verify(document, &keys, ISSUER, self.app.now()).unwrap()
    }

    async fn revoke_row(&self, n: u8) {
        let id = TokenId::from_bytes([n; 12]);
        let row = Revocation::Token { id, expires_at: self.app.now().plus(3_600) };
        self.app.store().revoke(&row, self.app.now()).await.unwrap();
    }
}

#[tokio::test]
async fn d17_the_list_is_signed_by_the_key_that_was_asked_and_has_what_was_revoked() {
    let server = Server::start().await;
    assert_eq!(server.list("").await.tokens, []);
    server.revoke_row(1).await;
    let second = server.app.now();
    let cut = Revocation::cut_off(CutOffScope::Client("machine"), second, 3_600);
    server.app.store().revoke(&cut, second).await.unwrap();
    let list = server.list("").await;
    assert_eq!(list.tokens.len(), 1);
    assert_eq!(list.before, [(CutOffScope::Client("machine").first_key().unwrap(), second)]);
    assert_eq!(list.kinds, [CutOffScope::Client("machine").kind()]);
    let key = CutOffScope::Client("machine").key();
    assert_eq!(list.cut_offs, [(key, Some(second), second.plus(3_600))]);
    assert_eq!((list.since, list.revision, list.ttl), (0, 1, 15));
}

#[tokio::test]
async fn d17_a_delta_has_what_came_after_and_the_whole_list_answers_those_ahead() {
    let server = Server::start().await;
    for n in 1..=4 {
        server.revoke_row(n).await;
        server.app.revocations().poll_once().await.unwrap();
    }
    let delta = server.list("?since=3").await;
    assert_eq!((delta.since, delta.revision, delta.tokens.len()), (3, 4, 1));
    let nothing = server.list("?since=4").await;
    assert_eq!((nothing.since, nothing.tokens.len()), (4, 0));
    let ahead = server.list("?since=99").await;
    assert_eq!((ahead.since, ahead.revision, ahead.tokens.len()), (0, 4, 4));
}

/// Who has the one PEM goes on hearing of revocations after a rotation, and of nothing by a key that signs nothing yet.
#[tokio::test]
async fn d17_a_retiring_key_signs_its_list_to_its_end_and_a_standby_none() {
    let server = Server::start().await;
    let old = server.app.keys().active(Algorithm::ES256).unwrap();
    let pem = KeySet::from_bytes(old.public_key().to_pem().as_bytes()).unwrap();
    let keys = server.app.keys().keys().clone();
    let standby =
        keys.list(server.app.now()).await.unwrap().into_iter().find(|key| key.state == KeyState::Standby);
    let standby = format!("/revocations/{}", standby.unwrap().kid);
    assert_eq!(server.get(&standby).await.refused().0, 404, "it signs nothing yet");

    keys.rotate(Algorithm::ES256, true, (server.app.now(), None)).await.unwrap();
    server.app.keys().refresh(server.app.now()).await.unwrap();
    assert_ne!(server.kid(), old.kid());
    server.revoke_row(1).await;
    server.app.revocations().poll_once().await.unwrap();
    let path = format!("/revocations/{}", old.kid());
    let answer = server.get(&path).await.ok();
    let document = std::str::from_utf8(&answer.body).unwrap();
    let list = RevocationList::verify(document, &pem, ISSUER, server.app.now()).unwrap();
    assert_eq!(list.tokens.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [TokenId::from_bytes([1; 12])]);
    assert_eq!(server.list("").await.tokens, list.tokens, "and the new active key the same");

    let row =
        keys.list(server.app.now()).await.unwrap().into_iter().find(|key| key.kid == old.kid()).unwrap();
    let gone = row.gone_at.expect("the end of a retiring key");
    server.app.keys().refresh(gone).await.unwrap();
    assert_eq!(server.get(&path).await.refused().0, 404, "its tokens have expired, too");
    // The clock was ahead: its file is still there.
    server.app.keys().refresh(gone.plus(62 * 60)).await.unwrap();
    server.app.keys().refresh(gone.plus(-1)).await.unwrap();
    server.get(&path).await.ok();
    server.app.keys().refresh(gone.plus(86_400)).await.unwrap();
    server.app.keys().refresh(gone.plus(-1)).await.unwrap();
    assert_eq!(server.get(&path).await.refused().0, 404, "deleted a day after its end");
}

#[tokio::test]
async fn d17_an_unknown_kid_is_404_and_a_bad_since_400() {
    let server = Server::start().await;
    assert_eq!(server.get("/revocations/nobody").await.refused().0, 404);
    let bad = server.get(&format!("/revocations/{}?since=x", server.kid())).await;
    assert_eq!(bad.refused(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn d17_a_long_list_comes_in_gzip_to_who_takes_it_and_not_again_to_who_has_it() {
    let server = Server::start().await;
    for n in 0..100 {
        server.revoke_row(n).await;
    }
    server.app.revocations().poll_once().await.unwrap();
    let path = format!("/revocations/{}", server.kid());
    let request = Request::get(&path).header("accept-encoding", "br, gzip");
    let zipped = server.send(request.body(Body::empty()).unwrap()).await.ok();
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let mut text = String::new();
    GzDecoder::new(zipped.body.as_ref()).read_to_string(&mut text).unwrap();
    assert_eq!(server.read(&text).tokens.len(), 100);
}

/// RFC 9110 sections 8.8.3 and 15.4.5: a strong tag belongs to one representation, and a 304 names the one that would
/// have been sent.
#[tokio::test]
async fn w26_plain_and_gzip_lists_have_tags_of_their_own() {
    let server = Server::start().await;
    for n in 0..100 {
        server.revoke_row(n).await;
    }
    server.app.revocations().poll_once().await.unwrap();
    let path = format!("/revocations/{}", server.kid());
    let get = async |accepted: &str, known: Option<&str>| {
        let mut request = Request::get(&path).header("accept-encoding", accepted);
        if let Some(known) = known {
            request = request.header("if-none-match", known);
        }
        server.send(request.body(Body::empty()).unwrap()).await
    };
    // A list is made anew every 3 s: both of one time.
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let (plain, zipped) = loop {
        let bucket = || server.app.now().seconds().div_euclid(3);
        let began = bucket();
        let both = (get("identity", None).await.ok(), get("gzip", None).await.ok());
        if bucket() == began {
            break both;
        }
        assert!(std::time::Instant::now() < deadline, "never both in one time");
    };
    let (plain_tag, zipped_tag) = (plain.header("etag").to_owned(), zipped.header("etag").to_owned());
    assert_ne!(plain_tag, zipped_tag);
    assert!(!plain_tag.starts_with("W/") && !zipped_tag.starts_with("W/"));
    for answer in [&plain, &zipped] {
        assert_eq!(answer.header("vary"), "accept-encoding");
    }
    let unchanged = get("gzip", Some(&zipped_tag)).await;
    if unchanged.status == 304 {
        assert_eq!(
            (unchanged.header("etag"), unchanged.header("vary")),
            (zipped_tag.as_str(), "accept-encoding")
        );
    }
    assert_eq!(get("gzip", Some(&plain_tag)).await.status, 200, "what is held is another representation");
    assert_eq!(get("identity", Some(&zipped_tag)).await.status, 200);
}

#[tokio::test]
async fn a081_a_cut_off_makes_a_clients_tokens_inactive_up_to_its_second() {
    let server = Server::start().await;
    let token = server.access_token().await;
    let earlier = server.app.now().plus(-60);
    for second in [earlier, server.app.now()] {
        let cut = Revocation::cut_off(CutOffScope::Client("machine"), second, 3_600);
        server.app.store().revoke(&cut, second).await.unwrap();
        server.app.revocations().poll_once().await.unwrap();
        let active = server.introspect("machine", &token).await.json()["active"] == true;
        assert_eq!(active, second == earlier);
    }
}

#[tokio::test]
async fn d17_without_the_database_no_old_list_is_signed_anew() {
    let server = Server::with(
        ISSUER,
        crate::app::Policy { max_stale: std::time::Duration::ZERO, ..crate::app::Policy::default() },
    )
    .await;
    let answer = server.get(&format!("/revocations/{}", server.kid())).await;
    assert_eq!(answer.refused(), (503, "temporarily_unavailable".to_owned()));
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn d19_a_server_that_cannot_follow_revocations_says_that_it_is_not_ready() {
    let max_stale = std::time::Duration::from_millis(500);
    let server =
        Server::with(ISSUER, crate::app::Policy { max_stale, ..crate::app::Policy::default() }).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // The registry is polled all the time, revocations never again.
    while server.get("/health").await.status != 503 || server.app.registry().age() > max_stale {
        assert!(std::time::Instant::now() < deadline, "still ready");
        server.app.registry().poll_once().await.unwrap();
    }
    server.app.registry().poll_once().await.unwrap();
    assert_eq!(server.get("/health").await.status, 503);
    while server.get("/health").await.status != 200 {
        assert!(std::time::Instant::now() < deadline, "never ready again");
        server.app.revocations().poll_once().await.unwrap();
        server.app.registry().poll_once().await.unwrap();
    }
}

#[tokio::test]
async fn d17_an_asker_of_every_since_there_is_gets_a_few_lists_made() {
    let server = Server::start().await;
    for n in 0..200 {
        server.revoke_row(n).await;
        server.app.revocations().poll_once().await.unwrap();
    }
    let path = format!("/revocations/{}", server.kid());
    let bucket = |at: Timestamp| at.seconds().div_euclid(3);
    let began = bucket(server.app.now());
    let mut lists = std::collections::BTreeSet::new();
    for since in 0..=210 {
        let answer = server.get(&format!("{path}?since={since}")).await.ok();
        let list = server.read(std::str::from_utf8(&answer.body).unwrap());
        assert!(list.since <= since && list.revision == 200, "{list:?}");
        let newer = 200 - usize::try_from(since.min(200)).unwrap();
        assert!(list.tokens.len() >= newer && list.tokens.len() <= (2 * newer).max(200), "{since}: {list:?}");
        lists.insert(answer.header("etag").to_owned());
    }
    // None, 1, 2, 4 .. 64 rows and all of them, in each time that a list is kept for.
    let times = usize::try_from(bucket(server.app.now()) - began + 1).unwrap();
    assert!(lists.len() <= 9 * times, "{} lists", lists.len());
    assert_eq!(server.app.documents().made(), lists.len() as u64);
}

#[tokio::test]
async fn w30_lists_are_counted_under_a_name_of_their_own() {
    let server = Server::with("https://auth.example.com/tenant", crate::app::Policy::default()).await;
    let name = "/tenant/revocations/{kid}";
    assert!(server.app.endpoints().contains(&name));
    for kid in [server.kid(), "nobody".to_owned()] {
        let request = Request::get(format!("/tenant/revocations/{kid}")).body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(server.app.router(), request).await.unwrap();
        let counted = response.extensions().get::<trefoil_shared::EndpointName>();
        assert_eq!(counted.map(|counted| counted.0), Some(name), "{kid}");
    }
}

#[tokio::test]
async fn w14_a_database_clock_that_is_ahead_takes_nothing_off_the_list() {
    let server = Server::start().await;
    server.revoke_row(1).await;
    server.app.revocations().poll_once().await.unwrap();
    server.advance_clock(2 * 3_600);
    assert_eq!(server.list("").await.tokens.len(), 1, "it expires in an hour");
}
