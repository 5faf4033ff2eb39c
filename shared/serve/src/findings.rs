//! What a check of a program found: the words of `doctor` and `config check` in both programs.

use serde::Serialize;
use serde_json::{Value, json};
use trefoil_shared::Timestamp;

use crate::config::TlsSettings;
use crate::tls::{ReloadingTls, certificate_facts};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to mend.
    Ok,
    /// It works, and not as well or as long as it could.
    Warning,
    /// It does not work.
    Broken,
}

impl Level {
    /// The word in front of a finding.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Broken => "BROKEN",
        }
    }
}

/// One finding, with the way to mend it where there is something to mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: a setting's key where there is one.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    #[serde(rename = "finding")]
    pub what: String,
    /// What to do about it.
    pub mend: Option<String>,
}

impl Finding {
    /// Nothing to mend.
    pub fn ok(check: &'static str, finding: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, what: finding.into(), mend: None }
    }

    /// It works, and not as well or as long as it could.
    pub fn warning(check: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, what: finding.into(), mend: Some(mend.into()) }
    }

    /// It does not work.
    pub fn broken(check: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, level: Level::Broken, what: finding.into(), mend: Some(mend.into()) }
    }

    /// It does not work, by an error whose text ends with what to do after `; `.
    pub fn of_error(check: &'static str, error: impl std::fmt::Display) -> Self {
        let text = error.to_string();
        let text = text.strip_prefix(check).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&text);
        match text.rsplit_once("; ") {
            Some((what, mend)) => Self::broken(check, what, mend),
            None => Self { check, level: Level::Broken, what: text.to_owned(), mend: None },
        }
    }

    /// Level, check and text: a row of `doctor`'s table.
    pub fn row(&self) -> Vec<String> {
        vec![self.level.word().to_owned(), self.check.to_owned(), self.text()]
    }

    /// What was found and what to do, in one line.
    pub fn text(&self) -> String {
        match &self.mend {
            Some(mend) => format!("{}; {mend}", self.what),
            None => self.what.clone(),
        }
    }
}

/// How many findings are broken, and how many are warnings.
pub fn counts(found: &[Finding]) -> (usize, usize) {
    let count = |level: Level| found.iter().filter(|finding| finding.level == level).count();
    (count(Level::Broken), count(Level::Warning))
}

/// The last line of `doctor`.
pub fn summary(found: &[Finding]) -> String {
    match counts(found) {
        (0, 0) => "all is well".to_owned(),
        (broken, 1) => format!("{broken} broken, 1 warning"),
        (broken, warnings) => format!("{broken} broken, {warnings} warnings"),
    }
}

/// The document of `doctor --json`.
pub fn document(found: &[Finding]) -> Value {
    let (broken, warnings) = counts(found);
    json!({ "ok": broken == 0, "broken": broken, "warnings": warnings, "findings": found })
}

/// Below this many seconds a certificate should be renewed: 14 days, less than what automatic renewal leaves.
const SOON: i64 = 14 * 86_400;
const DAY: i64 = 86_400;

/// What the certificate and its key say: whether a server could start with them, for which host they are, and until
/// when. `host` is the one in the URL that clients use. Empty without certificate and key.
pub fn tls(settings: &TlsSettings, host: Option<&str>, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let opened = ReloadingTls::from_settings(settings).map_err(|error| error.to_string());
    if let Some(cert) = &settings.cert {
        match certificate_facts(cert) {
            Ok(facts) => {
                if let Some(host) = host.filter(|host| !facts.is_for(host)) {
                    let what = format!("{} is for {}, not for {host}", cert.display(), named(&facts.names()));
                    found.push(Finding::warning(
                        "tls.cert",
                        what,
                        "clients that are given that host refuse it",
                    ));
                }
                found.extend(facts.expires.and_then(|end| expiry(end, now)));
            }
            // Said once: the error of opening both is the same where it is about the certificate.
            Err(error) if opened.as_ref().err() != Some(&error.to_string()) => {
                found.push(Finding::of_error("tls.cert", error));
            }
            Err(_) => {}
        }
    }
    match opened {
        Ok(Some(_)) if found.is_empty() => found.push(Finding::ok("tls", "certificate and key can be used")),
        Ok(_) => {}
        Err(error) => found.push(Finding::of_error("tls", error)),
    }
    found
}

fn named(names: &[String]) -> String {
    if names.is_empty() { "no host name".to_owned() } else { names.join(", ") }
}

fn expiry(end: Timestamp, now: Timestamp) -> Option<Finding> {
    let left = end.since(now);
    if left < 0 {
        let what = format!("the certificate expired {} ago", days(-left));
        return Some(Finding::broken(
            "tls.cert",
            what,
            "renew it: the files are read again when they change",
        ));
    }
    let what = format!("the certificate expires in {}", days(left));
    (left < SOON)
        .then(|| Finding::warning("tls.cert", what, "renew it: the files are read again when they change"))
}

fn days(seconds: i64) -> String {
    match seconds / DAY {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    const END: i64 = 1_936_742_400;

    fn files(dir: &Path, name: &str) -> TlsSettings {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 5, 17);
        let key = rcgen::KeyPair::generate().unwrap();
        let (cert, file) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
        std::fs::write(&cert, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&file, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        TlsSettings { cert: Some(cert), key: Some(file), client_ca: None }
    }

    fn levels(settings: &TlsSettings, host: &str, now: i64) -> Vec<(Level, String)> {
        tls(settings, Some(host), Timestamp(now)).iter().map(|one| (one.level, one.text())).collect()
    }

    #[test]
    fn u04_host_expiry_and_pair_are_all_looked_at_in_one_run() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (files(dir.path(), "a.example"), files(dir.path(), "b.example"));
        let early = END - 100 * DAY;
        assert_eq!(
            levels(&a, "a.example", early),
            [(Level::Ok, "certificate and key can be used".to_owned())]
        );
        assert!(levels(&a, "c.example", early)[0].1.contains("is for a.example, not for c.example"));
        assert!(levels(&a, "a.example", END - 3 * DAY)[0].1.contains("expires in 3 days"));
        let late = levels(&a, "c.example", END + 2 * DAY);
        assert!(
            late.iter().any(|(level, text)| *level == Level::Broken && text.contains("expired 2 days ago"))
        );
        assert!(late.iter().any(|(_, text)| text.contains("not for c.example")), "{late:?}");
        let mixed = TlsSettings { key: b.key.clone(), ..a.clone() };
        let found = levels(&mixed, "c.example", END - 3 * DAY);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[2].1.contains("does not belong to the certificate"), "{found:?}");
        let missing =
            TlsSettings { cert: Some("no.pem".into()), key: Some("no.key".into()), client_ca: None };
        assert_eq!(levels(&missing, "a", early).len(), 1);
        std::fs::set_permissions(b.key.as_ref().unwrap(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let open = TlsSettings { cert: Some("no.pem".into()), ..b };
        assert!(levels(&open, "a", early)[0].1.contains("no.pem"));
        assert!(tls(&TlsSettings::default(), None, Timestamp(0)).is_empty());
    }
}
