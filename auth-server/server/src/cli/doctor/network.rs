//! Issuer and listeners.

use crate::config::Settings;
use trefoil_serve::findings::Finding;

const ISSUER: &str = "issuer";

/// What the addresses say.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut found = vec![issuer(settings)];
    if let Some(admin) = settings.admin_listen.filter(|admin| !admin.ip().is_loopback()) {
        let what =
            format!("the operators' listener {admin} is open to other machines, without authentication");
        found.push(Finding::warning(
            "admin_listen",
            what,
            "bind it to loopback, or keep others out by a firewall",
        ));
    }
    let plain = settings.tls.is_none() && !settings.listen.ip().is_loopback();
    if plain && settings.trusted_proxies.is_empty() {
        let what = format!("{} speaks plain http to other machines", settings.listen);
        found.push(Finding::warning(
            "tls",
            what,
            "set tls.cert and tls.key, or name the TLS proxy in trusted_proxies",
        ));
    }
    found
}

fn issuer(settings: &Settings) -> Finding {
    let Some(issuer) = settings.issuer_on(settings.listen) else {
        let what = format!("it is not set, and {} is not on loopback", settings.listen);
        return Finding::broken(ISSUER, what, "set `issuer` to the public https URL of this server");
    };
    let plain_http = issuer.strip_prefix("http://").is_some_and(|rest| !is_loopback(rest));
    if plain_http {
        let mend = "use https: tokens and secrets cross the network in the clear";
        return Finding::warning(ISSUER, format!("{issuer} is plain http"), mend);
    }
    if issuer.ends_with('/') {
        let mend = "leave the slash out before clients depend on it: issuers are compared byte by byte";
        return Finding::warning(ISSUER, format!("{issuer} ends with a slash"), mend);
    }
    Finding::ok(ISSUER, issuer)
}

fn is_loopback(authority: &str) -> bool {
    ["127.", "localhost", "[::1]"].iter().any(|start| authority.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trefoil_serve::findings::Level;

    fn level(change: impl FnOnce(&mut Settings)) -> Level {
        let mut settings = Settings::for_data_dir(std::path::Path::new("d"));
        change(&mut settings);
        issuer(&settings).level
    }

    #[test]
    fn an_issuer_is_https_or_on_loopback() {
        assert_eq!(level(|_| {}), Level::Ok);
        assert_eq!(level(|settings| settings.listen = "0.0.0.0:80".parse().unwrap()), Level::Broken);
        assert_eq!(level(|settings| settings.issuer = Some("http://a.example".to_owned())), Level::Warning);
        assert_eq!(level(|settings| settings.issuer = Some("https://a.example/".to_owned())), Level::Warning);
        assert_eq!(level(|settings| settings.issuer = Some("https://a.example".to_owned())), Level::Ok);
    }
}
