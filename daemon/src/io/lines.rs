//! A file of lines, written by a thread of its own, so that nobody who has something to write ever
//! waits for a file system.
//!
//! Each core has a [`LineQueue`] with few places. When the writer does not keep up, or the device is
//! full, lines are lost; they are counted, and a line in the file says how many, where they are
//! missing. The file is begun anew when it is large enough ([`Rotation`]) and opened anew on demand,
//! for programs that move it away.

mod file;

use file::LineFile;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long nothing more is said of failures.
const SAID_AGAIN: Duration = Duration::from_secs(60);

/// When a file is begun anew, and what is kept of what was written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes a file has at most, unless one batch is larger.
    pub max_bytes: u64,
    /// Older files that are kept: `PATH.1` is the newest of them.
    pub keep: u32,
}

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineStats {
    /// Lines in the file.
    pub written: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lines that were lost.
    pub lost: u64,
    /// How often a file was begun anew because the one before was large enough.
    pub rotations: u64,
    /// The last attempt to write failed.
    pub failing: bool,
}

#[derive(Default)]
struct Shared {
    written: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    rotations: AtomicU64,
    failing: AtomicBool,
}

enum Message {
    Write {
        batch: Vec<u8>,
        lines: u64,
        /// Of the queue it came through.
        waiting: Arc<AtomicUsize>,
    },
    Reopen,
    Stop,
}

/// The way to the writer. Clones share it; it may be used from any thread.
#[derive(Clone)]
pub struct LineLog {
    sender: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

/// A core's places in front of the writer.
pub struct LineQueue {
    log: LineLog,
    waiting: Arc<AtomicUsize>,
    places: usize,
}

/// The writer's thread.
pub struct LineWriter {
    thread: JoinHandle<()>,
    log: LineLog,
}

/// Opens `path` for appending, or creates it for its owner's eyes only, and starts its writer.
/// `lost` makes the line, with its line end, that says how many lines are missing.
pub fn open(
    path: PathBuf,
    rotation: Rotation,
    lost: fn(u64) -> Vec<u8>,
) -> io::Result<(LineLog, LineWriter)> {
    let file = LineFile::open(path, rotation)?;
    start(file, lost)
}

fn start(file: LineFile, lost: fn(u64) -> Vec<u8>) -> io::Result<(LineLog, LineWriter)> {
    let (sender, messages) = mpsc::channel();
    let shared = Arc::new(Shared::default());
    let log = LineLog {
        sender,
        shared: shared.clone(),
    };
    let writer = Writer {
        file,
        shared,
        lost,
        told: 0,
        said: None,
    };
    let thread = std::thread::Builder::new()
        .name("lines".to_owned())
        .spawn(move || writer.run(&messages))?;
    let handle = LineWriter {
        thread,
        log: log.clone(),
    };
    Ok((log, handle))
}

impl LineLog {
    /// A queue for at most `places` batches.
    #[must_use]
    pub fn queue(&self, places: usize) -> LineQueue {
        LineQueue {
            log: self.clone(),
            waiting: Arc::default(),
            places,
        }
    }

    /// Has the file opened anew, behind what is queued already.
    pub fn reopen(&self) {
        self.send(Message::Reopen);
    }

    /// What became of the lines so far.
    #[must_use]
    pub fn stats(&self) -> LineStats {
        let shared = &self.shared;
        LineStats {
            written: shared.written.load(Ordering::Relaxed),
            bytes: shared.bytes.load(Ordering::Relaxed),
            lost: shared.lost.load(Ordering::Relaxed),
            rotations: shared.rotations.load(Ordering::Relaxed),
            failing: shared.failing.load(Ordering::Relaxed),
        }
    }

