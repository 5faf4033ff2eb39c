//! The pages of devices in a real browser, typed and by the complete link.

use fantoccini::Locator;
use fantoccini::error::CmdError;

use crate::harness::browser::{Browser, Look};
use crate::harness::visitor::{App, PASSWORD, Site};
use crate::harness::{Engine, Lab};

async fn site() -> Site {
    let lab = Lab::new(Engine::Sqlite).await;
    let app = App::device(&lab, "tv", &["--policy-uri", "https://tv.example.com/privacy"]);
    lab.auth.ok(&["client", "update", "tv", "--name", "Living Room TV"]);
    let sub = crate::harness::visitor::add_user(&lab, "alice");
    let server = lab.start_auth();
    Site { lab, server, app, sub }
}

async fn go_on(browser: &Browser) {
    let button = browser.client.find(Locator::Css("form button")).await.expect("a button");
    button.click().await.expect("a click");
}

async fn whole_way(look: Look) {
    let site = site().await;
    let browser = Browser::open(look).await;
    // Typed, after a mistake.
    let login = site.app.begin(&site.server).await;
    browser.go(&site.server.at("/device")).await;
    browser.shows("Connect a device").await;
    browser.picture("device").await;
    browser.fill("user_code", "bbbb bbbb").await;
    go_on(&browser).await;
    browser.says("No device waits with this code.").await;
    browser.picture("device-wrong").await;
    browser.fill("user_code", &login.user_code.replace('-', "").to_lowercase()).await;
    go_on(&browser).await;
    browser.shows("Sign in").await;
    browser.picture("device-login").await;
    browser.sign_in("alice", PASSWORD).await;
    browser.shows("Allow access").await;
    browser.says("A device at the address 127.0.0.1 asked for this").await;
    browser.picture("device-consent").await;
    browser.press("approve").await;
    browser.shows("Your device is connected").await;
    browser.picture("device-allowed").await;
    assert_eq!(site.app.poll(&site.server, &login).await.status, 200);
    // The complete link: filled in, with a picture for a telephone, and asked all the same.
    let login = site.app.begin(&site.server).await;
    browser.go(&login.complete).await;
    browser.says("Does your device show this code?").await;
    let field = browser.client.find(Locator::Css("input[name=user_code]")).await.expect("the field");
    assert_eq!(field.prop("value").await.expect("a value").as_deref(), Some(&*login.user_code));
    browser.client.find(Locator::Css("summary")).await.expect("more").click().await.expect("a click");
    let picture = browser.client.find(Locator::Css("img.qr")).await.expect("the picture");
    crate::harness::wait::until("the picture is drawn", std::time::Duration::from_mins(1), || async {
        // A number is none of the texts that the driver's client expects of a property.
        let Err(CmdError::NotW3C(width)) = picture.prop("naturalWidth").await else { return None };
        (width.as_u64()? > 0 && picture.is_displayed().await.ok()?).then_some(())
    })
    .await;
    browser.picture("device-link").await;
    go_on(&browser).await;
    browser.shows("Allow access").await;
    browser.press("deny").await;
    browser.shows("Nothing was allowed").await;
    browser.picture("device-denied").await;
    assert_eq!(site.app.poll_error(&site.server, &login).await, "access_denied");
    // The back button shows what became of it.
    browser.client.back().await.expect("back");
    browser.says("Nothing was allowed").await;
    browser.go(&site.server.at("/account")).await;
    browser.says("Living Room TV").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_connected_on_a_desk() {
    whole_way(Look::DESK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_connected_on_a_phone_in_the_dark_without_scripts() {
    whole_way(Look::PHONE).await;
}
