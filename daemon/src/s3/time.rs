//! The three ways S3 writes a time: HTTP dates, ISO 8601, and SigV4's basic form. All UTC.

use crate::base::Timestamp;
use crate::base::calendar::civil_of_days;
use std::fmt::Write;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// From Thursday, the weekday of 1 January 1970.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A time split into calendar parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    /// The time as milliseconds since the epoch; times before it become the epoch itself.
    fn timestamp(self) -> Option<Timestamp> {
        let in_range = (1..=12).contains(&self.month)
            && self.day >= 1
            && self.day <= days_in_month(self.year, self.month)
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60
            && self.year <= 9999;
        if !in_range {
            return None;
        }
        let Some(days) = days_since_epoch(self.year, self.month, self.day) else {
            return Some(Timestamp(0));
        };
        let seconds =
            days * DAY_SECONDS + self.hour * 3600 + self.minute * 60 + self.second.min(59);
        Some(Timestamp(seconds * 1000))
    }

    fn of(time: Timestamp) -> Self {
        let seconds = time.seconds();
        let (year, month, day) = civil_of_days(seconds / DAY_SECONDS);
        let rest = seconds % DAY_SECONDS;
        Self {
            year,
            month,
            day,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 January 1970 (Hinnant's algorithm: years that start in March make leap days last).
const fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year;
    days.checked_sub(719_468)
}

/// A number of exactly `len` digits, or of one to `len` when `loose`.
fn digits(text: &str, len: usize, loose: bool) -> Option<u64> {
    let fits = if loose {
        (1..=len).contains(&text.len())
    } else {
        text.len() == len
    };
    if !fits || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn clock(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.split(':');
    let hour = digits(parts.next()?, 2, false)?;
    let minute = digits(parts.next()?, 2, false)?;
    let second = digits(parts.next()?, 2, false)?;
    parts.next().is_none().then_some((hour, minute, second))
}

fn month(text: &str) -> Option<u64> {
    let at = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(text))?;
    u64::try_from(at + 1).ok()
}

/// Parses an HTTP date: RFC 7231's preferred form, RFC 850's, asctime's; the weekday is not checked
/// and a zone of `UTC` or `+0000` is as good as `GMT`.
#[must_use]
pub fn parse_http(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let utc = |zone: &str| matches!(zone, "GMT" | "UTC" | "+0000" | "-0000" | "Z");
    let (year, month_name, day, time) = match *words.as_slice() {
        [_, day, month, year, time, zone] if utc(zone) => {
            (digits(year, 4, false)?, month, digits(day, 2, true)?, time)
        }
        [_, date, time, zone] if utc(zone) => {
            let mut parts = date.split('-');
            let day = digits(parts.next()?, 2, true)?;
            let month = parts.next()?;
            let year = parts.next()?;
            if parts.next().is_some() {
                return None;
            }
            let year = match digits(year, 2, false) {
                Some(short) if short < 70 => 2000 + short,
                Some(short) => 1900 + short,
                None => digits(year, 4, false)?,
            };
            (year, month, day, time)
        }
        [_, month, day, time, year] => {
            (digits(year, 4, false)?, month, digits(day, 2, true)?, time)
        }
        _ => return None,
    };
    let (hour, minute, second) = clock(time)?;
    Civil {
        year,
        month: month(month_name)?,
        day,
        hour,
        minute,
        second,
    }
    .timestamp()
}

/// Parses SigV4's form, `20130524T000000Z`; gives the text back as one that is known to be it.
#[must_use]
pub fn parse_amz_text(text: &str) -> Option<(Timestamp, AmzTime)> {
    let time = parse_amz(text)?;
    let text = text.as_bytes().first_chunk::<16>()?;
    Some((time, AmzTime(*text)))
}

/// Parses SigV4's form, `20130524T000000Z`.
#[must_use]
pub fn parse_amz(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let part = |text: &str, at: usize, len: usize| digits(text.get(at..at + len)?, len, false);
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    Civil {
        year: part(date, 0, 4)?,
        month: part(date, 4, 2)?,
        day: part(date, 6, 2)?,
        hour: part(time, 0, 2)?,
        minute: part(time, 2, 2)?,
        second: part(time, 4, 2)?,
    }
    .timestamp()
}

/// Parses ISO 8601, `2006-02-03T16:45:09[.000]Z`. Fractions of a second are cut off.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let text = text
        .strip_suffix('Z')
        .or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    digits(fraction, 9, true)?;
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4, false)?;
    let month = digits(parts.next()?, 2, false)?;
    let day = digits(parts.next()?, 2, false)?;
    let (hour, minute, second) = clock(time)?;
    if parts.next().is_some() {
        return None;
    }
    Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    }
    .timestamp()
}

/// Formats an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT`.
#[must_use]
pub fn format_http(time: Timestamp) -> String {
    let civil = Civil::of(time);
    let index = |n: u64| usize::try_from(n).unwrap_or(0);
    let days = time.seconds() / DAY_SECONDS;
    let weekday = WEEKDAYS.get(index(days % 7)).copied().unwrap_or("");
    let month = MONTHS.get(index(civil.month - 1)).copied().unwrap_or("");
    let mut out = String::with_capacity(29);
    let _ = write!(
        out,
        "{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
        civil.day, civil.year, civil.hour, civil.minute, civil.second
    );
    out
}

