//! `POST /device_authorization`: RFC 8628 sections 3.1 and 3.2.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, header};
use trefoil_core::device::{DeviceName, DeviceRequest, UserCode, may_begin_unproven};
use trefoil_shared::{GrantType, Timestamp, ValueKind};

use super::limits;
use super::qr_code::link;
use crate::app::App;
use crate::http::client::{authenticate, named};
use crate::http::error::Refused;
use crate::http::form::Form;
use crate::http::refused_facts;
use crate::http::routes::Route;
use crate::http::site::interaction::new_record_id;
use crate::http::token::target;
use crate::model::Client;
use crate::protocol::{self, Asked, Denied, DeviceDenied, Seen};
use crate::records::Created;
use crate::store::StoreError;

/// How many user codes are tried that others have: of 20^8 nearly every one is free.
const TRIES: usize = 8;

pub(in crate::http) async fn device_authorization(
    State(app): State<App>,
    request: Request<Body>,
) -> Response {
    let begun = async {
        let form = Form::read(&app, request).await?;
        served(&app, &form).await.map_err(|refused| refused.sent_from(form.address))
    };
    let route = Route::DeviceAuthorization;
    begun.await.unwrap_or_else(|refused: Refused| refused.answer(route.name(), &route.path(app.issuer())))
}

async fn served(app: &App, form: &Form) -> Result<Response, Refused> {
    let client = let_in(app, form).await?;
    match begin(app, form, &client).await {
        Ok(response) => Ok(response),
        Err(refused) => {
            let client = client.value();
            Err(named(client)(refused).asking(refused_facts::asked(app, form, client).await))
        }
    }
}

/// The client that begins. One that was registered so need not prove who it is; what it shows nevertheless has to be
/// right.
async fn let_in(app: &App, form: &Form) -> Result<Seen<Client>, Refused> {
    let presented = protocol::presented(&form.authorization, &form.params)?;
    if presented.secret.is_none() {
        let found = app.registry().client(&presented.client_id).await?;
        if let Some(client) = found.seen().filter(|client| may_begin_unproven(client)) {
            return Ok(client);
        }
    }
    Ok(authenticate(app, form).await?.seen().clone())
}

async fn begin(app: &App, form: &Form, client: &Seen<Client>) -> Result<Response, Refused> {
    protocol::permitted_grant(GrantType::DEVICE_CODE.as_str(), client, app.grants().names())?;
    let now = client.moment().now();
    limits::may_begin(app, form.address, now).await?;
    let target = target(app, client, Asked::from_params(&form.params)?).await?;
    let resources = target.resources.iter().map(|resource| resource.name.clone()).collect();
    let asked = (target.scope.scope().clone(), resources);
    let policy = (now, app.policy().device);
    let mut request = DeviceRequest::begin(client.client_id.clone(), asked, new_record_id(app), policy);
    request.address = form.address.map(|address| address.to_string());
    let code = app.rng().typed_value(ValueKind::DeviceCode);
    let name = DeviceName::of(&code, app.root());
    let user_code = reserve(app, &name, request.until, now).await?;
    let record = request.record(app.rng())?;
    if app.records().create(&name.request_key(), &record, now).await? == Created::Taken {
        return Err(StoreError::Corrupt("a new device code that is taken".to_owned()).into());
    }
    tell(client.value(), &request);
    Ok(success(&serde_json::json!({
        "device_code": code.secret().reveal(),
        "user_code": user_code.to_string(),
        "verification_uri": app.issuer().endpoint("/device"),
        "verification_uri_complete": link(app, &user_code),
        "expires_in": policy.1.lifetime,
        "interval": request.interval,
    })))
}

/// A user code that nobody else has. It leads to the request before that is there: whoever types it meanwhile is told
/// that no device waits with it.
async fn reserve(
    app: &App,
    name: &DeviceName,
    until: Timestamp,
    now: Timestamp,
) -> Result<UserCode, Refused> {
    for _ in 0..TRIES {
        let code = UserCode::random(app.rng());
        let record = name.record(until, app.rng())?;
        if app.records().create(&code.key(app.root()), &record, now).await? == Created::New {
            return Ok(code);
        }
    }
    Err(Denied::Device(DeviceDenied::UserCodesUsedUp).into())
}

fn tell(client: &Arc<Client>, request: &DeviceRequest) {
    metrics::counter!("trefoil_device_requests_total", "outcome" => "begun").increment(1);
    tracing::info!(
        client_id = %client.client_id,
        scope = %request.scopes,
        address = request.address,
        "device login begun"
    );
}

fn success(body: &serde_json::Value) -> Response {
    let mut response = axum::Json(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
