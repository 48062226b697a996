//! The audit log, as a core writes it: lines are collected and leave in batches, so that a request
//! pays for nothing but its line.

mod line;

pub use line::{Line, Peer, Place};

use crate::base::limits::{AUDIT_BATCH_BYTES, AUDIT_BATCHES_MAX, AUDIT_PENDING_BYTES_MAX};
use crate::io::lines::{LineLog, LineQueue, LineStats};
use std::cell::RefCell;

/// One core's way into the audit log.
pub struct Audit {
    queue: LineQueue,
    pending: RefCell<Pending>,
}

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    lines: u64,
}

impl Audit {
    /// Writes to `log`. Whoever makes one calls [`Audit::flush`] now and then.
    #[must_use]
    pub fn new(log: &LineLog) -> Self {
        Self {
            queue: log.queue(AUDIT_BATCHES_MAX),
            pending: RefCell::default(),
        }
    }

    /// Adds a line. Never waits: when too many lines wait already, this one is lost and counted.
    pub fn record(&self, line: &Line<'_>) {
        if self.pending.borrow().bytes.len() >= AUDIT_PENDING_BYTES_MAX && !self.flush() {
            self.queue.lose(1);
            return;
        }
        let full = {
            let mut pending = self.pending.borrow_mut();
            line.write(&mut pending.bytes);
            pending.lines += 1;
            pending.bytes.len() >= AUDIT_BATCH_BYTES
        };
        if full {
            self.flush();
        }
    }

    /// Hands over what was collected; `false` when it has to stay here for now.
    pub fn flush(&self) -> bool {
        let mut pending = self.pending.borrow_mut();
        if pending.lines == 0 {
            return true;
        }
        let room = Vec::with_capacity(pending.bytes.len().min(AUDIT_BATCH_BYTES) + 1024);
        let batch = std::mem::replace(&mut pending.bytes, room);
        match self.queue.push(batch, pending.lines) {
            Ok(()) => {
                pending.lines = 0;
                true
            }
            Err(batch) => {
                pending.bytes = batch;
                false
            }
        }
    }

    /// Hands over what was collected for the last time. What finds no place is lost.
    pub fn close(&self) {
        if !self.flush() {
            self.queue.lose(self.pending.take().lines);
        }
    }

    /// Has the file opened anew.
    pub fn reopen(&self) {
        self.queue.log().reopen();
    }

    /// What became of the lines, those of all cores.
    #[must_use]
    pub fn stats(&self) -> LineStats {
        self.queue.log().stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::lines::{self, Rotation};

    const LARGE: Rotation = Rotation {
        max_bytes: u64::MAX,
        keep: 0,
    };

    fn line(key: &str) -> Line<'_> {
        Line {
            what: "GetObject",
            key: Some(key.as_bytes()),
            ..Line::default()
        }
    }

    #[test]
    fn lines_arrive_in_order_and_in_batches() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let (log, writer) = lines::open(path.clone(), LARGE, Line::lost).unwrap();
        let audit = Audit::new(&log);
        for n in 0..2_000 {
            audit.record(&line(&format!("key-{n}")));
        }
        audit.close();
        writer.finish();
        let text = std::fs::read_to_string(&path).unwrap();
        for (n, line) in text.lines().enumerate() {
            let read: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(read["key"], format!("key-{n}"));
        }
        assert_eq!(text.lines().count(), 2_000);
        assert_eq!(audit.stats().lost, 0);
    }

    #[test]
    fn a_request_never_waits_for_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let (log, writer) = lines::open(path.clone(), LARGE, Line::lost).unwrap();
        let audit = Audit {
            // As if the writer stood still.
            queue: log.queue(0),
            pending: RefCell::default(),
        };
        for _ in 0..10_000 {
            audit.record(&line("key"));
        }
        let kept = audit.pending.borrow().lines;
        assert!(audit.pending.borrow().bytes.len() < AUDIT_PENDING_BYTES_MAX + 1024);
        assert_eq!(audit.stats().lost, 10_000 - kept);
        audit.close();
        assert_eq!(audit.stats().lost, 10_000);
        writer.finish();
        let text = std::fs::read_to_string(&path).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["lost"], 10_000);
    }
}
