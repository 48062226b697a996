//! Faults asked for by a test: the n-th operation of a kind fails.

use crate::io::{IoError, IoErrorKind};

/// The kinds of operation that are counted and can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Creating a file.
    Create,
    /// Creating a folder.
    CreateDir,
    /// Listing a folder.
    List,
    /// Opening a file.
    Open,
    /// Reading.
    Read,
    /// Removing a file.
    Remove,
    /// Renaming a file.
    Rename,
    /// Flushing a file. A flush that fails loses what it covered and marks it clean: no later flush
    /// will bring it back.
    Sync,
    /// Writing. A write that fails may have changed any of its sectors.
    Write,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::CreateDir,
        Self::List,
        Self::Open,
        Self::Read,
        Self::Remove,
        Self::Rename,
        Self::Sync,
        Self::Write,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::CreateDir => "create folder",
            Self::List => "list",
            Self::Open => "open",
            Self::Read => "read",
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::Sync => "flush",
            Self::Write => "write",
        }
    }

    pub(super) fn error(self, path: &str, kind: IoErrorKind) -> IoError {
        IoError {
            kind,
            operation: self.name(),
            path: path.to_owned(),
            message: format!("simulated: {kind:?}"),
        }
    }
}

/// One fault.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which kind of operation fails.
    pub operation: Operation,
    /// Which of them, counted from now: 0 is the next one.
    pub nth: u64,
    /// How it fails.
    pub kind: IoErrorKind,
    /// Whether all later ones fail too.
    pub sticky: bool,
}

/// What an operation meets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Met {
    /// It fails like this.
    pub failure: Option<IoErrorKind>,
    /// It takes very long.
    pub slow: bool,
}

/// Faults still to come, and how many operations of each kind there were.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: Vec<Fault>,
    slow: Vec<(Operation, u64)>,
    counts: [u64; Operation::ALL.len()],
}

impl Faults {
    pub(super) fn plan(&mut self, fault: Fault) {
        self.planned.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.planned.clear();
        self.slow.clear();
    }

    pub(super) fn slow(&mut self, operation: Operation, nth: u64) {
        self.slow.push((operation, nth));
    }

    pub(super) fn count(&self, operation: Operation) -> u64 {
        self.counts.get(operation as usize).copied().unwrap_or(0)
    }

    /// Counts an operation and says what it meets.
    pub(super) fn meet(&mut self, operation: Operation) -> Met {
        if let Some(count) = self.counts.get_mut(operation as usize) {
            *count += 1;
        }
        let mut met = Met::default();
        self.slow.retain_mut(|(slow, nth)| {
            let this = *slow == operation;
            met.slow |= this && *nth == 0;
            let stays = !this || *nth > 0;
            *nth -= u64::from(this && *nth > 0);
            stays
        });
        self.planned.retain_mut(|fault| {
            if fault.operation != operation {
                return true;
            }
            if fault.nth > 0 {
                fault.nth -= 1;
                return true;
            }
            met.failure = Some(fault.kind);
            fault.sticky
        });
        met
    }
}
