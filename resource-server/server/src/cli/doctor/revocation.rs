//! `doctor`'s look at revocation: the mode, what the issuer says, what is on disk.

use trefoil_serve::{Clock, SystemClock};
use trefoil_shared::Timestamp;
use trefoil_shared::jose::KeySet;
use trefoil_shared::revocation::{Applied, RevocationList, Revocations};

use super::Finding;
use crate::settings::{RevocationSource, Settings};
use trefoil_resource_layer::keys::{DiskCopy, Fetched, parse_jwks, read_key_file};
use trefoil_resource_layer::revocation::{RevocationClient, RevocationCopy, RevocationPolicy};

/// What is known, for people.
fn told(known: &Revocations) -> String {
    let ((tokens, cut_offs), revision) = (known.sizes(), known.position().map_or(0, |it| it.1));
    let rest = if known.is_complete() { "" } else { ", incomplete" };
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    format!("revision {revision} with {} and {}{rest}", count(tokens, "token"), count(cut_offs, "cut-off"))
}

pub(super) async fn check(settings: &Settings) -> Finding {
    let (client, policy) = match &settings.revocations {
        RevocationSource::Off => {
            return Finding::Good("off: a revoked token is good until it expires".to_owned());
        }
        RevocationSource::NotAsked(reason) => {
            return Finding::Warning(format!("nobody is asked: {reason}; name a revocations_url"));
        }
        RevocationSource::Issuer { client, policy } => (client, *policy),
    };
    let (mode, url) = (mode(policy), client.url());
    let (kept, usable) = kept(settings);
    match ask(settings, client).await {
        Ok((known, issued_at)) => {
            let age = SystemClock.now().since(issued_at);
            let says = format!("{mode}; {url}: {}, made {age} s ago; {kept}", told(&known));
            if usable { Finding::Good(says) } else { Finding::Warning(says) }
        }
        Err(reason) => {
            let says = format!("{mode}; {url}: {reason}; {kept}");
            match policy {
                RevocationPolicy::WhenReachable => Finding::Warning(says),
                RevocationPolicy::Required { .. } => {
                    Finding::Bad(format!("{says}; every token is answered 503 until it can be read"))
                }
            }
        }
    }
}

fn mode(policy: RevocationPolicy) -> String {
    match policy {
        RevocationPolicy::WhenReachable => "when_reachable".to_owned(),
        RevocationPolicy::Required { max_stale } => {
            format!("required, at most {} s old", max_stale.as_secs())
        }
    }
}

/// The whole list, page by page, under the first of our keys that the issuer signs one with; and when it was made.
async fn ask(settings: &Settings, client: &RevocationClient) -> Result<(Revocations, Timestamp), String> {
    let keys = keys(settings).await.ok_or("there is no key to check the list with")?;
    for kid in keys.kids() {
        let mut known = Revocations::default();
        let mut since = 0;
        while let Some(document) = client.fetch(kid, since).await.map_err(|error| error.to_string())? {
            let list = RevocationList::verify(&document, &keys, &settings.issuer, SystemClock.now())
                .map_err(|error| error.to_string())?;
            let made = list.iat;
            match known.apply(list) {
                Applied::More(after) if after > since => since = after,
                Applied::Merged => return Ok((known, made)),
                Applied::More(_) | Applied::Older | Applied::NeedsWhole => {
                    return Err("the pages of the list do not follow each other".to_owned());
                }
            }
        }
    }
    Err("the issuer publishes no list under any of the keys at hand".to_owned())
}

/// The keys, as `serve` would have them; what is wrong with them the check of the keys says.
async fn keys(settings: &Settings) -> Option<KeySet> {
    let of_file = || read_key_file(settings.keys.file()?).ok();
    let Some(client) = settings.keys.client() else { return of_file() };
    if let Ok(Fetched::Set { keys, .. }) = client.fetch(None).await {
        return Some(keys);
    }
    let copy = settings.state_dir.as_deref().map(|dir| DiskCopy::new(dir, client.url(), &settings.audience));
    let kept = copy.and_then(|copy| copy.read().ok().flatten());
    kept.and_then(|kept| parse_jwks(&kept.jwks).ok()).or_else(of_file)
}

/// What is on disk for a start without the issuer, and whether there could be something.
fn kept(settings: &Settings) -> (String, bool) {
    let Some(dir) = &settings.state_dir else {
        return ("a restart forgets it: no state_dir is known".to_owned(), false);
    };
    match RevocationCopy::new(dir, &settings.issuer, &settings.audience).read() {
        Ok(Some(known)) => (format!("on disk: {}", told(&known)), true),
        Ok(None) => ("nothing on disk yet".to_owned(), true),
        Err(reason) => (format!("the copy on disk cannot be used: {reason}"), false),
    }
}
