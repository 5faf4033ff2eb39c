//! A device that waits, as the pages find it.

use std::sync::Arc;

use trefoil_core::device::{DeviceAnswer, DeviceName, DeviceRequest, Polled, UserCode, polled};
use trefoil_shared::{GrantType, Timestamp};

use crate::app::App;
use crate::http::error::Refused;
use crate::model::Client;

/// What a device asked for, and how far it is.
pub(super) struct Waiting {
    pub(super) name: DeviceName,
    pub(super) request: DeviceRequest,
    /// What its next poll will find.
    pub(super) state: Polled,
}

impl Waiting {
    /// The device of that name; `None` where nothing is known of it any more.
    pub(super) async fn load(app: &App, name: &DeviceName, now: Timestamp) -> Result<Option<Self>, Refused> {
        let Some(record) = app.records().read(&name.request_key(), now).await? else { return Ok(None) };
        let request = DeviceRequest::read(&record)?;
        let answer = app.records().read(&name.answer_key(), now).await?;
        let answer = answer.as_ref().map(DeviceAnswer::read).transpose()?;
        let state = polled(&request, answer, now);
        Ok(Some(Self { name: name.clone(), request, state }))
    }

    /// The device that shows this code, if it waits for an answer.
    pub(super) async fn of_code(app: &App, code: &UserCode, now: Timestamp) -> Result<Option<Self>, Refused> {
        for key in code.keys(app.root()) {
            let Some(record) = app.records().read(&key, now).await? else { continue };
            let found = Self::load(app, &DeviceName::read(&record)?, now).await?;
            return Ok(found.filter(|found| found.state == Polled::Pending));
        }
        Ok(None)
    }

    /// Its client, if that still may use the flow: it may have changed since the device began.
    pub(super) async fn client(&self, app: &App) -> Result<Option<Arc<Client>>, Refused> {
        let found = app.registry().client(&self.request.client_id).await?;
        let may =
            |client: &&Arc<Client>| client.enabled && client.grant_types.contains(&GrantType::DEVICE_CODE);
        Ok(found.value().filter(may).cloned())
    }
}
