//! Browsers and times as people read them.

use fluent_bundle::FluentArgs;
use trefoil_core::openid::SCOPES;
use trefoil_shared::{Scope, ScopeToken, Timestamp};

use super::pages::translated;

/// What a browser that calls itself so is to a person. A guess, for a list of one's own sessions.
pub(crate) fn browser_name(agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name)
    };
    // Each of them also names those after it.
    let browsers = [
        ("Edg", "Edge"),
        ("OPR", "Opera"),
        ("Firefox", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari", "Safari"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let mut args = FluentArgs::new();
    if let (Some(browser), Some(system)) = (first(&browsers), first(&systems)) {
        args.set("browser", browser);
        args.set("system", system);
        return translated("account-browser", &args);
    }
    let word = agent.split([' ', '/']).next().unwrap_or_default();
    if word.is_empty() { translated("account-unknown", &args) } else { word.to_owned() }
}

/// A time as people read it, to the minute, in UTC.
pub(crate) fn minute(at: Timestamp) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at.seconds().max(0).unsigned_abs());
    let text = httpdate::fmt_http_date(time);
    // `Tue, 01 Dec 2026 04:49:37 GMT`
    text.get(5..22).map_or(text.clone(), |minute| format!("{minute} UTC"))
}

/// What an app asks for, as the page of consent lists it: in words for the scopes of OpenID Connect, by its name else.
pub(crate) fn asks(asked: &Scope) -> Vec<minijinja::Value> {
    let one = |token: &ScopeToken| {
        let name = token.as_str();
        let text = SCOPES.contains(&name).then(|| translated(&format!("scope-{name}"), &FluentArgs::new()));
        minijinja::context! { text => text, name => name.strip_prefix("claim:").unwrap_or(name) }
    };
    asked.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_has_a_name_that_people_know() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36";
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605 Version/20.0 Safari/604";
        for (agent, name) in [
            (chrome, "Chrome on Linux"),
            (phone, "Safari on iPhone"),
            ("curl/8.1", "curl"),
            ("", "a browser"),
        ] {
            assert_eq!(browser_name(agent), name);
        }
        assert_eq!(minute(Timestamp(1_800_000_000)), "15 Jan 2027 08:00 UTC");
    }
}