/// Formats ISO 8601 as S3 does: with milliseconds that are always zero, so that a listing and a HEAD
/// of the same object tell the same time.
#[must_use]
pub fn format_iso8601(time: Timestamp) -> String {
    String::from_utf8_lossy(&iso8601(time)).into_owned()
}

/// The bytes of [`format_iso8601`]. Years from 10,000 on lose their first digits.
#[must_use]
pub fn iso8601(time: Timestamp) -> [u8; 24] {
    let civil = Civil::of(time);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text, 0, civil.year / 100);
    put(&mut text, 2, civil.year);
    put(&mut text, 5, civil.month);
    put(&mut text, 8, civil.day);
    put_clock(&mut text, time);
    text
}

/// Gives the text of [`iso8601`] another time of the same day, which costs much less.
pub fn put_clock(text: &mut [u8], time: Timestamp) {
    let rest = time.seconds() % DAY_SECONDS;
    put(text, 11, rest / 3600);
    put(text, 14, rest / 60 % 60);
    put(text, 17, rest % 60);
}

/// Whether two times are of the same day.
#[must_use]
pub const fn same_day(a: Timestamp, b: Timestamp) -> bool {
    a.seconds() / DAY_SECONDS == b.seconds() / DAY_SECONDS
}

/// Writes the last two digits of a number.
fn put(text: &mut [u8], at: usize, number: u64) {
    if let Some(place) = text.get_mut(at..at + 2) {
        place.copy_from_slice(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
    }
}

/// A time in SigV4's form, `20130524T000000Z`. Years beyond 9999 are not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmzTime([u8; 16]);

impl AmzTime {
    /// Formats a time.
    #[must_use]
    pub fn new(time: Timestamp) -> Self {
        let civil = Civil::of(time);
        let mut text = *b"00000000T000000Z";
        put(&mut text, 0, civil.year / 100);
        put(&mut text, 2, civil.year);
        put(&mut text, 4, civil.month);
        put(&mut text, 6, civil.day);
        put(&mut text, 9, civil.hour);
        put(&mut text, 11, civil.minute);
        put(&mut text, 13, civil.second);
        Self(text)
    }

    /// The text's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The day, `20130524`.
    #[must_use]
    pub fn day(&self) -> &[u8] {
        self.0.get(..8).unwrap_or_default()
    }
}

/// Formats SigV4's form, `20130524T000000Z`.
#[must_use]
pub fn format_amz(time: Timestamp) -> String {
    AmzTime::new(time).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: Timestamp = Timestamp(784_111_777_000);

    #[test]
    fn the_three_forms_of_rfc_7231() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 -0000",
            " Sun, 06 Nov 1994 08:49:37 UTC ",
        ] {
            assert_eq!(parse_http(text), Some(EXAMPLE), "{text}");
        }
        assert_eq!(format_http(EXAMPLE), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "Bad Date",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 06 Xyz 1994 08:49:37 GMT",
            "0",
        ] {
            assert_eq!(parse_http(text), None, "{text}");
        }
        for text in [
            "20130524T000000",
            "2013-05-24T00:00:00Z",
            "20131324T000000Z",
            "+0130524T000000Z",
        ] {
            assert_eq!(parse_amz(text), None, "{text}");
        }
    }

    #[test]
    fn before_the_epoch_is_the_epoch() {
        let time = parse_http("Tue, 07 Jul 1950 21:53:04 GMT");
        assert_eq!(time, Some(Timestamp(0)));
    }

    #[test]
    fn the_other_forms() {
        let time = parse_amz("20130524T000000Z").unwrap();
        assert_eq!(time, Timestamp(1_369_353_600_000));
        assert_eq!(format_amz(time), "20130524T000000Z");
        assert_eq!(format_iso8601(time), "2013-05-24T00:00:00.000Z");
        assert_eq!(parse_iso8601("2013-05-24T00:00:00Z"), Some(time));
        assert_eq!(parse_iso8601("2013-05-24T00:00:00.123Z"), Some(time));
        assert_eq!(parse_iso8601("2013-05-24"), None);
    }

    proptest! {
        #[test]
        fn every_form_round_trips(seconds in 0u64..253_402_300_800) {
            let time = Timestamp(seconds * 1000);
            prop_assert_eq!(parse_http(&format_http(time)), Some(time));
            prop_assert_eq!(parse_amz(&format_amz(time)), Some(time));
            prop_assert_eq!(parse_iso8601(&format_iso8601(time)), Some(time));
            let mut other = iso8601(Timestamp(time.0 / 86_400_000 * 86_400_000));
            put_clock(&mut other, time);
            prop_assert_eq!(other, iso8601(time));
        }

        #[test]
        fn any_text_parses_without_panic(text: String) {
            let _ = (parse_http(&text), parse_amz(&text), parse_iso8601(&text));
        }
    }
}
