//! What a store holds, in the model's words, and what its indexes hold, in their own.

use super::perform::note_in;
use super::{Engine, Shards, SimStore, words};
use crate::model::{Entry, Key, Link, Model, Names, Object, Part};
use chainringd::base::md5::Md5;
use chainringd::base::{BucketId, VersionId};
use chainringd::namespace::EntryKind;
use chainringd::shard::core::shard_of;
use chainringd::store::keys;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

/// Everything in the index of each shard, keys and values.
pub type Dump = Vec<Vec<(Vec<u8>, Vec<u8>)>>;

/// What a damaged store holds: of each object what it is, or why it cannot be read.
#[derive(Debug, Default)]
pub struct Loose {
    /// Objects by bucket and key.
    pub objects: BTreeMap<Key, Result<Object, String>>,
    /// Uploads and their parts.
    pub uploads: BTreeMap<(Key, u128), BTreeMap<u32, Part>>,
}

/// More than there is of anything.
const MANY: usize = 1000;

impl Engine {
    /// Reads everything there is, every byte of it, past the cache. The number of the next bucket is
    /// not to be seen and stays 0.
    pub async fn observe(&self) -> Result<Model, String> {
        self.shards.observe(self.names()?).await
    }

    /// All names.
    pub fn names(&self) -> Result<Names, String> {
        let reader = self.core.names();
        let mut volumes = BTreeMap::new();
        for volume in words(reader.list_volumes("", None, MANY))? {
            let mut entries = BTreeMap::new();
            for entry in words(reader.list_buckets(&volume.name, "", None, MANY))? {
                let seen = match &entry.kind {
                    EntryKind::Bucket(bucket) => Entry::Bucket(bucket.id.0),
                    EntryKind::Link(link) => Entry::Link(Link {
                        to: (
                            link.source_volume.to_string(),
                            link.source_bucket.to_string(),
                        ),
                        prefix: link.prefix.as_deref().map(str::to_owned),
                        read_only: link.read_only,
                    }),
                };
                entries.insert(entry.name.to_string(), seen);
            }
            volumes.insert(volume.name.to_string(), entries);
        }
        Ok(Names { volumes, next: 0 })
    }
}

impl Shards {
    /// Reads everything in the buckets that have a name, and compares the counters with it.
    pub async fn observe(&self, names: Names) -> Result<Model, String> {
        let mut model = Model {
            names,
            ..Model::default()
        };
        for bucket in model.names.buckets() {
            for store in &self.stores {
                for key in self.keys(store, bucket)? {
                    let object = object(store, bucket, &key).await;
                    let object = object.map_err(|error| format!("{key} of {bucket}: {error}"))?;
                    model.objects.insert((bucket, key), object);
                }
                uploads(store, bucket, &mut model)?;
            }
            self.check_usage(bucket, &model)?;
        }
        Ok(model)
    }

    /// As [`Shards::observe`], but goes on behind what cannot be read.
    pub async fn observe_loosely(&self, names: &Names) -> Loose {
        let mut loose = Loose::default();
        let mut model = Model::default();
        for bucket in names.buckets() {
            for store in &self.stores {
                for key in self.keys(store, bucket).unwrap_or_default() {
                    let object = object(store, bucket, &key).await;
                    loose.objects.insert((bucket, key), object);
                }
                // Uploads that cannot be read are none.
                _ = uploads(store, bucket, &mut model);
            }
        }
        loose.uploads = model.uploads;
        loose
    }

    /// Everything in the indexes.
    #[must_use]
    pub fn dump(&self) -> Dump {
        let stores = self.stores.iter();
        stores.map(|store| entries(store, &[])).collect()
    }

    /// The keys of a bucket in one shard, where they belong.
    fn keys(&self, store: &SimStore, bucket: u64) -> Result<Vec<String>, String> {
        let prefix = keys::bucket_prefix(keys::SPACE_OBJECT, BucketId(bucket));
        let mut found = Vec::new();
        for (entry, _) in entries(store, &prefix) {
            let mut scratch = Vec::new();
            let key = keys::object_key(&entry, &mut scratch).ok_or("a key of the index is none")?;
            let shard = shard_of(self.stores.len(), BucketId(bucket), key);
            if shard.0 != store.shard() {
                return Err(format!("{key:?} is in shard {}", store.shard()));
            }
            found.push(words(String::from_utf8(key.to_vec()))?);
        }
        Ok(found)
    }

