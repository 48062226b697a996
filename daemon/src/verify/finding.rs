//! What was found, one by one.

use crate::base::Location;

/// Of so many findings of a part of the store each is described; the others are counted.
const DESCRIBED_MAX: usize = 200;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing; the store is sound.
    Note,
    /// Something is not as it should be.
    Difference,
}

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The namespace.
    Namespace,
    /// A shard.
    Shard(u16),
}

/// Something an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A short name for programs; stays the same over versions.
    pub kind: &'static str,
    /// Where in the log, if it is in one place.
    pub at: Option<Location>,
    /// What of the store it is about: `/volume/bucket/key`, a user, a file.
    pub subject: Option<String>,
    /// What was found.
    pub what: String,
    /// What that means for the store and its users.
    pub means: &'static str,
    /// What to do.
    pub advice: &'static str,
}

impl Finding {
    /// The file of the log that it is in.
    #[must_use]
    pub fn file(&self, part: Part) -> Option<String> {
        let segment = self.at?.segment;
        Some(match part {
            Part::Namespace => format!("namespace/seg-{segment:08x}"),
            Part::Shard(shard) => format!("shard-{shard:03}/seg-{segment:08x}"),
        })
    }
}

/// The findings of one part of the store. However many there are, memory stays bounded.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    described: Vec<Finding>,
    differences: u64,
    notes: u64,
}

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        match finding.severity {
            Severity::Note => self.notes += 1,
            Severity::Difference => self.differences += 1,
        }
        if self.described.len() < DESCRIBED_MAX {
            self.described.push(finding);
        }
    }

    /// The first ones.
    #[must_use]
    pub fn described(&self) -> &[Finding] {
        &self.described
    }

    /// How many differences there are in all.
    #[must_use]
    pub const fn differences(&self) -> u64 {
        self.differences
    }

    /// How many findings are counted but not described.
    #[must_use]
    pub fn more(&self) -> u64 {
        (self.differences + self.notes).saturating_sub(self.described.len() as u64)
    }
}
