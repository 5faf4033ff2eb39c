//! `POST /par`: pushed authorization requests, RFC 9126.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request, StatusCode, header};
use serde_json::json;
use trefoil_core::authorize::{self, PushedRequest, START_WITHIN, pushed_value};
use trefoil_shared::{ClientId, Secret, Timestamp};

use super::authorize::checked;
use super::client::{authenticate, named};
use super::error::Refused;
use super::form::Form;
use super::routes::Route;
use super::site::{accounts, interaction};
use crate::app::App;
use crate::model::Client;
use crate::protocol::{Authenticated, AuthorizeDenied, Denied, Seen};
use crate::records::{Body as RecordBody, Key, Record, Version};
use crate::store::StoreError;

const FORMAT: u32 = 1;

pub(super) async fn push(State(app): State<App>, request: Request<Body>) -> Response {
    match pushed(&app, request).await {
        Ok(response) => response,
        Err(refused) => refused.answer(Route::Par.name(), &Route::Par.path(app.issuer())),
    }
}

async fn pushed(app: &App, request: Request<Body>) -> Result<Response, Refused> {
    let form = Form::read(app, request).await?;
    let served = async {
        let caller = authenticate(app, &form).await?;
        let client = caller.client();
        // Anybody can name a public client. One that proves itself speaks for all of its people from one address.
        if matches!(caller, Authenticated::Public(_)) {
            accounts::may_begin_from(app, form.address, caller.moment().now()).await?;
        }
        keep(app, &form, caller.seen()).await.map_err(named(client))
    };
    served.await.map_err(|refused| refused.sent_from(form.address))
}

/// Judges the request as `/authorize` would, and keeps it.
async fn keep(app: &App, form: &Form, client: &Seen<Client>) -> Result<Response, Refused> {
    let now = client.moment().now();
    let redirect = authorize::redirectable_for(&form.params, client.clone())?;
    checked(app, &redirect, &form.params).await?;
    let grant = interaction::new_record_id(app).to_text();
    let request = PushedRequest::new(client.client_id.clone(), &form.params, grant, now);
    let value = Secret::new(URL_SAFE_NO_PAD.encode(app.rng().bytes32()));
    let body = RecordBody::new(FORMAT, &request).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let expires = now.plus(interaction::LIFETIME);
    let record = Record { version: Version::from_bytes(app.rng().bytes16()), expires, body };
    app.records().create(&key(&app.root().stored_name("pushed", value.reveal()))?, &record, now).await?;
    tracing::info!(client_id = %client.client_id, "authorization request pushed");
    let answer = json!({ "request_uri": authorize::request_uri(&value), "expires_in": START_WITHIN });
    let mut response = (StatusCode::CREATED, axum::Json(answer)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The request that a `request_uri` of ours names; `None` for another URI.
pub(super) async fn find(
    app: &App,
    client_id: &ClientId,
    (request_uri, now): (&str, Timestamp),
) -> Result<Option<PushedRequest>, Refused> {
    let Some(value) = pushed_value(request_uri).transpose()? else { return Ok(None) };
    for name in app.root().stored_names("pushed", value.reveal()) {
        let Some(record) = app.records().read(&key(&name)?, now).await? else { continue };
        let request: PushedRequest =
            record.body.read(FORMAT).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        if request.client_id == *client_id {
            return Ok(Some(request));
        }
    }
    Err(Denied::Authorize(AuthorizeDenied::PushedRequestGone).into())
}

fn key(name: &str) -> Result<Key, StoreError> {
    format!("pushed:{name}").parse().map_err(|_| StoreError::Corrupt("a key".to_owned()))
}
