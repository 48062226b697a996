//! Days and years, and times as logs write them.

/// Year, month and day that are so many days after 1 January 1970 (Hinnant's algorithm: years that
/// start in March make leap days last).
#[must_use]
pub const fn civil_of_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// Appends a time, in microseconds since the epoch, as ISO 8601 in UTC:
/// `2026-11-23T01:02:03.456789Z`.
pub fn push_iso8601(out: &mut Vec<u8>, micros: u64) {
    let seconds = micros / 1_000_000;
    let (year, month, day) = civil_of_days(seconds / 86_400);
    let of_day = seconds % 86_400;
    let parts = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (of_day / 3600, 2, b':'),
        (of_day / 60 % 60, 2, b':'),
        (of_day % 60, 2, b'.'),
        (micros % 1_000_000, 6, b'Z'),
    ];
    for (number, digits, mark) in parts {
        push_digits(out, number, digits);
        out.push(mark);
    }
}

/// Appends the last `digits` digits of a number.
fn push_digits(out: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(micros: u64) -> String {
        let mut out = Vec::new();
        push_iso8601(&mut out, micros);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_have_microseconds_and_are_utc() {
        assert_eq!(shown(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(shown(1_709_164_799_999_999), "2024-02-28T23:59:59.999999Z");
        assert_eq!(shown(1_709_164_800_000_001), "2024-02-29T00:00:00.000001Z");
        assert_eq!(shown(4_102_444_799_123_456), "2099-12-31T23:59:59.123456Z");
    }
}
