//! Times for people: RFC 3339 in UTC, and how far away that is.

use trefoil_shared::Timestamp;

/// `2026-11-21T09:40:25Z (3 minutes ago)`.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", rfc3339(at), relative(at, now))
}

/// `2026-11-21T09:40:25Z`.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let (days, second) = (at.seconds().div_euclid(86_400), at.seconds().rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `in 5 minutes`, `2 days ago`, `now`.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    match at.since(now) {
        0 => "now".to_owned(),
        ahead @ 1.. => format!("in {}", span(ahead)),
        behind => format!("{} ago", span(behind.saturating_neg())),
    }
}

/// `90 seconds`, `5 minutes`, `3 days`: the largest unit of which there are at least two.
pub(crate) fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(31_557_600, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    for (length, name) in UNITS {
        if seconds >= 2 * length || seconds == length {
            return plural(seconds / length, name);
        }
    }
    plural(seconds, "second")
}

fn plural(number: i64, name: &str) -> String {
    if number == 1 { format!("1 {name}") } else { format!("{number} {name}s") }
}

/// Year, month and day of a number of days since 1970-01-01 in the proleptic Gregorian calendar: years are counted
/// from the first of March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let since_march_0000 = days.saturating_add(719_468);
    let era = since_march_0000.div_euclid(DAYS_IN_400_YEARS);
    let day_of_era = since_march_0000.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_799, "2024-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_795_253_999, "2026-11-21T09:39:59Z"),
        ] {
            assert_eq!(rfc3339(Timestamp(seconds)), text);
        }
    }

    #[test]
    fn spans_are_told_in_a_unit_that_reads_well() {
        let now = Timestamp(1_000_000_000);
        for (offset, text) in [
            (0, "now"),
            (-1, "1 second ago"),
            (-119, "119 seconds ago"),
            (300, "in 5 minutes"),
            (-7_200, "2 hours ago"),
            (86_400, "in 1 day"),
            (-40 * 86_400, "40 days ago"),
            (63_115_200, "in 2 years"),
        ] {
            assert_eq!(relative(now.plus(offset), now), text);
        }
    }
}
