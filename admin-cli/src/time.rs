//! Times as ISO 8601 in UTC, as Ozone prints them, and durations as people say them.

use std::time::{SystemTime, UNIX_EPOCH};

const SECOND: u64 = 1000;
const DAY: u64 = 86_400 * SECOND;

/// For example `2026-01-02T03:04:05.678Z`, from milliseconds since 1970.
pub fn iso_8601(milliseconds: u64) -> String {
    let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar. Years are counted from
/// March, so that the leap day is a year's last, in eras of 400 years of 146,097 days.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// For example `1h 1m`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Parses a time to come, in milliseconds since 1970: a date, a time, or how long from now.
pub fn expiry(text: &str) -> Result<u64, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    expiry_at(text, now)
}

fn expiry_at(text: &str, now: u64) -> Result<u64, String> {
    let time = match parse_duration(text) {
        Some(length) => now.checked_add(length),
        None => parse_iso_8601(text),
    };
    match time {
        None => Err(format!(
            "{text} is invalid: write 2026-12-31, 2026-12-31T18:00:00Z or a duration as 12h, 7d, 4w"
        )),
        Some(time) if time <= now => Err(format!("{text} is over already")),
        Some(time) => Ok(time),
    }
}

/// Parses how long, as `30s`, `90m`, `24h`, `7d`, `4w`, and returns seconds.
pub fn seconds(text: &str) -> Result<u64, String> {
    match parse_duration(text) {
        Some(length) if length > 0 => Ok(length / SECOND),
        _ => Err(format!(
            "{text} is invalid: write a duration as 90m, 24h or 7d"
        )),
    }
}

/// The milliseconds of a whole number with a unit.
fn parse_duration(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    };
    number(digits)?.checked_mul(unit)
}

/// A date (its beginning), or a time, in UTC unless it says how far from that. Milliseconds since
/// 1970.
fn parse_iso_8601(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let days = days_since_1970(year, month, day)?;
    let (of_day, offset) = match time {
        Some(time) => time_of_day(time)?,
        None => (0, 0),
    };
    let time = i64::try_from(days.checked_mul(DAY)?.checked_add(of_day)?).ok()?;
    u64::try_from(time.checked_sub(offset)?).ok()
}

/// Milliseconds since midnight, and how many of them the clock is ahead of UTC.
fn time_of_day(text: &str) -> Option<(u64, i64)> {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(end) => text.split_at(end),
        None => (text, "Z"),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = match clock.len() {
        5 => {
            let [hour, minute] = fields(clock, ':', [2, 2])?;
            [hour, minute, 0]
        }
        _ => fields(clock, ':', [2, 2, 2])?,
    };
    if hour > 23 || minute > 59 || second > 59 || fraction.len() > 9 {
        return None;
    }
    let scale = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let milliseconds = number(fraction)?.checked_mul(SECOND)? / scale;
    let of_day = ((hour * 60 + minute) * 60 + second) * SECOND + milliseconds;
    let sign = match offset.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return (offset.len() == 1).then_some((of_day, 0)),
    };
    let [hours, minutes] = fields(offset.get(1..)?, ':', [2, 2])?;
    let ahead = i64::try_from((hours * 60 + minutes) * 60 * SECOND).ok()?;
    (hours <= 14 && minutes <= 59).then_some((of_day, sign * ahead))
}

/// Numbers of so many digits each.
fn fields<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(separator);
    let mut values = [0; N];
    for (value, digits) in values.iter_mut().zip(digits) {
        *value = parts
            .next()
            .filter(|part| part.len() == digits)
            .and_then(number)?;
    }
    parts.next().is_none().then_some(values)
}

fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// The other way round than [`date`]; `None` for a day that no month has, or one before 1970.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || year < 1970 {
        return None;
    }
    let year_from_march = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year_from_march / 400, year_from_march % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    (date(days) == (year, month, day)).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_323_045_678;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, milliseconds) in [
            ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
            ("2026-01-02T03:04:05.678", 1_767_323_045_678),
            ("2026-01-02t03:04:05.678901z", 1_767_323_045_678),
            ("2026-01-02T05:04:05.678+02:00", 1_767_323_045_678),
            ("2026-01-01T22:34:05.678-04:30", 1_767_323_045_678),
            ("2026-01-02T03:04Z", 1_767_323_040_000),
            ("2026-01-02", 1_767_312_000_000),
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400_000),
            ("2100-03-01", 4_107_542_400_000),
        ] {
            assert_eq!(parse_iso_8601(text), Some(milliseconds), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-1-2",
            "2026-13-01",
            "2026-02-29",
            "2026-00-10",
            "2026-01-00",
            "1969-12-31",
            "2026-01-02T24:00Z",
            "2026-01-02T03:60Z",
            "2026-01-02T",
            "2026-01-02TZ",
            "2026-01-02T03:04:05Zx",
            "2026-01-02T03:04+2",
            "2026-01-02T03:04:05.Z",
            "+026-01-02",
            "tomorrow",
            "1970-01-01T00:00+01:00",
        ] {
            assert_eq!(parse_iso_8601(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_is_read_back() {
        for days in (0..200_000).step_by(13) {
            let text = iso_8601(days * DAY);
            assert_eq!(parse_iso_8601(&text), Some(days * DAY), "{text}");
        }
    }

    #[test]
    fn an_expiry_is_a_time_to_come_or_a_duration() {
        assert_eq!(expiry_at("7d", NOW), Ok(NOW + 7 * DAY));
        assert_eq!(expiry_at("30s", NOW), Ok(NOW + 30 * SECOND));
        assert_eq!(expiry_at("2w", NOW), Ok(NOW + 14 * DAY));
        assert_eq!(expiry_at("2026-01-03", NOW), Ok(1_767_398_400_000));
        for text in ["2026-01-02", "0d", "2001-01-01T00:00:00Z"] {
            let error = expiry_at(text, NOW).unwrap_err();
            assert_eq!(error, format!("{text} is over already"));
        }
        for text in [
            "",
            "7",
            "d",
            "1.5d",
            "-1d",
            "7 d",
            "7y",
            "99999999999999999d",
            "ä",
        ] {
            let error = expiry_at(text, NOW).unwrap_err();
            assert!(error.starts_with(&format!("{text} is invalid")), "{error}");
        }
    }

    #[test]
    fn how_long_is_a_duration() {
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("90m"), Ok(5400));
        for text in ["0h", "24", "2026-01-03", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_utc_with_milliseconds() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "584556019-04-03T14:25:51.615Z"),
        ] {
            assert_eq!(iso_8601(milliseconds), text);
        }
    }

    #[test]
    fn durations_have_two_units() {
        assert_eq!(duration(61_000), "1m 1s");
        assert_eq!(duration(3_660_000), "1h 1m");
        assert_eq!(duration(90_000_000), "1d 1h");
    }
}
