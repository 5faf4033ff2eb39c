//! How often codes may be tried, and flows begun, at all replicas together.

use std::net::IpAddr;

use trefoil_shared::Timestamp;

use crate::app::App;
use crate::http::error::Refused;
use crate::http::failures::network;
use crate::http::site::accounts::{count, network_of, within};
use crate::http::site::browser::Browser;
use crate::protocol::{Denied, DeviceDenied};

/// Codes that one network may try in ten minutes: an office sets up its meeting rooms.
const TRIES_OF_NETWORK: u64 = 100;
/// Wrong codes of everybody in ten minutes. A code lives for at most 30 minutes, which is in four such windows: 20,000
/// guesses among 20^8 hit it with less than one in a million (attack case 55).
const WRONG_OF_ALL: u64 = 5_000;
/// Flows that one network may begin in ten minutes: each of them is two records.
const BEGUN_OF_NETWORK: u64 = 3_000;

/// Counts a try before it is made. Where the address is not known, the browser counts.
pub(super) async fn may_try(app: &App, browser: &Browser, now: Timestamp) -> Result<bool, Refused> {
    let cookie = || browser.id.as_ref().map(|id| id.reveal().to_owned()).unwrap_or_default();
    let from = network_of(browser).unwrap_or_else(cookie);
    Ok(within(app, ("device-try", &from, TRIES_OF_NETWORK), now).await?
        && count(app, ("device-wrong", ""), 0, now).await? < WRONG_OF_ALL)
}

/// Counts a code that no device shows.
pub(super) async fn was_wrong(app: &App, now: Timestamp) -> Result<(), Refused> {
    count(app, ("device-wrong", ""), 1, now).await?;
    Ok(())
}

/// Lets a network begin so many flows in a window.
pub(super) async fn may_begin(app: &App, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refused> {
    let Some(address) = address else { return Ok(()) };
    if within(app, ("device-begun", &network(address), BEGUN_OF_NETWORK), now).await? {
        return Ok(());
    }
    Err(Denied::Device(DeviceDenied::TooManyDevices).into())
}
