//! What is measured: one kind of request, of one size, from so many clients.

use crate::request::Op;
use serde::{Deserialize, Serialize};

/// What is done, and with which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Objects under keys that do not exist
    Put,
    /// Whole objects, any of them, again and again
    Get,
    /// The same at fixed times, half as many as the server can: latencies without coordinated omission
    GetPaced,
    /// Whole objects, each once, after a restart and without the system's cache
    GetCold,
    /// The metadata of objects
    Head,
    /// Pages of 1,000 entries from any key on
    List,
    /// Objects that exist, each once
    Delete,
    /// The same with warp
    WarpPut,
    /// The same with warp
    WarpGet,
    /// The same with warp
    WarpStat,
    /// The same with warp
    WarpList,
    /// The same with warp
    WarpDelete,
    /// GET, STAT, PUT and DELETE side by side, with warp
    WarpMixed,
    /// Downloads of the parts of one object, with warp
    WarpMultipart,
}

impl Work {
    /// The request of our own generator.
    #[must_use]
    pub const fn op(self) -> Option<Op> {
        Some(match self {
            Self::Put => Op::Put,
            Self::Get | Self::GetPaced | Self::GetCold => Op::Get,
            Self::Head => Op::Head,
            Self::List => Op::List,
            Self::Delete => Op::Delete,
            _ => return None,
        })
    }

    /// The subcommand of warp.
    #[must_use]
    pub const fn warp(self) -> Option<&'static str> {
        Some(match self {
            Self::WarpPut => "put",
            Self::WarpGet => "get",
            Self::WarpStat => "stat",
            Self::WarpList => "list",
            Self::WarpDelete => "delete",
            Self::WarpMixed => "mixed",
            Self::WarpMultipart => "multipart",
            _ => return None,
        })
    }

    /// In tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "PUT new keys",
            Self::Get => "GET warm",
            Self::GetPaced => "GET warm, half of its rate,",
            Self::GetCold => "GET cold",
            Self::Head => "HEAD",
            Self::List => "LIST 1,000 of",
            Self::Delete => "DELETE",
            Self::WarpPut => "warp put",
            Self::WarpGet => "warp get",
            Self::WarpStat => "warp stat",
            Self::WarpList => "warp list",
            Self::WarpDelete => "warp delete",
            Self::WarpMixed => "warp mixed",
            Self::WarpMultipart => "warp multipart",
        }
    }

    /// Whether the size of the objects changes what it costs.
    #[must_use]
    pub const fn depends_on_size(self) -> bool {
        matches!(
            self,
            Self::Put
                | Self::Get
                | Self::GetPaced
                | Self::GetCold
                | Self::WarpPut
                | Self::WarpGet
                | Self::WarpMixed
                | Self::WarpMultipart
        )
    }

    /// Whether it stores bytes.
    #[must_use]
    pub const fn stores(self) -> bool {
        matches!(self, Self::Put | Self::WarpPut)
    }
}

/// Which way a request takes to its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The bucket itself.
    Direct,
    /// A link to it; Chainring only.
    Link,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// The request.
    pub work: Work,
    /// Bytes of an object.
    pub size: u64,
    /// Requests in flight.
    pub clients: usize,
    /// Through a link or not.
    pub way: Way,
    /// Objects that the store had beforehand, besides those of the measurement.
    pub objects: usize,
}

impl Kind {
    /// In tables and progress.
    #[must_use]
    pub fn name(&self) -> String {
        let way = match self.way {
            Way::Direct => "",
            Way::Link => ", through a link",
        };
        let objects = match self.objects {
            0 => String::new(),
            objects => format!(", {objects} objects in the store"),
        };
        let clients = if self.clients == 1 {
            "client"
        } else {
            "clients"
        };
        format!(
            "{} {}, {} {clients}{way}{objects}",
            self.work.name(),
            size_name(self.size),
            self.clients
        )
    }
}

/// 4096 is "4 KiB".
#[must_use]
pub fn size_name(size: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if size >= unit && size.is_multiple_of(unit) {
            return format!("{} {name}", size / unit);
        }
    }
    format!("{size} B")
}

/// Reads `1`, `4k`, `1MiB`, `1 GiB`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        _ => return Err(format!("{unit:?} is no unit; B, KiB, MiB and GiB are")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no size"))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| format!("{text:?} is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, size, name) in [
            ("1", 1, "1 B"),
            ("4k", 4096, "4 KiB"),
            ("64 KiB", 65536, "64 KiB"),
            ("1MiB", 1 << 20, "1 MiB"),
            ("1g", 1 << 30, "1 GiB"),
            ("1500", 1500, "1500 B"),
        ] {
            assert_eq!(parse_size(text), Ok(size));
            assert_eq!(size_name(size), name);
        }
        for wrong in ["", "k", "4x", "-1", "99999999999g"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
