//! What was found, as it is kept in a file: every sample is added as soon as it is taken, so that a
//! run that was interrupted goes on where it stopped.

use super::kind::Kind;
use crate::device::DeviceFloor;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Everything that was found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// Where.
    pub machine: Machine,
    /// The servers that took part.
    pub servers: Vec<ServerNote>,
    /// What could not be had.
    pub missing: Vec<Missing>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// The device alone, once a round.
    pub device: Vec<DeviceFloor>,
    /// One per server, kind and round.
    pub samples: Vec<Sample>,
}

/// The machine and how it was shared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor, as the system names it.
    pub processor: String,
    /// The kernel.
    pub kernel: String,
    /// The file system of the stores.
    pub file_system: String,
    /// CPUs of the servers.
    pub server_cpus: Vec<usize>,
    /// CPUs of the client.
    pub client_cpus: Vec<usize>,
    /// Length of a window in seconds.
    pub seconds: f64,
}

/// A server that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerNote {
    /// In tables.
    pub id: String,
    /// Program and version.
    pub version: String,
    /// What it does before it answers a PUT.
    pub durability: String,
    /// Whether the bytes are on the device then.
    pub flushes: bool,
    /// Whether it is a floor, not a rival.
    pub is_floor: bool,
}

/// A program that could not be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// The reason.
    pub why: String,
}

/// A measurement that was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// Of which server; empty means all.
    pub server: String,
    /// What.
    pub what: String,
    /// The reason.
    pub why: String,
}

/// One measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Which server.
    pub server: String,
    /// What was asked.
    pub kind: Kind,
    /// In which round.
    pub round: usize,
    /// The figures.
    pub figures: Figures,
}

/// The figures of one measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Length of the window.
    pub seconds: f64,
    /// Right answers in it.
    pub requests: u64,
    /// The same, per second.
    pub requests_per_second: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// 99.9th percentile; warp does not tell.
    pub p999_us: Option<f64>,
    /// CPU time of the server and all its children per right answer, in microseconds.
    pub cpu_us: Option<f64>,
    /// Bytes that the server made the system write, per byte stored.
    pub process_bytes: Option<f64>,
    /// Bytes that the device wrote, for whomever, per byte stored.
    pub device_bytes: Option<f64>,
    /// Resident memory of the server afterwards, in bytes.
    pub resident: u64,
    /// The most that it had so far.
    pub resident_peak: u64,
    /// Wrong answers.
    pub failures: u64,
    /// The first of them.
    pub failure: Option<String>,
}

/// The file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The system.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Its content.
    #[error("{path} is not a report of this program: {error}")]
    Content {
        /// The file.
        path: String,
        /// Why.
        error: serde_json::Error,
    },
}

impl Record {
    /// Reads what an earlier run left, if there is anything.
    pub fn load(path: &Path) -> Result<Option<Self>, RecordError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(path, error)),
        };
        let record = serde_json::from_str(&text).map_err(|error| RecordError::Content {
            path: path.display().to_string(),
            error,
        })?;
        Ok(Some(record))
    }

    /// Replaces the file at once: a reader finds the old or the new one.
    pub fn save(&self, path: &Path) -> Result<(), RecordError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| RecordError::Content {
            path: path.display().to_string(),
            error,
        })?;
        let fresh = path.with_extension("json.new");
        std::fs::write(&fresh, text).map_err(|error| io(&fresh, error))?;
        std::fs::rename(&fresh, path).map_err(|error| io(path, error))
    }

    /// Whether a sample is there already.
    #[must_use]
    pub fn has(&self, server: &str, kind: &Kind, round: usize) -> bool {
        self.samples
            .iter()
            .any(|sample| sample.server == server && sample.kind == *kind && sample.round == round)
    }

    /// Notes that something was left out, once.
    pub fn skip(&mut self, server: &str, what: String, why: String) {
        let skipped = Skipped {
            server: server.to_owned(),
            what,
            why,
        };
        if !self.skipped.contains(&skipped) {
            self.skipped.push(skipped);
        }
    }
}

fn io(path: &Path, error: std::io::Error) -> RecordError {
    RecordError::Io {
        path: path.display().to_string(),
        error,
    }
}
