//! Device codes while time passes.

use trefoil_core::device::{DeviceAnswer, DeviceName, DeviceRequest};
use trefoil_shared::{GrantType, TypedValue, ValueKind};

use super::harness::{Answer, SECRET, Server, basic};
use crate::app::{DevicePolicy, Policy};
use crate::grants::Grants;
use crate::model::Client;
use crate::records::{Created, Record};

/// A server with the client `tv`, whose devices have no browser.
async fn server(policy: DevicePolicy) -> Server {
    let server = Server::with(super::harness::ISSUER, Policy { device: policy, ..Policy::default() }).await;
    let base = server.client("tv", "api", "read write");
    let grant_types = vec![GrantType::DEVICE_CODE, GrantType::REFRESH_TOKEN];
    server.add_client(Client { grant_types, ..base }).await;
    server
}

impl Server {
    async fn begin_device(&self) -> Answer {
        self.post("/device_authorization", &[("authorization", &basic("tv", SECRET))], "scope=read").await
    }

    async fn device_code(&self) -> String {
        self.begin_device().await.ok().json()["device_code"].as_str().unwrap().to_owned()
    }

    async fn poll(&self, code: &str) -> (u16, String) {
        let form = format!("grant_type={}&device_code={code}", GrantType::DEVICE_CODE);
        self.post("/token", &[("authorization", &basic("tv", SECRET))], form).await.refused()
    }

    /// The name of a request, and its record.
    async fn request(&self, code: &str) -> (DeviceName, Record) {
        let code = TypedValue::parse(ValueKind::DeviceCode, code).unwrap();
        let name = DeviceName::of(&code, self.app.root());
        let record = self.app.records().read(&name.request_key(), self.app.now()).await.unwrap().unwrap();
        (name, record)
    }
}

fn refused(error: &str) -> (u16, String) {
    (400, error.to_owned())
}

#[tokio::test]
async fn a054_each_poll_that_comes_too_early_makes_the_interval_longer() {
    let server = server(DevicePolicy::default()).await;
    let code = server.device_code().await;
    assert_eq!(server.poll(&code).await, refused("authorization_pending"));
    for _ in 0..12 {
        assert_eq!(server.poll(&code).await, refused("slow_down"));
    }
    // The interval is 65 s by now; at first it was 5 s.
    server.advance_clock(20);
    assert_eq!(server.poll(&code).await, refused("slow_down"), "it is kept");
    server.advance_clock(60);
    assert_eq!(server.poll(&code).await, refused("authorization_pending"));
    assert_eq!(server.poll(&code).await, refused("slow_down"));
}

#[tokio::test]
async fn a_device_that_keeps_to_its_interval_is_never_slowed_down() {
    let server = server(DevicePolicy::default()).await;
    let code = server.device_code().await;
    for n in 0..20 {
        assert_eq!(server.poll(&code).await, refused("authorization_pending"), "{n}");
        server.advance_clock(5);
    }
}

#[tokio::test]
async fn a058_expired_is_written_down_before_it_is_told() {
    let server = server(DevicePolicy::default()).await;
    let code = server.device_code().await;
    assert_eq!(server.poll(&code).await, refused("authorization_pending"));
    server.advance_clock(700);
    let (name, record) = server.request(&code).await;
    assert_eq!(server.poll(&code).await, refused("expired_token"));
    // Whoever answers now comes too late, however far behind its clock is.
    let request = DeviceRequest::read(&record).unwrap();
    let answer = DeviceAnswer::Denied.record(&request, server.app.rng()).unwrap();
    let created = server.app.records().create(&name.answer_key(), &answer, request.started).await.unwrap();
    assert_eq!(created, Created::Taken);
    assert_eq!(server.poll(&code).await, refused("expired_token"));
    server.advance_clock(600);
    assert_eq!(server.poll(&code).await, refused("invalid_grant"), "nothing is known of it any more");
}

#[tokio::test]
async fn a125_one_network_begins_3000_devices_in_ten_minutes() {
    let server = server(DevicePolicy::default()).await;
    server.begin_device().await.ok();
    // As if it had begun all but one of the others.
    let now = server.app.now();
    let name = server.app.root().stored_name("device-begun", "192.0.2.1");
    let key = format!("device-begun:{name}").parse().unwrap();
    server.app.records().count(&key, 2_998, now.plus(600), now).await.unwrap();
    server.begin_device().await.ok();
    assert_eq!(server.begin_device().await.refused(), (429, "slow_down".to_owned()));
    server.advance_clock(700);
    server.begin_device().await.ok();
}

#[tokio::test]
async fn a055_wrong_codes_of_everybody_have_a_limit_too() {
    let server = server(DevicePolicy::default()).await;
    let begun = server.begin_device().await.ok().json();
    let page = server.get("/device").await.ok();
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    let csrf = html.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("csrf={csrf}&user_code={}", begun["user_code"].as_str().unwrap());
    let now = server.app.now();
    let name = server.app.root().stored_name("device-wrong", "");
    let key = format!("device-wrong:{name}").parse().unwrap();
    server.app.records().count(&key, 5_000, now.plus(600), now).await.unwrap();
    assert_eq!(server.post("/device", &[("cookie", &cookie)], form.clone()).await.status, 429);
    server.advance_clock(700);
    let late = server.post("/device", &[("cookie", &cookie)], form).await;
    assert_eq!(late.status, 422, "by now the code has expired");
}

#[tokio::test]
async fn without_its_grant_the_device_flow_is_not_served() {
    let server = server(DevicePolicy::default()).await;
    let without = Grants::none().with(crate::grants::ClientCredentials);
    for route in crate::http::Route::ALL {
        let is_served = crate::http::Route::served(&without).any(|served| served == route);
        let path = route.path(server.app.issuer());
        assert_eq!(is_served, !path.starts_with("/device"), "{path}");
    }
    let picture = server.get("/device/qr.svg?user_code=wdjbmjht").await.ok();
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    assert_eq!(server.get("/device/qr.svg?user_code=x").await.status, 400);
}
