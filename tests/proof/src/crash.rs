//! What was recorded of a life, and crashes at any instant of it.

use crate::engine::Shape;
use crate::journal::Journal;
use crate::recovery;
use chainringd::io::sim::{Image, Keep, Rng, Trace};
use std::collections::HashSet;

/// A life that was recorded, and what it did.
pub struct Recorded {
    /// Events of the disk, with the marks of answers.
    pub trace: Trace,
    /// The states it went through.
    pub journal: Journal,
    /// How the store was made.
    pub shape: Shape,
    /// Whether names were changed in it. If not, they are not recovered each time.
    pub names: bool,
    /// Whether recovery is cut off at every event of it, or at one.
    pub thorough: bool,
}

/// Crashes that were looked at.
#[derive(Default)]
pub struct Crashes {
    met: HashSet<u64>,
    /// How many there were that differ.
    pub checked: u64,
}

impl Recorded {
    /// The states before each event from `first` on and after the last one, the last state first: of
    /// instants at which a crash leaves the same, that one has the most acknowledged.
    #[must_use]
    pub fn instants(&self, first: usize) -> Vec<(usize, Image)> {
        let mut images = Vec::new();
        self.trace.replay(|at, image| {
            if at >= first {
                images.push((at, image.clone()));
            }
        });
        images.reverse();
        images
    }

    /// A crash at this instant that keeps this much: what is recovered may be there (D1, D2, D5),
    /// equals what the log alone gives (D7), and is recovered again when recovery is cut off (D6).
    pub fn survives(
        &self,
        (at, image): (usize, &Image),
        keep: Keep,
        crashes: &mut Crashes,
    ) -> Result<(), String> {
        let fingerprint = image.fingerprint(keep);
        if !crashes.met.insert(fingerprint) {
            return Ok(());
        }
        crashes.checked += 1;
        let disk = image.crashed_disk(keep, fingerprint);
        let copy = disk.crash(Keep::All);
        let opened = match self.names {
            true => recovery::open(&copy, &self.shape, fingerprint),
            false => {
                let names = &self.journal.latest().names;
                recovery::open_shards(&copy, &self.shape, names, fingerprint)
            }
        };
        let result = opened.and_then(|opened| {
            let acked = self.journal.acked_by(self.trace.marks(at));
            self.journal.find(&opened.seen, &acked)?;
            recovery::rebuilds(&disk, &self.shape, &opened)?;
            if self.thorough {
                let repeats = recovery::repeats_everywhere;
                crashes.checked += repeats(&disk, &self.shape, &opened, self.names)?;
                return Ok(());
            }
            let mut rng = Rng::new(fingerprint);
            match rng.below(3) {
                0 => recovery::repeats(&disk, &self.shape, &opened, &mut rng),
                _ => Ok(()),
            }
        });
        let end = self.trace.events.len();
        result.map_err(|error| format!("crash at event {at} of {end}, {keep:?}: {error}"))
    }
}
