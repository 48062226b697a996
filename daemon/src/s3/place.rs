//! A bucket as one request sees it. Operations reach objects only through a [`Place`]: it turns the
//! keys that clients name into those that are stored, and back.

use crate::base::BucketId;
use crate::base::limits::KEY_BYTES_MAX;
use crate::namespace::{KeyTooLong, Resolved};
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::keys::{AskedKey, Key};
use crate::s3::list_page::Walk;
use crate::store::{ObjectEntry, StoreError};
use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

/// A resolved bucket, and the part of it that the name asked for shows.
#[derive(Clone, Debug)]
pub struct Place {
    resolved: Rc<Resolved>,
}

impl Place {
    pub(in crate::s3) const fn new(resolved: Rc<Resolved>) -> Self {
        Self { resolved }
    }

    /// For what changes nothing: that nothing may be written through the name is then no matter for
    /// the caller's rights.
    pub(in crate::s3) fn only_read(&mut self) {
        if self.resolved.read_only {
            Rc::make_mut(&mut self.resolved).read_only = false;
        }
    }

    /// The bucket's number.
    #[must_use]
    pub fn id(&self) -> BucketId {
        self.resolved.bucket
    }

    /// What every key shown begins with in the store.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.resolved.prefix.as_deref().unwrap_or("")
    }

    /// The key that a client means. However it is spelled, it lies under the prefix: the two are
    /// put together as they are, and nothing ever takes a key apart.
    pub fn key<'k>(&self, asked: AskedKey<'k>) -> Result<Key<'k>> {
        match self.resolved.key(asked.shown()) {
            Ok(Cow::Borrowed(_)) => Ok(Key::of(asked, None)),
            Ok(Cow::Owned(stored)) => Ok(Key::of(asked, Some(stored.into_boxed_str()))),
            Err(KeyTooLong) => {
                let most = KEY_BYTES_MAX.saturating_sub(self.prefix().len());
                Err(S3Error::from(ErrorCode::KeyTooLongError)
                    .with("Size", asked.shown().len().to_string())
                    .with("MaxSizeAllowed", most.to_string()))
            }
        }
    }

    /// A stored key as clients know it; `None` for one that is not shown.
    #[must_use]
    pub fn shown<'k>(&self, stored: &'k [u8]) -> Option<&'k str> {
        // Keys are UTF-8: they came in as such.
        let stored = std::str::from_utf8(stored).ok()?;
        self.resolved.shown(stored).filter(|key| !key.is_empty())
    }

    /// A walk of the bucket's objects as one of what is shown.
    pub fn rooted<W: Walk>(&self, walk: W) -> Rooted<'_, W> {
        Rooted::new(walk, self.prefix().as_bytes())
    }
}

impl Deref for Place {
    type Target = Resolved;

    fn deref(&self) -> &Resolved {
        &self.resolved
    }
}

/// A walk of the keys under a prefix, which it takes away. The empty key, which an object of the
/// prefix's own name would get, is not shown.
pub struct Rooted<'p, W> {
    walk: W,
    prefix: &'p [u8],
    scratch: Vec<u8>,
}

impl<'p, W: Walk> Rooted<'p, W> {
    const fn new(walk: W, prefix: &'p [u8]) -> Self {
        Self {
            walk,
            prefix,
            scratch: Vec::new(),
        }
    }
}

impl<W: Walk> Walk for Rooted<'_, W> {
    fn seek(&mut self, key: &[u8], exclusive: bool) {
        if self.prefix.is_empty() {
            return self.walk.seek(key, exclusive);
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(self.prefix);
        self.scratch.extend_from_slice(key);
        self.walk.seek(&self.scratch, exclusive || key.is_empty());
    }

    fn next(&mut self) -> std::result::Result<Option<(&[u8], ObjectEntry)>, StoreError> {
        let found = self.walk.next()?;
        Ok(found.and_then(|(key, entry)| Some((key.strip_prefix(self.prefix)?, entry))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::list_page::Query;
    use crate::s3::list_page::tests::{keys, shown};
    use proptest::prelude::*;

    proptest! {
        /// A page of what lies under a prefix is the page of a bucket that holds just that, whatever
        /// prefix, delimiter and marker the client names.
        #[test]
        fn a_page_under_a_prefix_is_a_page_of_a_bucket_of_its_own(
            list in proptest::collection::btree_set("[ab/]{1,6}", 0..60),
            root in "(a/|b/|a|ab/|/)",
            prefix in "[ab/.]{0,2}",
            delimiter in "(|/|b/)",
            after in "[ab/.]{0,4}",
            max in 0usize..7,
        ) {
            let query = Query { prefix: &prefix, delimiter: &delimiter, after: &after, max };
            let own = list.iter().filter_map(|key| key.strip_prefix(&root));
            let mut own = keys(own.filter(|key| !key.is_empty()).map(str::to_owned));
            let mut rooted = Rooted::new(keys(list.iter().cloned()), root.as_bytes());
            prop_assert_eq!(shown(&mut rooted, &query), shown(&mut own, &query));
        }
    }
}
