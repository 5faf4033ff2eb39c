//! A sign-in on its way: the request that waits for the person, bound to one browser (decision 51).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use trefoil_core::authorization::RecordId;
use trefoil_core::authorize::AuthorizationRequest;
use trefoil_core::device::DeviceName;
use trefoil_shared::Timestamp;

use crate::app::App;
use crate::http::error::Refused;
use crate::http::routes::Route;
use crate::protocol::{AuthorizeDenied, Denied};
use crate::records::{Body, Key, Record, Replaced, Version};
use crate::store::StoreError;

const FORMAT: u32 = 1;
/// How long a person may take, in seconds.
pub(crate) const LIFETIME: i64 = 30 * 60;

/// What is kept of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Interaction {
    /// The request; `None` where the person only wants to see its account, or answers a device.
    pub(crate) request: Option<AuthorizationRequest>,
    /// The device that the person answers; never beside a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<DeviceName>,
    /// The record that the authorization will be: whoever makes it has won.
    grant: String,
    /// The stored name of the browser that began it.
    browser: String,
    /// The login session that was begun in it.
    #[serde(default)]
    pub(crate) signed_in: Option<String>,
}

/// An interaction as it was read.
pub(crate) struct Open {
    pub(crate) id: String,
    pub(crate) interaction: Interaction,
    key: Key,
    record: Record,
}

impl Open {
    /// The name of the authorization's record.
    pub(crate) fn grant(&self) -> Result<RecordId, Refused> {
        let corrupt = || StoreError::Corrupt("an interaction without its record".to_owned());
        Ok(RecordId::from_text(&self.interaction.grant).ok_or_else(corrupt)?)
    }

    /// Notes that the person has signed in.
    pub(crate) async fn signed_in(&self, app: &App, sid: &str, now: Timestamp) -> Result<(), Refused> {
        let next = Interaction { signed_in: Some(sid.to_owned()), ..self.interaction.clone() };
        let body = self.record.body.updated(FORMAT, &next).map_err(|error| corrupt(&error))?;
        let record =
            Record { version: Version::from_bytes(app.rng().bytes16()), expires: self.record.expires, body };
        let replaced = app.records().replace(&self.key, &self.record.version, &record, now).await?;
        // Lost: the same browser was faster with another form. What it did counts.
        if replaced == Replaced::Lost {
            tracing::debug!("an interaction was changed by another form of its browser");
        }
        Ok(())
    }

    /// Ends it: nothing of it can be sent again.
    pub(crate) async fn end(&self, app: &App, now: Timestamp) -> Result<(), Refused> {
        app.records().remove(&self.key, &self.record.version, now).await?;
        Ok(())
    }
}

/// Where one of its pages is.
pub(crate) fn path(app: &App, page: Route, id: &str) -> String {
    format!("{}?id={id}", page.path(app.issuer()))
}

/// A name for the record of an authorization.
pub(crate) fn new_record_id(app: &App) -> RecordId {
    RecordId::from_random(app.rng().bytes16())
}

/// The name for the record of this request's authorization. One that was pushed has it from its beginning, so that it
/// counts once, however often it is used (decision 52).
pub(crate) fn record_id(app: &App, request: &AuthorizationRequest) -> Result<RecordId, StoreError> {
    let Some(grant) = &request.grant else { return Ok(new_record_id(app)) };
    RecordId::from_text(grant)
        .ok_or_else(|| StoreError::Corrupt("a pushed request without its record".to_owned()))
}

/// Begins one. Gives its id, for the URL.
pub(crate) async fn begin(
    app: &App,
    browser: &str,
    request: Option<AuthorizationRequest>,
    now: Timestamp,
) -> Result<String, Refused> {
    begin_with(app, browser, (request, None), now).await
}

/// Begins one in which the person answers a device.
pub(crate) async fn begin_for_device(
    app: &App,
    browser: &str,
    device: DeviceName,
    now: Timestamp,
) -> Result<String, Refused> {
    begin_with(app, browser, (None, Some(device)), now).await
}

async fn begin_with(
    app: &App,
    browser: &str,
    (request, device): (Option<AuthorizationRequest>, Option<DeviceName>),
    now: Timestamp,
) -> Result<String, Refused> {
    let id = URL_SAFE_NO_PAD.encode(app.rng().bytes16());
    let grant = request.as_ref().map_or_else(|| Ok(new_record_id(app)), |request| record_id(app, request))?;
    let interaction = Interaction {
        request,
        device,
        grant: grant.to_text(),
        browser: app.root().stored_name("browser", browser),
        signed_in: None,
    };
    let body = Body::new(FORMAT, &interaction).map_err(|error| corrupt(&error))?;
    let record =
        Record { version: Version::from_bytes(app.rng().bytes16()), expires: now.plus(LIFETIME), body };
    let key = key(&app.root().stored_name("interaction", &id))?;
    app.records().create(&key, &record, now).await?;
    Ok(id)
}

/// Finds one, for the browser that began it.
pub(crate) async fn open(
    app: &App,
    id: &str,
    browser: Option<&str>,
    now: Timestamp,
) -> Result<Open, Refused> {
    let gone = || Refused::from(Denied::Authorize(AuthorizeDenied::InteractionGone));
    if id.len() != 22 {
        return Err(gone());
    }
    for name in app.root().stored_names("interaction", id) {
        let key = key(&name)?;
        let Some(record) = app.records().read(&key, now).await? else { continue };
        let interaction: Interaction = record.body.read(FORMAT).map_err(|error| corrupt(&error))?;
        let is_its =
            |browser: &str| app.root().stored_names("browser", browser).any(|own| own == interaction.browser);
        if !browser.is_some_and(is_its) {
            return Err(Denied::Authorize(AuthorizeDenied::FormForeign).into());
        }
        return Ok(Open { id: id.to_owned(), interaction, key, record });
    }
    Err(gone())
}

fn key(name: &str) -> Result<Key, StoreError> {
    format!("interaction:{name}").parse().map_err(|_| StoreError::Corrupt("a key".to_owned()))
}

fn corrupt(error: &crate::records::InvalidBody) -> StoreError {
    StoreError::Corrupt(error.to_string())
}
