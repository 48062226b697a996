//! One page of a listing: prefixes, delimiters, markers and limits over an ordered walk of keys.
//!
//! Keys below a common prefix are skipped by seeking behind them, so a page costs work in
//! proportion to what it shows.

use crate::shard::ObjectCursor;
use crate::store::{ObjectEntry, StoreError};
use memchr::memmem::Finder;

/// What a page is asked to show.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Only keys that begin with this.
    pub prefix: &'a str,
    /// Keys that contain this behind the prefix are rolled up; empty for none.
    pub delimiter: &'a str,
    /// Only keys behind this one. A common prefix, when the last page ended with one.
    pub after: &'a str,
    /// Most keys and common prefixes together.
    pub max: usize,
}

/// Where the objects and common prefixes of a page go as they are found. Each kind comes in order.
pub trait Shown {
    /// An object.
    fn object(&mut self, key: &str, entry: &ObjectEntry);
    /// A common prefix.
    fn prefix(&mut self, prefix: &str);
}

/// An ordered walk of objects, which begins with a seek.
pub trait Walk {
    /// Goes forwards to the first key at or after `key` (after it when `exclusive`).
    fn seek(&mut self, key: &[u8], exclusive: bool);
    /// The next object, its key lent.
    fn next(&mut self) -> Result<Option<(&[u8], ObjectEntry)>, StoreError>;
}

impl Walk for ObjectCursor<'_> {
    fn seek(&mut self, key: &[u8], exclusive: bool) {
        self.seek(key, exclusive);
    }

    fn next(&mut self) -> Result<Option<(&[u8], ObjectEntry)>, StoreError> {
        self.next_object()
    }
}

/// Walks one page. When there is more, returns the last key or common prefix shown: the next page
/// comes after it.
pub fn page(
    walk: &mut impl Walk,
    query: &Query<'_>,
    shown: &mut impl Shown,
) -> Result<Option<String>, StoreError> {
    if query.max == 0 {
        return Ok(None);
    }
    start(walk, query);
    let rolling = Rolling::new(query);
    let (mut count, mut last) = (0, None);
    let mut behind = Vec::new();
    while let Some((key, entry)) = walk.next()? {
        // Keys are UTF-8: they came in as such.
        let Ok(key) = std::str::from_utf8(key) else {
            continue;
        };
        if !key.starts_with(query.prefix) {
            break;
        }
        if last.is_some() {
            return Ok(last);
        }
        count += 1;
        let rolled_up = rolling.up(key);
        if count == query.max {
            last = Some(rolled_up.unwrap_or(key).to_owned());
        }
        match rolled_up {
            Some(prefix) => {
                shown.prefix(prefix);
                behind.clear();
                behind.extend_from_slice(prefix.as_bytes());
                seek_behind(walk, &mut behind);
            }
            None => shown.object(key, &entry),
        }
    }
    Ok(None)
}

/// Goes to where the page begins.
fn start(walk: &mut impl Walk, query: &Query<'_>) {
    if query.after < query.prefix || query.after.is_empty() {
        walk.seek(query.prefix.as_bytes(), false);
    } else if rolled_up(query.after, query.prefix, query.delimiter) == Some(query.after) {
        // The last page ended with this common prefix: everything below it was shown.
        seek_behind(walk, &mut query.after.as_bytes().to_vec());
    } else {
        walk.seek(query.after.as_bytes(), true);
    }
}

/// The common prefix that a key is rolled up into: up to and with the first delimiter behind the
/// prefix.
#[must_use]
pub fn rolled_up<'k>(key: &'k str, prefix: &str, delimiter: &str) -> Option<&'k str> {
    if delimiter.is_empty() || !key.starts_with(prefix) {
        return None;
    }
    Rolling::with(prefix, delimiter).up(key)
}

/// [`rolled_up`] for many keys that begin with the prefix.
struct Rolling<'q> {
    /// Bytes in front of which no delimiter counts.
    from: usize,
    delimiter: Option<Finder<'q>>,
}

impl<'q> Rolling<'q> {
    fn new(query: &Query<'q>) -> Self {
        Self::with(query.prefix, query.delimiter)
    }

    fn with(prefix: &str, delimiter: &'q str) -> Self {
        Self {
            from: prefix.len(),
            delimiter: (!delimiter.is_empty()).then(|| Finder::new(delimiter)),
        }
    }

    fn up<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.as_ref()?;
        let at = delimiter.find(key.as_bytes().get(self.from..)?)?;
        key.get(..self.from + at + delimiter.needle().len())
    }
}

/// Goes to the first key that does not begin with `prefix`, and changes it on the way.
fn seek_behind(walk: &mut impl Walk, prefix: &mut Vec<u8>) {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            walk.seek(prefix, false);
            return;
        }
    }
}

#[cfg(test)]
#[path = "list_page_tests.rs"]
pub(super) mod tests;