    /// Whether a bucket's usage is what the entries of the index add up to.
    fn check_usage(&self, bucket: u64, seen: &Model) -> Result<(), String> {
        let objects = seen.objects.iter().filter(|((b, _), _)| *b == bucket);
        let sizes = objects.map(|(_, object)| object.bytes.len() as u64);
        let uploads = seen.uploads.iter();
        let uploads = uploads.filter(|(((b, _), _), _)| *b == bucket);
        let parts = uploads.flat_map(|(_, parts)| parts.values());
        let parts: u64 = parts.map(|part| part.bytes.len() as u64).sum();
        let expected = (sizes.clone().sum::<u64>() + parts, sizes.count() as u64);
        let usages = self.stores.iter();
        let usages = usages.map(|store| store.usage(BucketId(bucket)));
        let counted = usages.fold((0, 0), |sum, usage| {
            (sum.0 + usage.bytes, sum.1 + usage.objects)
        });
        match counted == expected {
            true => Ok(()),
            false => Err(format!(
                "bucket {bucket} is counted as {counted:?} (bytes, objects), but holds {expected:?}"
            )),
        }
    }
}

/// Reads an object and compares what is said of it in several places.
async fn object(store: &SimStore, bucket: u64, key: &str) -> Result<Object, String> {
    let (id, bytes, reader) = (BucketId(bucket), key.as_bytes(), store.reader());
    let opened = words(reader.open(id, bytes, None).await)?;
    let opened = opened.ok_or("listed, but not there")?;
    let (entry, record) = (&opened.entry, &opened.object.record);
    let mut stream = reader.body(&opened, 0..record.size, None);
    let mut body = Vec::new();
    while let Some(chunk) = words(stream.next().await)? {
        body.extend_from_slice(&chunk);
    }
    let said = (record.bucket, record.key.as_slice(), record.version);
    if said != (id, bytes, VersionId::NULL) {
        return Err(format!("its record is that of {said:?}"));
    }
    let sizes = (entry.size, record.size, body.len() as u64);
    if sizes.0 != sizes.1 || sizes.1 != sizes.2 {
        return Err(format!("sizes differ: {sizes:?}"));
    }
    if (entry.etag, entry.modified) != (record.etag, record.modified) {
        return Err("index and record differ".to_owned());
    }
    if record.etag.parts == 0 && Md5::digest(&body) != record.etag.md5 {
        return Err("its bytes are not those of its entity tag".to_owned());
    }
    Ok(Object {
        bytes: body.into(),
        etag: record.etag,
        note: note_in(&record.meta),
    })
}

/// What the index holds under keys that begin so.
fn entries(store: &SimStore, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let reader = store.reader();
    reader.index().scan(Bound::Included(prefix), |key, value| {
        if !key.starts_with(prefix) {
            return ControlFlow::Break(());
        }
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    });
    found
}

fn uploads(store: &SimStore, bucket: u64, model: &mut Model) -> Result<(), String> {
    let reader = store.reader();
    let mut open = Vec::new();
    let visited = reader.scan_uploads(BucketId(bucket), b"", |key, upload, _| {
        open.push((String::from_utf8_lossy(key).into_owned(), upload));
        ControlFlow::Continue(())
    });
    words(visited)?;
    for (key, upload) in open {
        let mut parts = BTreeMap::new();
        for (number, part) in words(reader.parts(upload, 0, MANY))? {
            if part.bucket.0 != bucket {
                return Err(format!("part {number} counts for bucket {}", part.bucket.0));
            }
            // Its bytes are read when the upload is completed.
            let bytes = vec![0; usize::try_from(part.size).unwrap_or(0)];
            let md5 = part.md5;
            let bytes = bytes.into();
            parts.insert(number, Part { bytes, md5 });
        }
        model.uploads.insert(((bucket, key), upload.0), parts);
    }
    Ok(())
}
