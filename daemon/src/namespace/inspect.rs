//! Looking at a namespace without opening it: are the snapshots, the log and the mapped index what
//! they should be, and do they say the same? Nothing is written.

use crate::base::{BucketId, Location};
use crate::index::map::{Generation, Lookup, MapConfig, MapError, MapWriter, Stamp};
use crate::io::Disk;
use crate::log::{self, Damage, LogConfig, RecordView};
use crate::namespace::error::NamespaceError;
use crate::namespace::inspect_words::{describe, owner_of_pieces};
use crate::namespace::keys;
use crate::namespace::rebuild;
use crate::namespace::record::{self, EntryRecord, RecordKind};
use crate::namespace::recover::Tail;
use crate::namespace::snapshot::{self, Primary};
use crate::namespace::tables::Read;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceIssue {
    /// A stretch of the log that cannot be read any more.
    Damage(Damage),
    /// A snapshot that cannot be read.
    Snapshot {
        /// Its file.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A snapshot that says something else than the snapshot before it and the log between them.
    SnapshotDiffers {
        /// Its file.
        name: String,
        /// How many records differ.
        records: usize,
    },
    /// A record of the log that is readable and cannot be right.
    Record {
        /// Where.
        at: Location,
        /// What is wrong.
        why: String,
    },
    /// The log does not reach back to what the snapshots say.
    Gap,
    /// A page of the mapped index is damaged.
    Index(String),
    /// The mapped index reaches further than the log, or into another history.
    IndexAhead,
    /// An entry of the mapped index is missing, superfluous or different.
    Entry {
        /// What it is about.
        what: String,
        /// In which way the index differs from the log.
        how: EntryDiffers,
    },
    /// Two buckets have one number, or one has a number that was not given yet.
    BucketNumber {
        /// The bucket.
        bucket: String,
        /// Its number.
        number: u64,
    },
}

/// In which way the index differs from the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryDiffers {
    /// The log has it, the index has not.
    Missing,
    /// The index has it, the log has not.
    Superfluous,
    /// They have it with another content.
    Different,
}

/// How the mapped index was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Closed in an orderly way, and compared.
    Compared,
    /// Left by a daemon that was killed: the next start makes it anew, whatever it holds.
    Unclean,
    /// There is none: the next start makes it.
    Missing,
    /// It cannot be used: the next start makes it anew.
    Unusable,
}

/// A namespace that was looked at.
#[derive(Clone, Debug)]
pub struct NamespaceInspection {
    /// What is wrong.
    pub issues: Vec<NamespaceIssue>,
    /// How the mapped index was found.
    pub index: IndexState,
    /// Where each bucket is, `/volume/bucket`, by its number.
    pub buckets: HashMap<BucketId, String>,
    /// Volumes.
    pub volumes: u64,
    /// Links.
    pub links: u64,
    /// Users.
    pub users: u64,
    /// Whether snapshots and log give the whole of the tables. If not, a daemon does not start on
    /// them, and the counts and names above are those of a part.
    pub whole: bool,
}

/// Reads the namespace in the folder and with the store of `log`, and the index at `map`.
pub async fn inspect<D: Disk>(
    disk: &D,
    log: &LogConfig,
    map: &MapConfig,
) -> Result<NamespaceInspection, NamespaceError> {
    let mut issues = Vec::new();
    let (index, mapped) = mapped(map, &mut issues);
    let history = history(
        disk,
        log,
        mapped.as_ref().map(Generation::stamp),
        &mut issues,
    )
    .await?;
    if let Some(mapped) = &mapped {
        match &history.at_index {
            Some(primary) => compare(map.store, primary, mapped, &mut issues)?,
            None if history.whole => issues.push(NamespaceIssue::IndexAhead),
            None => {}
        }
    }
    let mut found = NamespaceInspection {
        issues,
        index,
        buckets: HashMap::new(),
        volumes: 0,
        links: 0,
        users: 0,
        whole: history.whole,
    };
    found.count(&history.primary)?;
    Ok(found)
}

/// The mapped index, if there is anything to compare.
fn mapped(map: &MapConfig, issues: &mut Vec<NamespaceIssue>) -> (IndexState, Option<Generation>) {
    match MapWriter::inspect(map) {
        Ok(Some(mapped)) => (IndexState::Compared, Some(mapped)),
        Ok(None) => (IndexState::Unclean, None),
        Err(MapError::Missing) => (IndexState::Missing, None),
        Err(error) => {
            issues.push(NamespaceIssue::Index(error.to_string()));
            (IndexState::Unusable, None)
        }
    }
}

/// What snapshots and log say.
struct History {
    /// The tables at the end of the log.
    primary: Primary,
    /// The tables at the state that the index has.
    at_index: Option<Primary>,
    whole: bool,
}

