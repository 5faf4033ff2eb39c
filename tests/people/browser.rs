//! The same in a real browser: what people see and press.

use crate::harness::browser::{Browser, Look, callback};
use crate::harness::visitor::{App, PASSWORD, Site, add_user, parameter};
use crate::harness::{Engine, Lab};

/// A lab whose app is answered at a page that browsers can reach.
async fn site() -> Site {
    let lab = Lab::new(Engine::Sqlite).await;
    let callback = callback();
    let made = lab.auth.json(&[
        "client",
        "add",
        "--id",
        "app",
        "--name",
        "Photo Album",
        "--redirect-uri",
        &callback,
        "--resource",
        crate::harness::lab::RESOURCE,
        "--policy-uri",
        "https://album.example.com/privacy",
    ]);
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    let credentials = crate::harness::Credentials { id: "app".to_owned(), secret };
    let sub = add_user(&lab, "alice");
    let server = lab.start_auth();
    Site { lab, server, app: App { credentials, callback }, sub }
}

async fn whole_way(look: Look) {
    let site = site().await;
    let browser = Browser::open(look).await;
    let request = site.server.at(&site.app.request(&[("scope", "read write")]));
    browser.go(&request).await;
    browser.shows("Sign in").await;
    browser.picture("login").await;
    browser.sign_in("alice", "not the password").await;
    browser.says("The username or the password is wrong.").await;
    browser.picture("login-wrong").await;
    browser.sign_in("alice", PASSWORD).await;
    browser.shows("Allow access").await;
    browser.picture("consent").await;
    browser.press("approve").await;
    let back = browser.arrives(&site.app.callback).await;
    let code = parameter(&back, "code").expect("a code");
    assert_eq!(site.app.redeem(&site.server, &code).await.status, 200);
    // Remembered: nobody is asked again.
    browser.go(&request).await;
    let again = parameter(&browser.arrives(&site.app.callback).await, "code").expect("a code");
    assert_ne!(again, code);
    // The back button leads to a calm page, or on to the app; never to a second code of the first sign-in.
    browser.go(&site.server.at("/account")).await;
    browser.shows("Account").await;
    browser.says("Photo Album").await;
    browser.picture("account").await;
    browser.press("revoke_app").await;
    browser.says("Photo Album has no access any more.").await;
    browser.picture("account-revoked").await;
    let refused = site.app.redeem(&site.server, &again).await;
    assert_eq!(refused.text("error"), "invalid_grant", "a code from before is over as well");
    browser.press("logout").await;
    browser.shows("Signed out").await;
    browser.picture("signed-out").await;
    browser.go(&site.server.at("/authorize?client_id=nobody")).await;
    browser.shows("Something went wrong").await;
    browser.picture("error").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_login_to_sign_out_on_a_desk() {
    whole_way(Look::DESK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_login_to_sign_out_on_a_phone_in_the_dark_without_scripts() {
    whole_way(Look::PHONE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_a_denial_and_the_back_button() {
    let site = site().await;
    let browser = Browser::open(Look { dark: true, ..Look::DESK }).await;
    let request = site.server.at(&site.app.request(&[]));
    browser.go(&request).await;
    let first_tab = browser.url().await;
    browser.picture("login").await;
    let tab = browser.client.new_window(true).await.expect("a tab");
    browser.client.switch_to_window(tab.handle).await.expect("the tab");
    browser.go(&request).await;
    assert_ne!(browser.url().await, first_tab, "each tab has a sign-in of its own");
    browser.sign_in("alice", PASSWORD).await;
    browser.shows("Allow access").await;
    browser.picture("consent").await;
    browser.press("deny").await;
    let denied = browser.arrives(&site.app.callback).await;
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));
    // In the first tab the person is signed in by now.
    let tabs = browser.client.windows().await.expect("tabs");
    browser.client.switch_to_window(tabs[0].clone()).await.expect("the first tab");
    browser.client.refresh().await.expect("the page again");
    browser.shows("Allow access").await;
    browser.press("approve").await;
    let code = parameter(&browser.arrives(&site.app.callback).await, "code").expect("a code");
    assert_eq!(site.app.redeem(&site.server, &code).await.status, 200);
    browser.client.back().await.expect("back");
    browser.client.refresh().await.expect("the page again");
    browser.shows("You are done here").await;
    browser.picture("done").await;
    browser.go(&site.server.at("/account")).await;
    browser.shows("Account").await;
    browser.picture("account").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn form_post_goes_by_itself_with_scripts_and_by_a_button_without() {
    let site = site().await;
    for look in [Look::DESK, Look::PHONE] {
        let browser = Browser::open(look).await;
        browser.go(&site.server.at(&site.app.request(&[("response_mode", "form_post")]))).await;
        browser.sign_in("alice", PASSWORD).await;
        // An app that is answered on loopback is one with a secret here: it is remembered the second time.
        if look == Look::DESK {
            browser.shows("Allow access").await;
            browser.press("approve").await;
        }
        if !look.scripts {
            browser.shows("One moment").await;
            browser.picture("form-post").await;
            let button =
                browser.client.find(fantoccini::Locator::Css("#answer button")).await.expect("a button");
            button.click().await.expect("a click");
        }
        browser.arrives(&site.app.callback).await;
        browser.shows("Back in the app").await;
        browser.close().await;
    }
}
