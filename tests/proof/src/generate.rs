//! Random operations that have a good chance to meet each other: few names, few keys.

use crate::model::{Body, Condition, Entry, Model, Op, Place};
use chainringd::io::sim::Rng;

const VOLUMES: [&str; 2] = ["s3v", "vol"];
const NAMES: [&str; 4] = ["one", "two", "lnk", "far"];
/// One key continues another; one has a zero byte, which the index escapes.
const KEYS: [&str; 7] = ["a", "a/b", "a/b\0c", "b", "c/d", "k\u{fc}", "z"];
const PREFIXES: [Option<&str>; 4] = [None, None, Some("a/"), Some("c")];

/// A source of operations.
pub struct Generator {
    rng: Rng,
    tag: u32,
    uploads: u128,
}

fn text(from: &[&str], at: usize) -> String {
    from.get(at % from.len()).copied().unwrap_or("").to_owned()
}

impl Generator {
    /// The sequence that belongs to a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            tag: 0,
            uploads: 0,
        }
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.rng.below(n) == 0
    }

    fn key(&mut self) -> String {
        text(&KEYS, self.rng.below(KEYS.len()))
    }

    /// Any name.
    fn any(&mut self) -> Place {
        // Most of it happens in the volume that is always there.
        let volume = usize::from(self.one_in(3));
        (text(&VOLUMES, volume), text(&NAMES, self.rng.below(4)))
    }

    /// A name of something that is there, most often.
    fn place(&mut self, model: &Model) -> Place {
        let there = model.names.volumes.iter().flat_map(|(volume, entries)| {
            entries.keys().map(|name| (volume.clone(), name.clone()))
        });
        let there: Vec<Place> = there.collect();
        if self.one_in(12) {
            return self.any();
        }
        let at = self.rng.below(there.len());
        there.get(at).cloned().unwrap_or_else(|| self.any())
    }

    /// A body: mostly short, sometimes of extents, never too much for a small segment.
    fn body(&mut self) -> Body {
        self.tag += 1;
        let (len, extent) = match self.rng.below(10) {
            0 => (0, 0),
            1..6 => (self.rng.below(300), 0),
            6..8 => (self.rng.below(5000), 0),
            8 => (1 + self.rng.below(4000), 4096),
            _ => (1 + self.rng.below(9000), 2000),
        };
        Body {
            tag: self.tag,
            len,
            extent,
        }
    }

    fn condition(&mut self, model: &Model, at: &Place, key: &str) -> Condition {
        match self.rng.below(10) {
            0 => Condition::IfAbsent,
            1 => Condition::IfPresent,
            2 => {
                let led = model.names.follow(at).ok();
                let place = led.map(|led| (led.bucket, led.prefix + key));
                let object = place.and_then(|place| model.objects.get(&place));
                let tag = object.map_or_else(|| "0".repeat(32), |o| o.etag.to_string());
                Condition::IfMatch(tag)
            }
            _ => Condition::Always,
        }
    }

    /// An operation on names.
    fn on_names(&mut self, model: &Model) -> Op {
        match self.rng.below(20) {
            0..2 => Op::Volume(text(&VOLUMES, self.rng.below(2))),
            2 => Op::DropVolume(text(&VOLUMES, self.rng.below(2))),
            3..9 => Op::Bucket(self.any()),
            9..14 => Op::Link {
                at: self.any(),
                to: self.place(model),
                prefix: PREFIXES[self.rng.below(4)].map(str::to_owned),
                read_only: self.one_in(8),
            },
            14..17 => Op::Relink {
                at: self.place(model),
                to: self.place(model),
            },
            _ => Op::Drop(self.place(model)),
        }
    }

    /// An operation of a multipart upload, mostly one that is there.
    fn on_upload(&mut self, model: &Model) -> Op {
        let open: Vec<_> = model.uploads.keys().collect();
        let picked = open.get(self.rng.below(open.len()));
        let named = picked.and_then(|((bucket, key), upload)| {
            let at = self.name_of(model, *bucket)?;
            Some((at, key.clone(), *upload))
        });
        let Some((at, key, upload)) = named.filter(|_| !self.one_in(4)) else {
            self.uploads += 1;
            let (at, key, upload) = (self.place(model), self.key(), self.uploads);
            return match self.one_in(10) {
                // One that was never begun, or is over.
                true => Op::Abort { at, key, upload },
                false => Op::Begin { at, key, upload },
            };
        };
        let there: Vec<u32> = open_parts(model, &key, upload);
        match self.rng.below(8) {
            0..5 => Op::Part {
                at,
                key,
                upload,
                number: 1 + u32::try_from(self.rng.below(3)).unwrap_or(0),
                body: self.body(),
            },
            5..7 => {
                let mut parts = there;
                if self.one_in(8) || parts.is_empty() {
                    parts.push(9);
                }
                Op::Complete {
                    at,
                    key,
                    upload,
                    parts,
                }
            }
            _ => Op::Abort { at, key, upload },
        }
    }

    /// A name that is this bucket's own.
    fn name_of(&mut self, model: &Model, number: u64) -> Option<Place> {
        let mut all = model.names.volumes.iter().flat_map(|(volume, entries)| {
            let names = entries.iter();
            names.map(move |(name, entry)| ((volume.clone(), name.clone()), entry))
        });
        let found = all.find(|(_, entry)| **entry == Entry::Bucket(number));
        found.map(|(place, _)| place)
    }

    /// The bucket that most keys go to.
    #[must_use]
    pub fn bucket(&self) -> Op {
        Op::Bucket((text(&VOLUMES, 0), text(&NAMES, 0)))
    }

    /// The next operation.
    pub fn next(&mut self, model: &Model) -> Op {
        match self.rng.below(40) {
            0..7 => self.on_names(model),
            7..15 => self.on_upload(model),
            15..24 => {
                let (at, key) = (self.place(model), self.key());
                let condition = self.condition(model, &at, &key);
                let body = self.body();
                Op::Put {
                    at,
                    key,
                    body,
                    condition,
                }
            }
            24..30 => {
                let (at, key) = (self.place(model), self.key());
                let condition = self.condition(model, &at, &key);
                Op::Delete { at, key, condition }
            }
            30..33 => Op::Copy {
                from: self.place(model),
                key: self.key(),
                at: self.place(model),
                to: self.key(),
            },
            33..37 => Op::Get {
                at: self.place(model),
                key: self.key(),
                from: if self.one_in(3) {
                    self.rng.below(9000)
                } else {
                    0
                },
                len: if self.one_in(3) {
                    self.rng.below(9000)
                } else {
                    1 << 20
                },
            },
            _ => Op::List {
                at: self.place(model),
                prefix: text(&["", "", "a", "c/"], self.rng.below(4)),
                after: if self.one_in(2) {
                    self.key()
                } else {
                    String::new()
                },
                limit: 1 + self.rng.below(8),
            },
        }
    }
}

fn open_parts(model: &Model, key: &str, upload: u128) -> Vec<u32> {
    let mut uploads = model.uploads.iter();
    let found = uploads.find(|(((_, k), id), _)| k == key && *id == upload);
    found.map_or_else(Vec::new, |(_, parts)| parts.keys().copied().collect())
}
