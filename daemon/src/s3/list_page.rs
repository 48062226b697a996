//! One page of a listing: prefixes, delimiters, markers and limits over an ordered walk of keys.
//!
//! Keys below a common prefix are skipped by seeking behind them, so a page costs work in
//! proportion to what it shows.

use crate::io::Disk;
use crate::shard::ObjectCursor;
use crate::store::{ObjectEntry, StoreError};

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

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Objects, in order.
    pub objects: Vec<(String, ObjectEntry)>,
    /// Common prefixes, in order.
    pub prefixes: Vec<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// The last key or common prefix shown.
    pub last: Option<String>,
}

/// An ordered walk of objects.
pub trait Walk {
    /// Goes forwards to the first key at or after `key`.
    fn seek(&mut self, key: &[u8], exclusive: bool);
    /// The next object.
    fn next(&mut self) -> Result<Option<(Vec<u8>, ObjectEntry)>, StoreError>;
}

impl<D: Disk> Walk for ObjectCursor<'_, D> {
    fn seek(&mut self, key: &[u8], exclusive: bool) {
        self.seek(key, exclusive);
    }

    fn next(&mut self) -> Result<Option<(Vec<u8>, ObjectEntry)>, StoreError> {
        self.next_object()
    }
}

/// Walks one page.
pub fn page(walk: &mut impl Walk, query: &Query<'_>) -> Result<Page, StoreError> {
    let mut page = Page::default();
    if query.max == 0 {
        return Ok(page);
    }
    start(walk, query);
    while let Some((key, entry)) = walk.next()? {
        // Keys are UTF-8: they came in as such.
        let Ok(key) = String::from_utf8(key) else {
            continue;
        };
        if !key.starts_with(query.prefix) {
            break;
        }
        if page.objects.len() + page.prefixes.len() == query.max {
            page.truncated = true;
            break;
        }
        match rolled_up(&key, query.prefix, query.delimiter) {
            Some(prefix) => {
                seek_behind(walk, prefix);
                page.last = Some(prefix.to_owned());
                page.prefixes.push(prefix.to_owned());
            }
            None => {
                page.last = Some(key.clone());
                page.objects.push((key, entry));
            }
        }
    }
    Ok(page)
}

/// Goes to where the page begins.
fn start(walk: &mut impl Walk, query: &Query<'_>) {
    if query.after < query.prefix || query.after.is_empty() {
        walk.seek(query.prefix.as_bytes(), false);
    } else if rolled_up(query.after, query.prefix, query.delimiter) == Some(query.after) {
        // The last page ended with this common prefix: everything below it was shown.
        seek_behind(walk, query.after);
    } else {
        walk.seek(query.after.as_bytes(), true);
    }
}

/// The common prefix that a key is rolled up into: up to and with the first delimiter behind the
/// prefix.
#[must_use]
pub fn rolled_up<'k>(key: &'k str, prefix: &str, delimiter: &str) -> Option<&'k str> {
    if delimiter.is_empty() {
        return None;
    }
    let rest = key.strip_prefix(prefix)?;
    let end = prefix.len() + rest.find(delimiter)? + delimiter.len();
    key.get(..end)
}

/// Goes to the first key that does not begin with `prefix`.
fn seek_behind(walk: &mut impl Walk, prefix: &str) {
    let mut behind = prefix.as_bytes().to_vec();
    while let Some(last) = behind.pop() {
        if let Some(next) = last.checked_add(1) {
            behind.push(next);
            walk.seek(&behind, false);
            return;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::{Location, Timestamp};
    use crate::store::ETag;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A walk of keys that stand here.
    pub(in crate::s3) struct Keys {
        keys: BTreeSet<Vec<u8>>,
        from: Vec<u8>,
        exclusive: bool,
        steps: usize,
    }

    impl Walk for Keys {
        fn seek(&mut self, key: &[u8], exclusive: bool) {
            self.from = key.to_vec();
            self.exclusive = exclusive;
        }

        fn next(&mut self) -> Result<Option<(Vec<u8>, ObjectEntry)>, StoreError> {
            self.steps += 1;
            let mut rest = self.keys.range(self.from.clone()..);
            let key = rest.find(|k| !self.exclusive || **k != self.from).cloned();
            let Some(key) = key else { return Ok(None) };
            self.seek(&key.clone(), true);
            let entry = ObjectEntry {
                at: Location::ZERO,
                record_len: 0,
                size: 0,
                modified: Timestamp(0),
                etag: ETag {
                    md5: [0; 16],
                    parts: 0,
                },
                checksum: None,
            };
            Ok(Some((key, entry)))
        }
    }

    pub(in crate::s3) fn keys(list: impl IntoIterator<Item = impl Into<String>>) -> Keys {
        let keys = list.into_iter().map(|k| k.into().into_bytes()).collect();
        Keys {
            keys,
            from: Vec::new(),
            exclusive: false,
            steps: 0,
        }
    }

    #[test]
    fn whole_folders_are_skipped_not_walked() {
        let many = (0..10_000).map(|n| format!("a/{n:05}"));
        let mut walk = keys(many.chain(["b".to_owned()]));
        let query = Query {
            prefix: "",
            delimiter: "/",
            after: "",
            max: 1000,
        };
        let found = page(&mut walk, &query).unwrap();
        assert_eq!(found.prefixes, ["a/"]);
        assert_eq!(found.objects.len(), 1);
        assert!(walk.steps < 5);
    }

    proptest! {
        /// Pages put together show each key or its common prefix once, in order, whatever the page
        /// size.
        #[test]
        fn pages_add_up(
            list in proptest::collection::btree_set("[ab/]{1,5}", 0..40),
            prefix in "[ab/]{0,2}",
            delimiter in "(|/|b/)",
            max in 1usize..7,
        ) {
            let mut expected: Vec<String> = Vec::new();
            for key in list.iter().filter(|k| k.starts_with(&prefix)) {
                let shown = rolled_up(key, &prefix, &delimiter).unwrap_or(key).to_owned();
                if expected.last() != Some(&shown) {
                    expected.push(shown);
                }
            }
            let mut shown = Vec::new();
            let mut after = String::new();
            loop {
                let query = Query { prefix: &prefix, delimiter: &delimiter, after: &after, max };
                let found = page(&mut keys(list.iter().cloned()), &query).unwrap();
                let mut both: Vec<String> = found.objects.into_iter().map(|o| o.0).collect();
                both.extend(found.prefixes);
                both.sort();
                shown.extend(both);
                match found.last {
                    Some(last) if found.truncated => after = last,
                    _ => break,
                }
            }
            prop_assert_eq!(shown, expected);
        }
    }
}
