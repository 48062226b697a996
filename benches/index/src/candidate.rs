//! What a candidate must be able to do.

use crate::workload::Value;
use std::path::Path;

/// Looks things up.
pub trait Read {
    /// The first byte of the key's value.
    fn get(&self, key: &[u8]) -> Option<u8>;
    /// Reads up to `count` entries from `from` on. Returns how many there were, and a number made
    /// of their bytes.
    fn scan(&self, from: &[u8], count: usize) -> (usize, u64);
}

/// An index under measurement, in the hands of its writer.
pub trait Candidate: Read + Sized + Send + 'static {
    /// What it is called in the table.
    const NAME: &'static str;
    /// What another core reads with.
    type Reader: Read + Send + 'static;

    /// An empty one, which may keep files in `dir`.
    fn create(dir: &Path) -> Self;
    /// Sets a value.
    fn insert(&mut self, key: &[u8], value: &Value);
    /// For another core.
    fn reader(&mut self) -> Self::Reader;
    /// Called by a busy writer between inserts: answers readers that depend on it.
    fn turn(&mut self) {}
    /// Called by a writer that has nothing to do: sleeps a little, or until a reader asks.
    fn idle(&mut self) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    /// Saves what a restart needs.
    fn save(&mut self, dir: &Path);
    /// Starts again from what was saved.
    fn restart(dir: &Path) -> Self;
}

/// A number that depends on an entry, so that reading it cannot be optimised away.
pub fn digest(key: &[u8], value: &[u8]) -> u64 {
    key.len() as u64 + u64::from(value.first().copied().unwrap_or(0))
}
