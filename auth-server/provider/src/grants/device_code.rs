//! A device without a browser fetches what its person allowed: RFC 8628 section 3.4, decision 53.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use trefoil_core::authorization::{Authorization, Facts, Kept};
use trefoil_core::device::{DeviceAnswer, DeviceName, DeviceRequest, Pace, Polled, polled, redeemed};
use trefoil_shared::{GrantType, TypedValue, ValueKind};

use super::presented::{is_over, of_authorization};
use super::{Beyond, Change, ClientRule, Grant, Granted, NotGranted, Refusal, TokenAsk};
use crate::protocol::{Denied, DeviceDenied, GrantDenied};

/// `urn:ietf:params:oauth:grant-type:device_code`. An exchange counts polls while nobody has answered.
#[derive(Clone, Copy, Debug)]
pub struct DeviceCode;

impl Grant for DeviceCode {
    fn name(&self) -> GrantType {
        GrantType::DEVICE_CODE
    }

    fn client_rule(&self) -> ClientRule {
        ClientRule::Any
    }

    fn exchange<'a>(&'a self, ask: TokenAsk<'a>) -> BoxFuture<'a, Result<Granted, NotGranted>> {
        async move {
            let (name, request) = presented(&ask).await?;
            let answer = ask.records.read(&name.answer_key(), ask.now()).await?;
            let answer = answer.as_ref().map(DeviceAnswer::read).transpose()?;
            let expired = Denied::Device(DeviceDenied::DeviceCodeExpired);
            match polled(&request, answer, ask.now()) {
                Polled::Approved(authorization) => redeem(&ask, &request, &authorization).await,
                Polled::Pending => Err(pending(&ask, &name, &request).await?.into()),
                Polled::Denied => Err(Denied::Device(DeviceDenied::PersonRefused).into()),
                Polled::Expired => Err(expired.into()),
                Polled::Expires => {
                    let record = DeviceAnswer::Expired.record(&request, ask.server.rng())?;
                    let order = Some(Change::Create { key: name.answer_key(), record });
                    Err(Refusal { order, ..Refusal::from(expired) }.into())
                }
            }
        }
        .boxed()
    }
}

/// The request of the device code in the form, if it is this client's.
async fn presented(ask: &TokenAsk<'_>) -> Result<(DeviceName, DeviceRequest), NotGranted> {
    let text = ask.params.get("device_code").ok_or(Denied::Grant(GrantDenied::GrantMalformed))?;
    let refused = Denied::Grant(GrantDenied::GrantRefused);
    let code = TypedValue::parse(ValueKind::DeviceCode, text).map_err(|_| refused)?;
    for name in DeviceName::candidates(&code, ask.server.roots()) {
        let Some(record) = ask.records.read(&name.request_key(), ask.now()).await? else { continue };
        let request = DeviceRequest::read(&record)?;
        // Another client's (attack case 53): it learns nothing, and the pace of the right one stays as it is.
        if request.client_id != ask.client.client().client_id {
            return Err(refused.into());
        }
        return Ok((name, request));
    }
    Err(refused.into())
}

/// Counts a poll to which there is no answer yet, and says whether it came too early (attack case 54).
async fn pending(
    ask: &TokenAsk<'_>,
    name: &DeviceName,
    request: &DeviceRequest,
) -> Result<Denied, NotGranted> {
    let now = ask.now();
    let slowed = ask.records.count(&name.slowed_key(), 0, request.until, now).await?;
    let pace = Pace::new(request.interval, slowed);
    if count(ask, name, pace).await? <= 1 {
        return Ok(Denied::Device(DeviceDenied::AuthorizationPending));
    }
    if let Some(slower) = pace.slower() {
        ask.records.count(&name.slowed_key(), 1, request.until, now).await?;
        // The longer interval begins with this poll.
        count(ask, name, slower).await?;
    }
    Ok(Denied::Device(DeviceDenied::PolledTooFast))
}

/// How many polls there were since the last one that was in time, this one included.
async fn count(ask: &TokenAsk<'_>, name: &DeviceName, pace: Pace) -> Result<u64, NotGranted> {
    let (key, now) = (name.polls_key(pace.slowed()), ask.now());
    Ok(ask.records.count(&key, 1, now.plus(pace.closed()), now).await?)
}

/// The record of the authorization is the gate: where it is taken the device code was redeemed before, which ends
/// nothing (decision 53).
async fn redeem(
    ask: &TokenAsk<'_>,
    request: &DeviceRequest,
    approved: &Authorization,
) -> Result<Granted, NotGranted> {
    let refused = || NotGranted::from(Denied::Grant(GrantDenied::GrantRefused));
    let id = request.grant()?;
    if ask.records.read(&id.key(), ask.now()).await?.is_some()
        || is_over::<NotGranted>(ask.server, approved).await?
    {
        return Err(refused());
    }
    let (roots, rng) = (ask.server.roots(), ask.server.rng());
    let facts = Facts {
        client: ask.client.client(),
        now: ask.now(),
        policy: ask.server.grant_policy(),
        roots,
        cut_off: false,
    };
    let Some((given, refresh)) = redeemed(request, approved, &facts) else { return Err(refused()) };
    let (record, _) = given.first_record(id, roots, rng)?;
    let kept = Kept::read(id, record.clone())?;
    let refresh = refresh.map(|generation| kept.value(generation, roots)).transpose()?;
    let commit = Some(Change::Create { key: id.key(), record });
    Ok(of_authorization(&given, refresh, commit, Beyond::LeftOut, ask))
}
