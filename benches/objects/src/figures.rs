//! What is found, and how it is shown.

use serde::{Deserialize, Serialize};

/// After the objects were written.
#[derive(Debug, Serialize, Deserialize)]
pub struct Filled {
    /// Objects in the index.
    pub objects: u64,
    /// Until the last was on stable media.
    pub fill_seconds: f64,
    /// Writing the checkpoint of the whole index.
    pub checkpoint_seconds: f64,
    /// Memory of the index.
    pub index_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Flushes.
    pub flushes: u64,
    /// Memory of the process.
    pub resident_bytes: u64,
}

/// After the store was opened in process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opened {
    /// Objects in the index.
    pub objects: u64,
    /// Until it could be used.
    pub seconds: f64,
    /// Memory of the index.
    pub index_bytes: u64,
    /// Memory of the process.
    pub resident_bytes: u64,
}

/// After the daemon was started.
#[derive(Debug, Serialize)]
pub struct Started {
    /// From the start of the process to "is ready".
    pub seconds: f64,
    /// Its memory then.
    pub resident_bytes: u64,
}

/// Everything.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Writing.
    pub filled: Filled,
    /// The checkpoint's file.
    pub checkpoint_bytes: u64,
    /// A restart.
    pub with_checkpoint: Opened,
    /// A restart that has to read the whole log.
    pub without_checkpoint: Opened,
    /// The first with the whole daemon.
    pub daemon_with_checkpoint: Option<Started>,
    /// The second with the whole daemon.
    pub daemon_without_checkpoint: Option<Started>,
}

impl Figures {
    /// For people; Markdown.
    pub fn table(&self) -> String {
        let objects = self.filled.objects.max(1);
        let each = |bytes: u64| format!("{:.1} B", bytes as f64 / objects as f64);
        let seconds = |seconds: f64| format!("{seconds:.2} s");
        let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
        let filled = &self.filled;
        let mut rows = vec![
            ("objects", filled.objects.to_string()),
            (
                "written, each flushed before it counts",
                seconds(filled.fill_seconds),
            ),
            ("flushes", filled.flushes.to_string()),
            ("log per object", each(filled.log_bytes)),
            (
                "index per object, keys written one by one",
                each(filled.index_bytes),
            ),
            ("writing the checkpoint", seconds(filled.checkpoint_seconds)),
            ("checkpoint per object", each(self.checkpoint_bytes)),
        ];
        let opened = [
            ("with the checkpoint", &self.with_checkpoint),
            ("without the checkpoint", &self.without_checkpoint),
        ];
        let started = [
            &self.daemon_with_checkpoint,
            &self.daemon_without_checkpoint,
        ];
        let mut text = String::from("| | |\n|---|---|\n");
        let mut more = Vec::new();
        for ((how, opened), started) in opened.into_iter().zip(started) {
            more.push((format!("opened {how}"), seconds(opened.seconds)));
            more.push((
                format!("index per object, opened {how}"),
                each(opened.index_bytes),
            ));
            more.push((
                format!("resident memory, opened {how}"),
                mib(opened.resident_bytes),
            ));
            if let Some(started) = started {
                more.push((format!("chainringd ready {how}"), seconds(started.seconds)));
                more.push((
                    format!("resident memory of chainringd {how}"),
                    mib(started.resident_bytes),
                ));
            }
        }
        rows.push(("resident memory, written", mib(filled.resident_bytes)));
        let rows = rows
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        for (name, value) in rows.chain(more) {
            text.push_str(&format!("| {name} | {value} |\n"));
        }
        text
    }

    /// No object may be missing.
    pub fn check(&self, wanted: u64) -> Result<(), String> {
        for found in [
            self.filled.objects,
            self.with_checkpoint.objects,
            self.without_checkpoint.objects,
        ] {
            if found != wanted {
                return Err(format!("{found} objects instead of {wanted}"));
            }
        }
        Ok(())
    }
}

/// Resident memory of a process in bytes; `self` is this one.
pub fn resident(process: &str) -> std::io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|digits| digits.parse::<u64>().ok())
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}
