//! Whose the damaged bytes are: the index says which records lie there, and which records name
//! what lies there.

use super::pass::Found;
use super::{NAMED, Rot};
use crate::base::{BucketId, Location};
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::store::entry::{ObjectEntry, PartEntry};
use crate::store::keys;
use crate::store::writer::Store;
use std::collections::HashSet;
use std::ops::{Bound, ControlFlow};

/// Entries looked at before other tasks have their turn.
const TURN: usize = 1000;

impl<D: Disk, C: Clock> Store<D, C> {
    /// Names everything that was found in a segment.
    pub(super) async fn name_all(&self, found: Vec<Found>) -> Vec<Rot> {
        if found.is_empty() {
            return Vec::new();
        }
        let mut wanted: Vec<HashSet<Location>> = Vec::new();
        for each in &found {
            wanted.push(self.named_by(each));
        }
        let now = self.clock.now();
        let mut rots: Vec<Rot> = found
            .into_iter()
            .map(|found| Rot {
                at: found.at,
                until: found.until,
                what: found.what,
                found: now,
                objects: Vec::new(),
            })
            .collect();
        // The whole index once, in turns. Damage is rare.
        let mut from: Option<Vec<u8>> = Some(vec![keys::SPACE_OBJECT]);
        while let Some(start) = from.take() {
            let mut seen = 0;
            self.reader.scan(Bound::Included(&start), |key, value| {
                if key.first().is_none_or(|space| *space > keys::SPACE_PART) {
                    return ControlFlow::Break(());
                }
                if seen == TURN {
                    from = Some(key.to_vec());
                    return ControlFlow::Break(());
                }
                seen += 1;
                if let Some((at, name)) = place(key, value) {
                    for (rot, wanted) in rots.iter_mut().zip(&wanted) {
                        let inside = at.segment == rot.at.segment
                            && (rot.at.offset..rot.until).contains(&at.offset);
                        if (inside || wanted.contains(&at)) && rot.objects.len() < NAMED {
                            rot.objects.push(name(key));
                        }
                    }
                }
                ControlFlow::Continue(())
            });
            yield_now().await;
        }
        rots
    }

    /// The records that name what lies in a damaged stretch, directly or through a part's record.
    fn named_by(&self, found: &Found) -> HashSet<Location> {
        let end = Location {
            segment: found.at.segment,
            offset: found.until,
        };
        let mut by = self.names_of(found.at, end);
        let parts: Vec<Location> = by.iter().copied().collect();
        for at in parts {
            let next = Location {
                offset: at.offset.saturating_add(1),
                ..at
            };
            by.extend(self.names_of(at, next));
        }
        by
    }

    fn names_of(&self, from: Location, end: Location) -> HashSet<Location> {
        let mut by = HashSet::new();
        let start = keys::named_prefix(from);
        self.reader.scan(Bound::Included(&start), |key, _| {
            match keys::parse_named(key).filter(|(place, _)| *place < end) {
                Some((_, record)) => {
                    by.insert(record);
                    ControlFlow::Continue(())
                }
                None => ControlFlow::Break(()),
            }
        });
        by
    }
}

type Name = fn(&[u8]) -> (BucketId, Vec<u8>);

/// Where an entry's record is, and how to name what it is.
fn place(key: &[u8], value: &[u8]) -> Option<(Location, Name)> {
    match *key.first()? {
        keys::SPACE_OBJECT => {
            let at = ObjectEntry::decode(value).ok()?.at;
            Some((at, |key| {
                let mut scratch = Vec::new();
                let name = keys::object_key(key, &mut scratch).unwrap_or_default();
                let bucket = keys::bucket_of(key).unwrap_or(crate::store::usage::NO_BUCKET);
                (bucket, name.to_vec())
            }))
        }
        keys::SPACE_PART => {
            let at = PartEntry::decode(value).ok()?.at;
            Some((at, |key| {
                let number = keys::parse_part(key).unwrap_or(0);
                let upload = keys::upload_of_part(key).map_or(0, |upload| upload.0);
                let name = format!("part {number} of the upload {upload:032x}");
                (crate::store::usage::NO_BUCKET, name.into_bytes())
            }))
        }
        _ => None,
    }
}
