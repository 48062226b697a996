//! What happened in a case, line by line, kept when somebody wants to read it.

use std::cell::RefCell;

/// Notes of one case. Writing them down costs time, so it is only done for cases that failed.
#[derive(Default)]
pub struct History(Option<RefCell<Vec<String>>>);

impl History {
    /// Keeps what is noted.
    #[must_use]
    pub fn kept() -> Self {
        Self(Some(RefCell::default()))
    }

    /// Whether somebody wants to read it.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Notes a line.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let line = line();
            lines.borrow_mut().push(line);
        }
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.0.as_ref();
        lines.map_or_else(Vec::new, |lines| lines.borrow().clone())
    }
}
