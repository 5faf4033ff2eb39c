//! Settings of what people give and of how long they stay signed in.

use super::Seconds;
use super::error::Problem;
use super::raw::RawSettings;
use super::settings::Settings;

impl RawSettings {
    pub(super) fn apply_people(&self, settings: &mut Settings, problems: &mut Vec<Problem>) {
        settings.legacy.password = self.legacy.password.unwrap_or_default();
        let (raw, grants) = (&self.grants, &mut settings.grants);
        for (given, value) in [
            (raw.code_lifetime, &mut grants.code_lifetime),
            (raw.max_lifetime, &mut grants.max_lifetime),
            (raw.refresh_idle, &mut grants.idle_lifetime),
            (raw.refresh_grace, &mut grants.refresh_grace),
            (self.sessions.idle, &mut settings.sessions.idle),
            (self.sessions.absolute, &mut settings.sessions.lifetime),
            (self.device.lifetime, &mut settings.device.lifetime),
            (self.device.interval, &mut settings.device.interval),
        ] {
            *value = given.map_or(*value, Seconds::signed);
        }
        let (grants, sessions, device) = (&mut settings.grants, settings.sessions, settings.device);
        grants.max_access_lifetime = settings.tokens.max_lifetime;
        let bounds = [
            // RFC 6749 section 4.1.2 recommends ten minutes at most, OAuth 2.1 the same; a minute is plenty.
            ("grants.code_lifetime", grants.code_lifetime, 1, 600),
            ("grants.max_lifetime", grants.max_lifetime, 1, MOST),
            ("grants.refresh_idle", grants.idle_lifetime, 1, MOST),
            // A longer one would let a stolen token that was superseded go on unnoticed.
            ("grants.refresh_grace", grants.refresh_grace, 0, 600),
            ("sessions.idle", sessions.idle, 60, MOST),
            ("sessions.absolute", sessions.lifetime, 60, MOST),
            // The limit on guesses of user codes is for codes that live no longer.
            ("device.lifetime", device.lifetime, 1, 1_800),
            ("device.interval", device.interval, 1, 60),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                problems.push(Problem::new(key, format!("must be between {least} and {most} seconds")));
            }
        }
    }
}

/// Ten years.
const MOST: i64 = 3_650 * 86_400;
