//! The configuration as the program uses it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use trefoil_serve::config::{LimitSettings, LogSettings, ShutdownSettings, TlsSettings, masked};
use trefoil_serve::telemetry::check_log_level;
use trefoil_shared::Scope;
use url::Url;

use super::error::SettingsError;
use super::key_source::KeySource;
use super::raw::RawSettings;
use super::revocations::{RevocationSource, revocation_source};
use super::routes::checked_route;
use crate::route::RouteTable;
use trefoil_resource_layer::keys::{JwksClient, Outbound, read_extra_ca};

/// Settings that were checked, so that `serve` can start with them.
#[derive(Debug)]
pub struct Settings {
    /// Where the public listener binds.
    pub listen: String,
    /// Where the operators' listener binds.
    pub admin_listen: Option<String>,
    /// The issuer.
    pub issuer: String,
    /// The audience.
    pub audience: String,
    /// What challenges and metadata call this resource.
    pub public_url: Option<Url>,
    /// Where keys come from.
    pub keys: KeySource,
    /// How other servers are asked.
    pub outbound: Outbound,
    /// Where the last good key set is kept; `None` where no place is known.
    pub state_dir: Option<PathBuf>,
    /// Where revocations come from.
    pub revocations: RevocationSource,
    /// The routes.
    pub routes: RouteTable,
    /// `tls.*`.
    pub tls: TlsSettings,
    /// `limits.*`.
    pub limits: LimitSettings,
    /// `shutdown.*`.
    pub shutdown: ShutdownSettings,
    /// `log.*`.
    pub log: LogSettings,
}

impl Settings {
    /// Checks everything that can be checked without serving. `env` are the environment's variables, asked for the
    /// place of the state directory alone.
    pub fn check(raw: RawSettings, env: &[(String, String)]) -> Result<Self, SettingsError> {
        let issuer = issuer(&raw)?;
        let audience = audience(&raw)?;
        check_log_level(&raw.log.level)?;
        let outbound = outbound(&raw)?;
        let revocations = revocations(&raw, &issuer, &outbound)?;
        let keys = keys(&raw, &outbound)?;
        check_address("listen", &raw.listen)?;
        check_admin_address(&raw.admin_listen)?;
        let routes = raw.route.into_iter().map(checked_route).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            listen: raw.listen,
            admin_listen: Some(raw.admin_listen).filter(|address| address != "off"),
            issuer,
            audience,
            public_url: raw.public_url.as_deref().map(public_url).transpose()?,
            keys,
            outbound,
            state_dir: raw.state_dir.or_else(|| default_state_dir(env)),
            revocations,
            routes: RouteTable::new(routes)?,
            tls: raw.tls,
            limits: raw.limits,
            shutdown: raw.shutdown,
            log: raw.log,
        })
    }

    /// Everything that [`Self::check`] would refuse, not the first alone.
    pub fn problems(raw: &RawSettings) -> Vec<SettingsError> {
        let mut found = Vec::new();
        let issuer = keep(issuer(raw), &mut found);
        keep(audience(raw), &mut found);
        keep(check_log_level(&raw.log.level).map_err(SettingsError::from), &mut found);
        let outbound = keep(outbound(raw), &mut found).unwrap_or_default();
        if let Some(issuer) = issuer {
            keep(revocations(raw, &issuer, &outbound), &mut found);
        }
        keep(keys(raw, &outbound), &mut found);
        keep(check_address("listen", &raw.listen), &mut found);
        keep(check_admin_address(&raw.admin_listen), &mut found);
        keep(raw.public_url.as_deref().map(public_url).transpose(), &mut found);
        let routes: Vec<_> =
            raw.route.iter().filter_map(|route| keep(checked_route(route.clone()), &mut found)).collect();
        keep(RouteTable::new(routes).map_err(SettingsError::from), &mut found);
        found
    }

    /// Every scope that a route names.
    pub fn scopes(&self) -> Scope {
        let named = self.routes.routes().iter().map(|route| route.demand().named());
        named.fold(Scope::default(), |all, more| all.union(&more))
    }
}

/// The value, or its problem put to the others.
fn keep<T>(result: Result<T, SettingsError>, problems: &mut Vec<SettingsError>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

/// Compared byte by byte, and a URL all the same (RFC 8414 section 2): a typing error would refuse every token.
fn issuer(raw: &RawSettings) -> Result<String, SettingsError> {
    let text = raw.issuer.clone().filter(|text| !text.is_empty()).ok_or(SettingsError::NoIssuer)?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text),
        Ok(_) | Err(_) => Err(SettingsError::Issuer(masked(&text))),
    }
}

fn audience(raw: &RawSettings) -> Result<String, SettingsError> {
    raw.audience.clone().filter(|text| !text.is_empty()).ok_or(SettingsError::NoAudience)
}

fn outbound(raw: &RawSettings) -> Result<Outbound, SettingsError> {
    let extra_ca = raw.outbound.extra_ca.as_deref().map(read_extra_ca).transpose()?;
    Ok(Outbound { extra_ca, allow_hosts: raw.outbound.allow_hosts.clone() })
}

fn revocations(
    raw: &RawSettings,
    issuer: &str,
    outbound: &Outbound,
) -> Result<RevocationSource, SettingsError> {
    let max_stale = raw.revocation_max_stale.0;
    revocation_source((raw.revocation, max_stale), (raw.revocations_url.clone(), issuer), outbound)
}

