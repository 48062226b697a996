//! Sizes and counts on the command line: `10TB`, `512MB`, `1000`. Whole numbers only, because half a
//! unit of something is a typing error more often than a wish.

/// Units by name; each is 1024 of the one before, as Ozone counts.
const UNITS: [(&str, u32); 7] = [
    ("B", 0),
    ("KB", 10),
    ("MB", 20),
    ("GB", 30),
    ("TB", 40),
    ("PB", 50),
    ("EB", 60),
];

/// Parses a number of bytes that is a limit: not 0.
pub fn size(text: &str) -> Result<u64, String> {
    let invalid = |why: &str| Err(format!("{text} is invalid: {why}"));
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (digits, unit) = text.split_at(digits);
    let Some(shift) = shift(unit) else {
        return invalid("write a whole number and B, KB, MB, GB, TB, PB or EB, as in 10GB");
    };
    let Ok(number) = digits.parse::<u64>() else {
        return invalid("write a whole number and a unit, as in 10GB");
    };
    match number.checked_mul(1 << shift) {
        Some(0) => invalid("a quota of 0 would allow nothing; clrquota lifts a quota"),
        // As much as fits into the signed numbers of JSON.
        Some(bytes) if i64::try_from(bytes).is_ok() => Ok(bytes),
        _ => invalid("too large"),
    }
}

/// Parses a number of things that is a limit: not 0.
pub fn count(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(0) => Err(format!(
            "{text} is invalid: a quota of 0 would allow nothing; clrquota lifts a quota"
        )),
        Ok(number) if i64::try_from(number).is_ok() => Ok(number),
        _ => Err(format!("{text} is invalid: write a whole number")),
    }
}

/// The unit's power of two: `GB`, `G` and `GiB` are the same, in any case; none is bytes.
fn shift(unit: &str) -> Option<u32> {
    let unit = unit.to_ascii_uppercase();
    let found = UNITS.iter().find(|(name, _)| match name.strip_suffix('B') {
        Some("") => unit.is_empty() || unit == *name,
        letter => {
            let letter = letter.unwrap_or(name);
            unit == *name || unit == letter || unit == format!("{letter}IB")
        }
    });
    found.map(|(_, shift)| *shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_numbers_of_binary_units() {
        for (text, wanted) in [
            ("1", 1),
            ("100B", 100),
            ("1KB", 1024),
            ("512MB", 512 << 20),
            ("10TB", 10 << 40),
            ("10tb", 10 << 40),
            ("3G", 3 << 30),
            ("3GiB", 3 << 30),
            ("7EB", 7 << 60),
        ] {
            assert_eq!(size(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn anything_else_is_invalid_and_says_so() {
        for text in [
            "1.5GB",
            "",
            "GB",
            "-1",
            "+1",
            "1 GB",
            "0",
            "0GB",
            "1XB",
            "8EB",
            "99999999999999999999",
            "1e3",
            "٣GB",
        ] {
            let error = size(text).unwrap_err();
            assert!(error.starts_with(&format!("{text} is invalid")), "{error}");
        }
        assert_eq!(count("1000"), Ok(1000));
        for text in ["0", "1.5", "-1", "1k", "", "9223372036854775808"] {
            let error = count(text).unwrap_err();
            assert!(error.starts_with(&format!("{text} is invalid")), "{error}");
        }
    }
}
