//! Values of settings that have units.

use serde::Deserialize;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "SizeText")]
pub struct Size(pub u64);

/// As it stands in the settings file: a number, or a text as on the command line.
#[derive(Deserialize)]
#[serde(untagged)]
enum SizeText {
    Number(u64),
    Text(String),
}

impl TryFrom<SizeText> for Size {
    type Error = String;

    fn try_from(text: SizeText) -> Result<Self, String> {
        match text {
            SizeText::Number(bytes) => Ok(Self(bytes)),
            SizeText::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split = text.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = text.split_at(split.unwrap_or(text.len()));
        let power = match unit {
            "" => 0,
            "K" | "k" | "KiB" => 1,
            "M" | "m" | "MiB" => 2,
            "G" | "g" | "GiB" => 3,
            "T" | "t" | "TiB" => 4,
            _ => return Err(format!("{text:?} is no size; for example 512M or 4G")),
        };
        let number: u64 = number
            .parse()
            .map_err(|_| format!("{text:?} is no size; for example 512M or 4G"))?;
        let bytes = number.checked_mul(1024u64.pow(power));
        bytes.map(Self).ok_or_else(|| format!("{text} is too much"))
    }
}

/// For how long an upload may rest before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Patience(pub Option<Duration>);

impl Default for Patience {
    fn default() -> Self {
        Self(Some(Duration::from_secs(7 * 86_400)))
    }
}

impl TryFrom<String> for Patience {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Patience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no duration; for example 12h, 7d or off");
        if text == "off" {
            return Ok(Self(None));
        }
        let (number, unit) = text
            .split_at_checked(text.len().saturating_sub(1))
            .ok_or_else(wrong)?;
        let unit: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let seconds = number.checked_mul(unit).filter(|seconds| *seconds > 0);
        seconds
            .map(|n| Self(Some(Duration::from_secs(n))))
            .ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        size: Option<Size>,
        patience: Option<Patience>,
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("4k", 4096),
            ("2M", 2 << 20),
            ("3GiB", 3 << 30),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "1 G", "12x", "99999999999T"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        let size = |text| toml::from_str::<File>(text).map(|file| file.size);
        assert_eq!(size("size = 5").unwrap(), Some(Size(5)));
        assert_eq!(size("size = \"1G\"").unwrap(), Some(Size(1 << 30)));
        assert!(size("size = \"lots\"").is_err());
    }

    #[test]
    fn patience_has_a_unit_or_no_end() {
        let day = Duration::from_secs(86_400);
        for (text, time) in [("off", None), ("7d", Some(7 * day)), ("48h", Some(2 * day))] {
            assert_eq!(text.parse(), Ok(Patience(time)), "{text}");
        }
        for text in [
            "",
            "d",
            "0d",
            "7",
            "-1d",
            "7 d",
            "7x",
            "99999999999999999999d",
            "ü",
        ] {
            assert!(text.parse::<Patience>().is_err(), "{text}");
        }
        let file = toml::from_str::<File>("patience = \"off\"").unwrap();
        assert_eq!(file.patience, Some(Patience(None)));
        assert_eq!(Patience::default(), "7d".parse().unwrap());
    }
}