fn keys(raw: &RawSettings, outbound: &Outbound) -> Result<KeySource, SettingsError> {
    match (&raw.public_key, &raw.jwks_url) {
        (Some(file), None) => Ok(KeySource::File(file.clone())),
        (None, Some(url)) => Ok(KeySource::Url(Box::new(JwksClient::new(url, outbound)?))),
        (None, None) => Err(SettingsError::NoKeys),
        (Some(file), Some(url)) => {
            Ok(KeySource::FileThenUrl(file.clone(), Box::new(JwksClient::new(url, outbound)?)))
        }
    }
}

fn check_admin_address(text: &str) -> Result<(), SettingsError> {
    if text == "off" { Ok(()) } else { check_address("admin_listen", text) }
}

/// `IP:PORT` or `NAME:PORT`.
fn check_address(key: &'static str, text: &str) -> Result<(), SettingsError> {
    let refused = || SettingsError::Address { key, text: text.to_owned() };
    if text.parse::<SocketAddr>().is_ok() {
        return Ok(());
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if is_name && port.parse::<u16>().is_ok() { Ok(()) } else { Err(refused()) }
}

fn public_url(text: &str) -> Result<Url, SettingsError> {
    let refused = || SettingsError::PublicUrl(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain { Ok(url) } else { Err(refused()) }
}

/// Decision 33: systemd's `$STATE_DIRECTORY`, else the XDG state directory.
fn default_state_dir(env: &[(String, String)]) -> Option<PathBuf> {
    let variable = |name: &str| {
        let found = env.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    // systemd may name several, separated by colons; the first is ours.
    let of_systemd = variable("STATE_DIRECTORY").and_then(|list| list.split(':').next()).map(PathBuf::from);
    of_systemd.or_else(|| {
        let absolute =
            |text: &str| Some(Path::new(text)).filter(|path| path.is_absolute()).map(Path::to_owned);
        let xdg = variable("XDG_STATE_HOME").and_then(absolute);
        let home = || variable("HOME").and_then(absolute).map(|home| home.join(".local/state"));
        xdg.or_else(home).map(|state| state.join("resource-server"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::raw::RawRoute;
    use super::*;

    fn raw() -> RawSettings {
        RawSettings {
            issuer: Some("https://as.example".to_owned()),
            audience: Some("api".to_owned()),
            public_key: Some("public.pem".into()),
            ..RawSettings::default()
        }
    }

    fn error(change: impl FnOnce(&mut RawSettings)) -> String {
        let mut raw = raw();
        change(&mut raw);
        Settings::check(raw, &[]).unwrap_err().to_string()
    }

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_missing_or_wrong_setting_is_one_line_with_the_mend() {
        let route = |route: RawRoute| error(|raw| raw.route = vec![route]);
        let at_a = || RawRoute { path: "/a".to_owned(), ..RawRoute::default() };
        let lines = [
            (error(|raw| raw.issuer = None), "--issuer"),
            (error(|raw| raw.audience = Some(String::new())), "--audience"),
            (error(|raw| raw.public_key = None), "--public-key"),
            (error(|raw| raw.jwks_url = Some("http://a/".to_owned())), "allow_hosts"),
            (error(|raw| raw.log.level = "verbose".to_owned()), "info"),
            (error(|raw| raw.revocations_url = Some("http://as.example/".to_owned())), "allow_hosts"),
            (error(|raw| raw.public_url = Some("api".to_owned())), "https://api.example.com"),
            (error(|raw| raw.issuer = Some("not a url".to_owned())), "https://auth.example.com"),
            (error(|raw| raw.listen = "garbage".to_owned()), "IP:PORT"),
            (error(|raw| raw.listen = "8080".to_owned()), "IP:PORT"),
            (error(|raw| raw.admin_listen = "127.0.0.1:80808".to_owned()), "admin_listen"),
            (route(at_a()), "exactly one of file and dir"),
            (route(RawRoute { upstream: Some("http://b".to_owned()), ..at_a() }), "not available yet"),
            (route(RawRoute { file: Some("/no/such".into()), ..at_a() }), "No such file"),
            (route(RawRoute { file: Some("/tmp".into()), ..at_a() }), "use dir"),
            (
                route(RawRoute { dir: Some("/tmp".into()), scopes: vec!["a b".to_owned()], ..at_a() }),
                "not a scope",
            ),
        ];
        for (line, mend) in lines {
            assert!(line.contains(mend) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn case_30_all_problems_are_found_in_one_run() {
        let mut raw = raw();
        raw.issuer = Some("not a url".to_owned());
        raw.listen = "garbage".to_owned();
        raw.route =
            vec![RawRoute { path: "/a".to_owned(), file: Some("/no/such".into()), ..RawRoute::default() }];
        let found: Vec<String> = Settings::problems(&raw).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        raw.listen = "localhost:0".to_owned();
        assert_eq!(Settings::problems(&raw).len(), 2);
    }

    #[test]
    fn d33_the_state_directory_is_systemds_then_xdgs_then_under_home() {
        let all = [("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(default_state_dir(&env(&all)), Some("/var/lib/a".into()));
        assert_eq!(default_state_dir(&env(&all[1..])), Some("/x/resource-server".into()));
        assert_eq!(default_state_dir(&env(&all[2..])), Some("/h/.local/state/resource-server".into()));
        assert_eq!(default_state_dir(&[]), None);
        let raw = RawSettings { state_dir: Some("/configured".into()), ..raw() };
        assert_eq!(Settings::check(raw, &env(&all)).unwrap().state_dir, Some("/configured".into()));
    }
}
