//! Pages against a naive model, and over a real index.

use super::*;
use crate::base::{BucketId, Location, Timestamp, VersionId};
use crate::index::{IndexWriter, Visit};
use crate::store::{ETag, keys as index_keys};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A walk of keys that stand here.
pub(in crate::s3) struct Keys {
    keys: Vec<Vec<u8>>,
    at: usize,
    steps: usize,
}

impl Walk for Keys {
    fn seek(&mut self, key: &[u8], exclusive: bool) {
        let before = |k: &Vec<u8>| k.as_slice() < key || (exclusive && k.as_slice() == key);
        self.at = self.at.max(self.keys.partition_point(before));
    }

    fn next(&mut self) -> Result<Option<(&[u8], ObjectEntry)>, StoreError> {
        self.steps += 1;
        let key = self.keys.get(self.at);
        self.at += 1;
        Ok(key.map(|key| (key.as_slice(), entry())))
    }
}

fn entry() -> ObjectEntry {
    ObjectEntry {
        at: Location::ZERO,
        record_len: 0,
        size: 0,
        modified: Timestamp(0),
        etag: ETag {
            md5: [0; 16],
            parts: 0,
        },
        checksum: None,
        apart: false,
    }
}

pub(in crate::s3) fn keys(list: impl IntoIterator<Item = impl Into<String>>) -> Keys {
    let keys: BTreeSet<_> = list.into_iter().map(|k| k.into().into_bytes()).collect();
    Keys {
        keys: keys.into_iter().collect(),
        at: 0,
        steps: 0,
    }
}

/// A page as text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::s3) struct Found {
    objects: Vec<String>,
    prefixes: Vec<String>,
    next: Option<String>,
}

impl Shown for Found {
    fn object(&mut self, key: &str, _: &ObjectEntry) {
        self.objects.push(key.to_owned());
    }

    fn prefix(&mut self, prefix: &str) {
        self.prefixes.push(prefix.to_owned());
    }
}

pub(in crate::s3) fn shown(walk: &mut impl Walk, query: &Query<'_>) -> Found {
    let mut found = Found::default();
    found.next = page(walk, query, &mut found).unwrap();
    found
}

/// What S3 says a page is, in the slowest way there is.
fn model(list: &BTreeSet<String>, query: &Query<'_>) -> Found {
    let mut found = Found::default();
    let mut last = None;
    for key in list {
        let cut = |rest: &str| Some(rest.split_once(query.delimiter)?.0.len());
        let rest = key.strip_prefix(query.prefix);
        let Some(rest) = rest.filter(|_| key.as_str() > query.after) else {
            continue;
        };
        let end = cut(rest).filter(|_| !query.delimiter.is_empty());
        let group = end.map(|at| &key[..query.prefix.len() + at + query.delimiter.len()]);
        // A marker that is a common prefix itself stands for all keys below it.
        if group.is_some_and(|group| {
            group == query.after || found.prefixes.last().is_some_and(|last| last == group)
        }) {
            continue;
        }
        if found.objects.len() + found.prefixes.len() == query.max {
            found.next = last;
            return found;
        }
        last = Some(group.unwrap_or(key).to_owned());
        match group {
            Some(group) => found.prefixes.push(group.to_owned()),
            None => found.objects.push(key.clone()),
        }
    }
    found
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
    let found = shown(&mut walk, &query);
    assert_eq!(found.prefixes, ["a/"]);
    assert_eq!(found.objects, ["b"]);
    assert!(walk.steps < 5);
}

const BUCKET: BucketId = BucketId(7);

/// Shards that hold these keys, with those of other buckets around them.
fn shards(list: &BTreeSet<String>, count: usize) -> Vec<IndexWriter> {
    let mut shards: Vec<_> = (0..count).map(|_| crate::index::new().0).collect();
    let mut value = Vec::new();
    entry().encode(&mut value);
    for key in list {
        let shard = crate::shard::core::shard_of(count, BUCKET, key.as_bytes());
        let index = &mut shards[usize::from(shard.0)];
        for bucket in [6, 7, 8].map(BucketId) {
            let key = index_keys::object(bucket, key.as_bytes(), VersionId::NULL);
            index.insert(&key, &value);
        }
    }
    shards
}

/// Keys of few letters, among them a letter of two bytes, a zero byte and an ampersand; a few keys
/// are in one folder with many others, so that leaves and whole nodes are skipped.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ab/\u{0}ä&]{1,6}",
        1 => (0u32..4, 0u32..3000).prop_map(|(folder, n)| format!("a{folder}/{n:04}/{}", "x".repeat(60))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Page after page over several shards is what the model says.
    #[test]
    fn pages_of_shards_are_pages_of_the_model(
        few in proptest::collection::btree_set(key(), 0..60),
        folders in proptest::collection::vec((0u32..4, 0u32..600), 0..3),
        count in 1usize..5,
        prefix in "(|a|b/|a/|a1|a1/|ä|\u{0}|ab)",
        delimiter in "(|/|b/|ä|a\u{0}|//|/00)",
        after in "(|a|a/|a1/|a1/0004/|b/b|ä/|ab/ä|[ab/\u{0}ä&]{0,4})",
        max in prop_oneof![0usize..7, Just(1000)],
    ) {
        let many = folders.iter().flat_map(|(folder, count)| {
            (0..*count).map(move |n| format!("a{folder}/{n:04}/x"))
        });
        let list: BTreeSet<String> = few.iter().cloned().chain(many).collect();
        let writers = shards(&list, count);
        let readers: Vec<_> = writers.iter().map(IndexWriter::reader).collect();
        let mut after = after;
        for _ in 0..12 {
            let query = Query { prefix: &prefix, delimiter: &delimiter, after: &after, max };
            let visit = Visit::begin();
            let found = shown(&mut ObjectCursor::new(&readers, &visit, BUCKET), &query);
            prop_assert_eq!(&found, &model(&list, &query));
            match found.next {
                Some(next) => after = next,
                None => break,
            }
        }
    }

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
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let query = Query { prefix: &prefix, delimiter: &delimiter, after: &after, max };
            let found = shown(&mut keys(list.iter().cloned()), &query);
            let mut both = [found.objects, found.prefixes].concat();
            both.sort();
            all.extend(both);
            match found.next {
                Some(next) => after = next,
                None => break,
            }
        }
        prop_assert_eq!(all, expected);
    }
}
