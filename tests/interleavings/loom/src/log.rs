//! In place of the daemon's `log`: its table of open segments.

#[path = "../../../../daemon/src/log/segment.rs"]
mod segment;

use crate::base::sync::Arc;

/// The table, as the log uses it.
pub struct Table<F>(segment::Table<F>);

impl<F: Clone> Table<F> {
    /// With these files.
    #[must_use]
    pub fn new(files: Vec<(u32, F)>) -> Self {
        Self(segment::Table::new(files))
    }

    /// A reader's look for one file.
    #[must_use]
    pub fn get(&self, segment: u32) -> Option<Arc<F>> {
        self.0.get(segment)
    }

    /// What a reader of many pieces holds on to.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<(u32, Arc<F>)>> {
        self.0.all()
    }

    /// The log's writer begins a segment.
    pub fn insert(&self, segment: u32, file: F) {
        self.0.insert(segment, file);
    }

    /// The log's writer takes one out; `Ok` when it may be written anew.
    pub fn remove(&self, segment: u32) -> Option<Result<F, Arc<F>>> {
        self.0.remove(segment)
    }
}

impl<F> Clone for Table<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
