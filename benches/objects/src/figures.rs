//! What is found, and how it is shown.

use serde::{Deserialize, Serialize};

/// After the objects were written.
#[derive(Debug, Serialize, Deserialize)]
pub struct Filled {
    /// Objects in the index.
    pub objects: u64,
    /// Objects that should be there.
    pub wanted: u64,
    /// Until the last was on stable media.
    pub fill_seconds: f64,
    /// Writing the checkpoint of the whole index.
    pub checkpoint_seconds: f64,
    /// The longest that the core did nothing else while the checkpoint was written.
    pub checkpoint_held_ms: f64,
    /// The same in some seconds without a checkpoint: what other processes and the host take.
    pub held_alone_ms: f64,
    /// The slowest flushed write beside the checkpoint.
    pub slowest_beside_ms: f64,
    /// The slowest flushed write in as long a time without one.
    pub slowest_alone_ms: f64,
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

/// What was written between the last checkpoint and a crash.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tail {
    /// Objects.
    pub objects: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
}

/// A start after a crash.
#[derive(Debug, Serialize)]
pub struct AfterCrash {
    /// What had to be read again.
    pub tail: Tail,
    /// The start.
    pub started: Started,
}

/// Pages of one kind in one bucket.
#[derive(Debug, Serialize)]
pub struct ListingFigures {
    /// What was asked.
    pub what: String,
    /// Objects of the bucket.
    pub bucket: u64,
    /// The daemon's CPU time per page.
    pub cpu_us: f64,
    /// Median latency with one connection.
    pub p50_us: f64,
    /// Bytes of a page.
    pub bytes: f64,
}

/// After the daemon was started.
#[derive(Debug, Serialize)]
pub struct Started {
    /// From the start of the process to "is ready".
    pub seconds: f64,
    /// CPU time until then; less than that on a machine with other work.
    pub cpu_seconds: f64,
    /// Its memory then.
    pub resident_bytes: u64,
}

impl Started {
    fn text(&self) -> String {
        format!("{:.2} s (CPU {:.2} s)", self.seconds, self.cpu_seconds)
    }
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
    pub without_checkpoint: Option<Opened>,
    /// The first with the whole daemon.
    pub daemon_with_checkpoint: Option<Started>,
    /// The second with the whole daemon.
    pub daemon_without_checkpoint: Option<Started>,
    /// A start after a crash.
    pub after_crash: Option<AfterCrash>,
    /// What listings cost.
    pub listings: Vec<ListingFigures>,
}

impl Figures {
    /// For people; Markdown.
    pub fn table(&self) -> String {
        let objects = self.filled.objects.max(1);
        let each = |bytes: u64| format!("{:.1} B", bytes as f64 / objects as f64);
        let seconds = |seconds: f64| format!("{seconds:.2} s");
        let ms = |ms: f64| format!("{ms:.1} ms");
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
        let mut text = String::from("| | |\n|---|---|\n");
        let mut more = vec![
            (
                "longest hold of the core while it was written, and without it".to_owned(),
                format!(
                    "{}, {}",
                    ms(filled.checkpoint_held_ms),
                    ms(filled.held_alone_ms)
                ),
            ),
            (
                "slowest flushed write beside it, and without it".to_owned(),
                format!(
                    "{}, {}",
                    ms(filled.slowest_beside_ms),
                    ms(filled.slowest_alone_ms)
                ),
            ),
        ];
        let opened = [
            ("with the checkpoint", Some(&self.with_checkpoint)),
            ("without the checkpoint", self.without_checkpoint.as_ref()),
        ];
        let started = [
            &self.daemon_with_checkpoint,
            &self.daemon_without_checkpoint,
        ];
        for ((how, opened), started) in opened.into_iter().zip(started) {
            if let Some(opened) = opened {
                more.push((format!("opened {how}"), seconds(opened.seconds)));
                more.push((
                    format!("index per object, opened {how}"),
                    each(opened.index_bytes),
                ));
                more.push((
                    format!("resident memory, opened {how}"),
                    mib(opened.resident_bytes),
                ));
            }
            if let Some(started) = started {
                more.push((format!("chainringd ready {how}"), started.text()));
                more.push((
                    format!("resident memory of chainringd {how}"),
                    mib(started.resident_bytes),
                ));
            }
        }
        if let Some(AfterCrash { tail, started }) = &self.after_crash {
            more.push((
                format!(
                    "chainringd ready after a crash, {} objects ({}) behind the checkpoint",
                    tail.objects,
                    mib(tail.log_bytes)
                ),
                started.text(),
            ));
        }
        for listing in &self.listings {
            more.push((
                format!("{}, of {} objects", listing.what, listing.bucket),
                format!(
                    "CPU {:.0} us, p50 {:.0} us, {:.0} B",
                    listing.cpu_us, listing.p50_us, listing.bytes
                ),
            ));
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
    pub fn check(&self) -> Result<(), String> {
        let wanted = self.filled.wanted;
        let mut found = vec![self.filled.objects, self.with_checkpoint.objects];
        found.extend(self.without_checkpoint.as_ref().map(|o| o.objects));
        match found.into_iter().find(|found| *found != wanted) {
            Some(found) => Err(format!("{found} objects instead of {wanted}")),
            None => Ok(()),
        }
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
