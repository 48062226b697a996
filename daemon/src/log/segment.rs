//! Segment files: their names, and the table of open ones that the writer shares with all readers.

use crate::base::sync::{Arc, ArcSwap};

/// Name of the file of a segment.
pub(super) fn path(dir: &str, segment: u32) -> String {
    format!("{dir}/seg-{segment:08x}")
}

/// Inverse of the last component of [`path`].
pub(super) fn parse_name(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("seg-")?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    (digits.len() == 8 && format!("{number:08x}") == digits).then_some(number)
}

/// Segment files as they were at one time, sorted by number. As long as somebody holds this, none of
/// them is written anew: a segment that leaves the log meanwhile can still be read here.
pub(super) type Files<F> = Arc<Listed<F>>;

type Listed<F> = Vec<(u32, Arc<F>)>;

/// The file of a segment among others.
pub(super) fn find<F>(files: &[(u32, Arc<F>)], segment: u32) -> Option<&Arc<F>> {
    let index = files.binary_search_by_key(&segment, |(n, _)| *n).ok()?;
    files.get(index).map(|(_, file)| file)
}

/// The open segment files. Clones share the table; reading it takes no lock.
pub(super) struct Table<F>(Arc<ArcSwap<Listed<F>>>);

impl<F> Clone for Table<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<F: Clone> Table<F> {
    pub(super) fn new(files: Vec<(u32, F)>) -> Self {
        let files = files.into_iter().map(|(n, file)| (n, Arc::new(file)));
        Self(Arc::new(ArcSwap::from_pointee(files.collect())))
    }

    /// The file, which is not written anew while the result lives.
    pub(super) fn get(&self, segment: u32) -> Option<Arc<F>> {
        find(&self.0.load(), segment).cloned()
    }

    /// All files of now.
    pub(super) fn all(&self) -> Files<F> {
        self.0.load_full()
    }

    pub(super) fn len(&self) -> usize {
        self.0.load().len()
    }

    pub(super) fn numbers(&self) -> Vec<u32> {
        self.0.load().iter().map(|(n, _)| *n).collect()
    }

    /// Adds a file; only the log's one writer calls this.
    pub(super) fn insert(&self, segment: u32, file: F) {
        let mut files = Vec::clone(&self.0.load());
        match files.binary_search_by_key(&segment, |(n, _)| *n) {
            Ok(_) => {}
            Err(index) => files.insert(index, (segment, Arc::new(file))),
        }
        self.0.store(Arc::new(files));
    }

    /// Takes a file out; only the log's one writer calls this. `Ok` when no reader has it, now or
    /// ever again, so that it may be written anew. Whoever still reads from it keeps it otherwise.
    pub(super) fn remove(&self, segment: u32) -> Option<Result<F, Arc<F>>> {
        let mut files = Vec::clone(&self.0.load());
        let index = files.binary_search_by_key(&segment, |(n, _)| *n).ok()?;
        let (_, file) = files.remove(index);
        self.0.store(Arc::new(files));
        // Only now: before, somebody could still find it.
        Some(Arc::try_unwrap(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nothing_else_parses() {
        assert_eq!(path("shard-000", 0x1f), "shard-000/seg-0000001f");
        assert_eq!(parse_name("seg-0000001f"), Some(0x1f));
        for name in [
            "seg-1f",
            "seg-0000001F",
            "seg-+000001f",
            "seg-0000001f.x",
            "x",
        ] {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }
}
