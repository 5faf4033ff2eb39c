//! `/device`: where a person types the code that the device shows (RFC 8628 section 3.3). Showing the page looks nothing
//! up and answers nothing, also with the code in its URL; the form leads to the pages where people sign in and answer.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, StatusCode, header};
use trefoil_core::device::UserCode;
use trefoil_shared::{Secret, Timestamp};

use super::limits;
use super::waiting::Waiting;
use crate::app::App;
use crate::http::authorize::BROWSER_COOKIE;
use crate::http::error::Refused;
use crate::http::form::Form;
use crate::http::render_page::{base, refused, see_other};
use crate::http::routes::Route;
use crate::http::site::browser::{Browser, Cookie};
use crate::http::site::pages::Page;
use crate::http::site::{accounts, interaction};
use crate::protocol::{AuthorizeDenied, Denied, Params};

/// What forms of this page are about: nobody has to be signed in yet.
const ABOUT: &str = "device";

pub(in crate::http) async fn show(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let browser = Browser::of(&app, &parts);
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    match Params::parse(query, app.policy().max_parameters) {
        Ok(params) => page(&app, &browser, params.get("user_code").unwrap_or_default(), None),
        Err(why) => refused(&app, Route::Device, &why.into()),
    }
}

pub(in crate::http) async fn enter(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let browser = Browser::of(&app, &parts);
    let entered = async {
        if !browser.is_from_here(app.issuer()) {
            return Err(Denied::Authorize(AuthorizeDenied::FormForeign).into());
        }
        let form = Form::read(&app, Request::from_parts(parts, body)).await?;
        let presented = form.params.get("csrf").unwrap_or_default();
        let Some(id) = browser.id.as_ref().filter(|id| app.root().verify_form(id.reveal(), ABOUT, presented))
        else {
            return Err(Denied::Authorize(AuthorizeDenied::FormForeign).into());
        };
        let typed = form.params.get("user_code").unwrap_or_default();
        with_code(&app, (&browser, id), typed, app.now()).await
    };
    entered.await.unwrap_or_else(|why: Refused| refused(&app, Route::Device, &why))
}

async fn with_code(
    app: &App,
    (browser, id): (&Browser, &Secret),
    typed: &str,
    now: Timestamp,
) -> Result<Response, Refused> {
    // What cannot be a code is no guess.
    let Some(code) = UserCode::read(typed) else {
        return Ok(page(app, browser, typed, Some("device-wrong")));
    };
    if !limits::may_try(app, browser, now).await? {
        metrics::counter!("trefoil_device_codes_total", "outcome" => "too_many").increment(1);
        return Ok(page(app, browser, typed, Some("device-slow")));
    }
    let waiting = Waiting::of_code(app, &code, now).await?;
    let known = match &waiting {
        Some(waiting) => waiting.client(app).await?.is_some(),
        None => false,
    };
    let Some(waiting) = waiting.filter(|_| known) else {
        limits::was_wrong(app, now).await?;
        metrics::counter!("trefoil_device_codes_total", "outcome" => "wrong").increment(1);
        return Ok(page(app, browser, typed, Some("device-wrong")));
    };
    metrics::counter!("trefoil_device_codes_total", "outcome" => "right").increment(1);
    accounts::may_begin(app, browser, now).await?;
    let id = interaction::begin_for_device(app, id.reveal(), waiting.name, now).await?;
    Ok(see_other(&interaction::path(app, Route::Login, &id)))
}

/// The form, with what was typed in it. A browser without a cookie gets one: the form is bound to it.
fn page(app: &App, browser: &Browser, typed: &str, error: Option<&'static str>) -> Response {
    let known = browser.id.clone();
    let id = known.clone().unwrap_or_else(|| Secret::new(URL_SAFE_NO_PAD.encode(app.rng().bytes32())));
    let code = UserCode::read(typed).map(|code| code.to_string());
    let values = minijinja::context! {
        csrf => app.root().form_token(id.reveal(), ABOUT), error => error,
        user_code => code.as_deref().unwrap_or(typed), qr => code.is_some() && error.is_none(),
    };
    let status = match error {
        Some("device-slow") => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let mut response = Page::new("device.html").status(status).render(base(app), values);
    if known.is_none() {
        let cookie = Cookie::Browser.set(id.reveal(), BROWSER_COOKIE, app.issuer());
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