    fn send(&self, message: Message) {
        // The writer ends only when it is told to.
        if self.sender.send(message).is_err() {
            tracing::debug!("the writer of lines is gone");
        }
    }
}

impl LineQueue {
    /// Hands over whole lines. Gives them back when every place is taken.
    pub fn push(&self, batch: Vec<u8>, lines: u64) -> Result<(), Vec<u8>> {
        if self.waiting.load(Ordering::Relaxed) >= self.places {
            return Err(batch);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = self.waiting.clone();
        let message = Message::Write {
            batch,
            lines,
            waiting,
        };
        self.log.send(message);
        Ok(())
    }

    /// Counts lines that could not be handed over.
    pub fn lose(&self, lines: u64) {
        self.log.shared.lost.fetch_add(lines, Ordering::Relaxed);
    }

    /// The way to the writer.
    #[must_use]
    pub const fn log(&self) -> &LineLog {
        &self.log
    }
}

impl LineWriter {
    /// Ends the writer once it has written what is queued.
    pub fn finish(self) {
        self.log.send(Message::Stop);
        if self.thread.join().is_err() {
            tracing::error!("the writer of lines panicked");
        }
    }
}

struct Writer {
    file: LineFile,
    shared: Arc<Shared>,
    lost: fn(u64) -> Vec<u8>,
    /// Lost lines that the file speaks of.
    told: u64,
    /// When it was last said that writing fails.
    said: Option<Instant>,
}

impl Writer {
    fn run(mut self, messages: &mpsc::Receiver<Message>) {
        while let Ok(message) = messages.recv() {
            match message {
                Message::Write {
                    batch,
                    lines,
                    waiting,
                } => {
                    self.tell_losses();
                    self.write(&batch, lines);
                    waiting.fetch_sub(1, Ordering::Relaxed);
                }
                Message::Reopen => {
                    let done = self.file.reopen();
                    self.note(done);
                }
                Message::Stop => break,
            }
        }
        self.tell_losses();
    }

    /// Writes how many lines are missing, if some are that it was not said of.
    fn tell_losses(&mut self) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        let missing = lost.wrapping_sub(self.told);
        if missing > 0 && self.append(&(self.lost)(missing)) == 1 {
            self.told = lost;
        }
    }

    fn write(&mut self, batch: &[u8], lines: u64) {
        let whole = self.append(batch);
        let missing = lines.saturating_sub(whole);
        self.shared.lost.fetch_add(missing, Ordering::Relaxed);
    }

    /// Appends lines; says how many of them are in the file. A batch may be longer than a file.
    fn append(&mut self, mut batch: &[u8]) -> u64 {
        let mut lines = 0;
        while !batch.is_empty() {
            let (now, later) = batch.split_at(self.file.share_of(batch));
            lines += self.append_to_one(now);
            batch = later;
        }
        lines
    }

    fn append_to_one(&mut self, batch: &[u8]) -> u64 {
        let rotated = self.file.rotate_for(batch.len());
        match rotated {
            Ok(false) => {}
            Ok(true) => {
                self.shared.rotations.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => tracing::error!(file = %self.file, %error, "cannot begin a new file"),
        }
        let (kept, result) = self.file.append(batch);
        let whole = batch.get(..kept).unwrap_or_default();
        let lines = whole.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.shared.written.fetch_add(lines, Ordering::Relaxed);
        self.shared.bytes.fetch_add(kept as u64, Ordering::Relaxed);
        self.note(result);
        lines
    }

    /// Says it when writing begins to fail, and when it works again; not for every batch of a
    /// device that has room for some and not for others.
    fn note(&mut self, result: io::Result<()>) {
        self.shared
            .failing
            .store(result.is_err(), Ordering::Relaxed);
        let quiet = |said: &Instant| said.elapsed() < SAID_AGAIN;
        match (result, self.said) {
            (Err(error), said) if !said.as_ref().is_some_and(quiet) => {
                tracing::error!(file = %self.file, %error, "lines cannot be written and are lost");
                self.said = Some(Instant::now());
            }
            (Ok(()), Some(said)) if !quiet(&said) => {
                tracing::info!(file = %self.file, "lines are written again");
                self.said = None;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "lines/tests.rs"]
mod tests;
