//! How far a check is, for whoever waits for it on another thread.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The log is read.
    Log,
    /// Records and bodies are read.
    Bodies,
    /// Nothing any more.
    Done,
}

/// How far the check of one shard is.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// The phase, what is done of it, and what there is to do; 0: not known.
    #[must_use]
    pub fn seen(&self) -> (Phase, u64, u64) {
        let phase = match self.phase.load(Relaxed) {
            0 => Phase::Log,
            1 => Phase::Bodies,
            _ => Phase::Done,
        };
        (phase, self.done.load(Relaxed), self.total.load(Relaxed))
    }

    pub(super) fn begin(&self, phase: Phase, total: u64) {
        let number = match phase {
            Phase::Log => 0,
            Phase::Bodies => 1,
            Phase::Done => 2,
        };
        self.done.store(0, Relaxed);
        self.total.store(total, Relaxed);
        self.phase.store(number, Relaxed);
    }

    pub(super) fn at(&self, done: u64) {
        self.done.store(done, Relaxed);
    }

    pub(super) fn step(&self) {
        self.done.fetch_add(1, Relaxed);
    }
}
