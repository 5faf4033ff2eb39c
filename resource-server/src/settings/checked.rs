//! The configuration as the program uses it.

use std::path::{Path, PathBuf};

use thiserror::Error;
use trefoil_serve::config::{LimitSettings, LogSettings, ShutdownSettings, TlsSettings};
use trefoil_serve::telemetry::{InvalidLogLevel, check_log_level};
use trefoil_shared::{Scope, ScopeToken};
use url::Url;

use super::key_source::KeySource;
use super::raw::{RawRoute, RawSettings};
use super::revocations::{RevocationSource, revocation_source};
use crate::demand::Demand;
use crate::keys::{JwksClient, Outbound, UrlRefused, read_extra_ca};
use crate::route::{InvalidRoute, Route, RouteTable, Target};

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

/// One line that says what is wrong with the settings, and how to mend it.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// No issuer.
    #[error(
        "issuer is not set: name the auth-server whose tokens are taken, with --issuer URL or in the configuration"
    )]
    NoIssuer,
    /// No audience.
    #[error(
        "audience is not set: name what tokens must be meant for, with --audience NAME or in the configuration"
    )]
    NoAudience,
    /// No keys.
    #[error(
        "neither public_key nor jwks_url is set: give --public-key FILE (auth-server key export > FILE) or --jwks-url URL"
    )]
    NoKeys,
    /// No public URL.
    #[error(
        "public_url `{0}`: not an http or https URL without query and fragment, such as https://api.example.com"
    )]
    PublicUrl(String),
    /// The JWKS URL or what it is asked with.
    #[error(transparent)]
    Url(#[from] UrlRefused),
    /// `log.level`.
    #[error(transparent)]
    LogLevel(#[from] InvalidLogLevel),
    /// An age that no list is ever younger than.
    #[error("revocation_max_stale = {0}: a list is asked for every 5 s; give 15 or more")]
    MaxStale(u64),
    /// A route.
    #[error(transparent)]
    Route(#[from] InvalidRoute),
    /// A route with no target, or several.
    #[error("route `{0}`: give exactly one of file and dir")]
    Target(String),
    /// A route with an upstream.
    #[error("route `{0}`: a route to a URL (upstream) is not available yet; give a file or a dir")]
    Upstream(String),
    /// A route whose file or folder is not there.
    #[error("route `{route}`: {path}: {reason}", path = path.display())]
    TargetMissing {
        /// The route's path.
        route: String,
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A scope that is none.
    #[error(
        "route `{route}`: `{scope}` is not a scope; a scope is one word of printable ASCII without quotes"
    )]
    Scope {
        /// The route's path.
        route: String,
        /// The text.
        scope: String,
    },
}

impl Settings {
    /// Checks everything that can be checked without serving. `env` are the environment's variables, asked for the
    /// place of the state directory alone.
    pub fn check(raw: RawSettings, env: &[(String, String)]) -> Result<Self, SettingsError> {
        let issuer = raw.issuer.filter(|text| !text.is_empty()).ok_or(SettingsError::NoIssuer)?;
        let audience = raw.audience.filter(|text| !text.is_empty()).ok_or(SettingsError::NoAudience)?;
        check_log_level(&raw.log.level)?;
        let outbound = Outbound {
            extra_ca: raw.outbound.extra_ca.as_deref().map(read_extra_ca).transpose()?,
            allow_hosts: raw.outbound.allow_hosts,
        };
        let max_stale = raw.revocation_max_stale;
        let revocations =
            revocation_source((raw.revocation, max_stale), (raw.revocations_url, &issuer), &outbound)?;
        let keys = match (raw.public_key, raw.jwks_url) {
            (Some(file), None) => KeySource::File(file),
            (None, Some(url)) => KeySource::Url(Box::new(JwksClient::new(&url, &outbound)?)),
            (None, None) => return Err(SettingsError::NoKeys),
            (Some(file), Some(url)) => {
                KeySource::FileThenUrl(file, Box::new(JwksClient::new(&url, &outbound)?))
            }
        };
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

    /// Every scope that a route names.
    pub fn scopes(&self) -> Scope {
        let named = self.routes.routes().iter().map(|route| route.demand().named());
        named.fold(Scope::default(), |all, more| all.union(&more))
    }
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

fn checked_route(raw: RawRoute) -> Result<Route, SettingsError> {
    let name = || raw.path.clone();
    let target = match (raw.file, raw.dir, raw.upstream) {
        (_, _, Some(_)) => return Err(SettingsError::Upstream(raw.path)),
        (Some(file), None, None) => Target::File(file),
        (None, Some(dir), None) => Target::Dir(dir),
        (Some(_), Some(_), None) | (None, None, None) => return Err(SettingsError::Target(raw.path)),
    };
    check_target(&raw.path, &target)?;
    let scopes = |texts: Vec<String>| -> Result<Vec<ScopeToken>, SettingsError> {
        let token = |text: String| {
            text.parse::<ScopeToken>().map_err(|_| SettingsError::Scope { route: name(), scope: text })
        };
        texts.into_iter().map(token).collect()
    };
    let demand = Demand { all: scopes(raw.scopes)?.into_iter().collect(), any: scopes(raw.any_scope)? };
    Ok(Route::new(&raw.path, target, &raw.methods, demand)?)
}

fn check_target(route: &str, target: &Target) -> Result<(), SettingsError> {
    let (path, wants_dir) = match target {
        Target::File(path) => (path, false),
        Target::Dir(path) => (path, true),
    };
    let missing =
        |reason: String| SettingsError::TargetMissing { route: route.to_owned(), path: path.clone(), reason };
    let metadata = std::fs::metadata(path).map_err(|e| missing(e.to_string()))?;
    match (wants_dir, metadata.is_dir(), metadata.is_file()) {
        (true, true, _) | (false, _, true) => Ok(()),
        (true, false, _) => Err(missing("not a folder; use file instead of dir".to_owned())),
        (false, true, _) => Err(missing("a folder; use dir instead of file".to_owned())),
        (false, false, false) => Err(missing("not a regular file".to_owned())),
    }
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