/// Reads every snapshot, and the log from the oldest on; compares each snapshot with what the one
/// before it and the log say.
async fn history<D: Disk>(
    disk: &D,
    config: &LogConfig,
    index: Option<Stamp>,
    issues: &mut Vec<NamespaceIssue>,
) -> Result<History, NamespaceError> {
    let mut snapshots = Vec::new();
    let mut all = snapshot::list(disk, &config.dir).await?;
    all.reverse();
    for covers in all {
        match snapshot::read(disk, &config.dir, config.store, covers).await {
            Ok(found) => snapshots.push(found),
            Err(error) => issues.push(NamespaceIssue::Snapshot {
                name: snapshot::path(&config.dir, covers),
                why: error.to_string(),
            }),
        }
    }
    let mut later = snapshots.into_iter();
    let (mut primary, stamp) = later.next().unwrap_or_default();
    let mut later = later.peekable();
    let mut tail = Tail::after(stamp);
    let mut at_index = (index == Some(stamp)).then(|| primary.clone());
    let mut refused = None;
    let visit = |at: Location, view: RecordView<'_>| {
        if refused.is_some() {
            return Ok(());
        }
        if let Err(error) = tail.take(at, view) {
            refused = Some((at, error.to_string()));
            return Ok(());
        }
        for change in std::mem::take(&mut tail.changes) {
            rebuild::replay(&mut primary, change);
        }
        if let Some((saved, stamp)) = later.next_if(|(_, stamp)| *stamp == tail.stamp)
            && saved != primary
        {
            issues.push(NamespaceIssue::SnapshotDiffers {
                name: snapshot::path(&config.dir, stamp.covers),
                records: differing(&saved, &primary),
            });
        }
        if index == Some(tail.stamp) {
            at_index = Some(primary.clone());
        }
        Ok(())
    };
    let from = Location::from_u64(stamp.covers);
    let recovery = match log::inspect(disk, config, from, visit).await {
        Ok((_, recovery)) => recovery,
        Err(error) => return Err(error.into()),
    };
    let mut whole = recovery.damage.is_empty() && refused.is_none();
    issues.extend(recovery.damage.into_iter().map(NamespaceIssue::Damage));
    if let Some((at, why)) = refused {
        issues.push(NamespaceIssue::Record { at, why });
    } else if tail.expected.is_some() {
        issues.push(NamespaceIssue::Gap);
        whole = false;
    }
    for (_, stamp) in later {
        // The log does not have the record that this snapshot ends with.
        issues.push(NamespaceIssue::SnapshotDiffers {
            name: snapshot::path(&config.dir, stamp.covers),
            records: 0,
        });
    }
    Ok(History {
        primary,
        at_index,
        whole,
    })
}

fn differing(one: &Primary, other: &Primary) -> usize {
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let differs = |key: &&&Vec<u8>| one.get(**key) != other.get(**key);
    keys.iter().filter(differs).count()
}

/// Compares the mapped index with one that is made of the same tables.
fn compare(
    store: [u8; 16],
    primary: &Primary,
    mapped: &Generation,
    issues: &mut Vec<NamespaceIssue>,
) -> Read<()> {
    let config = MapConfig { path: None, store };
    let made = rebuild::build(&config, primary, mapped.stamp())?;
    let expected = rows(&*made.reader().hold())?;
    let found = rows(mapped)?;
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let mut told = BTreeSet::new();
    for key in keys {
        let how = match (expected.get(key), found.get(key)) {
            (one, other) if one == other => continue,
            (Some(_), None) => EntryDiffers::Missing,
            (None, _) => EntryDiffers::Superfluous,
            (Some(_), Some(_)) => EntryDiffers::Different,
        };
        let what = describe(owner_of_pieces(key).unwrap_or(key));
        if told.insert(what.clone()) {
            issues.push(NamespaceIssue::Entry { what, how });
        }
    }
    Ok(())
}

fn rows(map: &impl Lookup) -> Read<Primary> {
    let mut rows = Primary::new();
    map.scan(&[], &mut |key, value| {
        rows.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

impl NamespaceInspection {
    fn count(&mut self, primary: &Primary) -> Read<()> {
        let counter = primary.get(&vec![keys::COUNTER]);
        let next = counter.map_or(Ok(1), |value| record::decode_counter(value))?;
        for (key, value) in primary {
            match key.first().copied() {
                Some(keys::VOLUME) => self.volumes += 1,
                Some(keys::USER) => self.users += 1,
                Some(keys::ENTRY) => self.entry(key, value, next)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8], next: u64) -> Read<()> {
        let RecordKind::Bucket(bucket) = EntryRecord::decode(value)?.kind else {
            self.links += 1;
            return Ok(());
        };
        let name = describe_place(key);
        let number = bucket.id.0;
        let taken = self.buckets.insert(bucket.id, name.clone()).is_some();
        if taken || number >= next || number == 0 {
            self.issues.push(NamespaceIssue::BucketNumber {
                bucket: name,
                number,
            });
        }
        Ok(())
    }
}

/// `/volume/name` of an entry's key.
fn describe_place(key: &[u8]) -> String {
    keys::two_names(key, 1).map_or_else(
        || "an unreadable name".to_owned(),
        |(volume, name)| format!("/{volume}/{name}"),
    )
}
