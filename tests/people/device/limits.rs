//! How often devices ask and people guess, at all replicas together.

use crate::harness::Server;
use crate::harness::http::client;
use crate::harness::visitor::{Site, Visitor};

on_both!(a054_two_replicas_slow_a_device_down_together, |engine| {
    // A minute: no machine is so busy that two polls lie that far apart by chance.
    let site = Site::of_devices(engine, &[("AUTH_SERVER_DEVICE__INTERVAL", "60")]).await;
    let replica = site.replica();
    let login = site.app.begin(&site.server).await;
    assert_eq!(site.app.poll_error(&site.server, &login).await, "authorization_pending");
    assert_eq!(site.app.poll_error(&replica, &login).await, "slow_down");
    assert_eq!(site.app.poll_error(&site.server, &login).await, "slow_down");
    // Another device of the same client is not slowed down, and an answer is told at once.
    let other = site.app.begin(&replica).await;
    assert_eq!(site.app.poll_error(&site.server, &other).await, "authorization_pending");
    Visitor::of(&site.server).answer(&login, "approve").await;
    assert_eq!(site.app.poll(&replica, &login).await.status, 200);
});

/// Types a code at a server, as a browser that a proxy has seen at this address.
async fn typed(
    visitor: &mut Visitor,
    at: &Server,
    (csrf, code): (&str, &str),
    (issuer, from): (&str, &str),
) -> u16 {
    let request = client().post(at.at("/device")).form(&[("csrf", csrf), ("user_code", code)]);
    visitor.send(request.header("origin", issuer).header("x-forwarded-for", from)).await.status
}

on_both!(a055_wrong_codes_are_counted_by_network_at_all_replicas, |engine| {
    let site = Site::of_devices(engine, &[("AUTH_SERVER_TRUSTED_PROXIES", "127.0.0.1/32")]).await;
    let (replica, issuer) = (site.replica(), site.server.url());
    let login = site.app.begin(&site.server).await;
    let mut visitor = Visitor::of(&site.server);
    let csrf = visitor.open("/device").await.hidden("csrf");
    let from = (issuer, "192.0.2.7");
    let malformed = typed(&mut visitor, &site.server, (&csrf, "AEIO-UUUU"), from).await;
    assert_eq!(malformed, 422, "what cannot be a code is no guess");
    for n in 0..100 {
        let at = if n % 2 == 0 { &site.server } else { &replica };
        assert_eq!(typed(&mut visitor, at, (&csrf, "BBBB-BBBB"), from).await, 422, "{n}");
    }
    for at in [&site.server, &replica] {
        let right = typed(&mut visitor, at, (&csrf, &login.user_code), from).await;
        assert_eq!(right, 429, "the right one, too");
    }
    // A browser that forgot who it is comes from the same network; others do not.
    let mut fresh = Visitor::of(&site.server);
    let other_csrf = fresh.open("/device").await.hidden("csrf");
    assert_eq!(typed(&mut fresh, &replica, (&other_csrf, &login.user_code), from).await, 429);
    let elsewhere = (issuer, "198.51.100.7");
    assert_eq!(typed(&mut visitor, &replica, (&csrf, &login.user_code), elsewhere).await, 303);
});
