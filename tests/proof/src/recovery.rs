//! Opening what a crash left, and what must hold of every such opening.

use crate::engine::{Dump, Engine, Shape, Shards};
use crate::model::{Model, Names, Op};
use chainringd::base::Location;
use chainringd::io::sim::{self, Image, Keep, Rng, SimDisk, Trace};
use chainringd::store::entry::record_of;
use chainringd::store::keys;
use chainringd::store::mutation::{Named, What};
use std::collections::{BTreeSet, HashSet};

/// A store that histories begin with.
#[derive(Clone)]
pub struct Start {
    /// The disk.
    pub image: Image,
    /// What it holds.
    pub model: Model,
}

impl Start {
    /// A store in which these operations were done before it was closed.
    ///
    /// # Panics
    /// When one of them fails.
    #[must_use]
    pub fn make(shape: Shape, ops: &[Op]) -> Self {
        let (disk, mut model) = (SimDisk::new(1), Model::default());
        sim::run(1, async {
            let engine = Engine::open(&disk, &shape).await.expect("made");
            for op in ops {
                let expected = model.apply(op);
                assert_eq!(engine.perform(op).await, expected, "{op:?}");
            }
            engine.close(false).await.expect("closed");
        });
        // What was cut off with the simulation has happened.
        let image = disk.crash(Keep::All).image();
        Self { image, model }
    }
}

/// What an opened store holds: in the model's words, and in its indexes.
pub struct Opened {
    /// Everything a client can see.
    pub seen: Model,
    /// The indexes.
    pub dump: Dump,
}

/// Opens the store on a disk and reads everything.
pub fn open(disk: &SimDisk, shape: &Shape, seed: u64) -> Result<Opened, String> {
    sim::run(seed, async {
        let engine = Engine::open(disk, shape).await;
        let engine = engine.map_err(|error| format!("cannot be opened: {error}"))?;
        look(&engine).await
    })
}

/// Opens the shards on a disk and reads everything in the buckets of these names.
pub fn open_shards(
    disk: &SimDisk,
    shape: &Shape,
    names: &Names,
    seed: u64,
) -> Result<Opened, String> {
    sim::run(seed, async {
        let shards = Shards::open(disk, shape).await;
        let shards = shards.map_err(|error| format!("cannot be opened: {error}"))?;
        let seen = shards.observe(names.clone()).await;
        let seen = seen.map_err(|error| format!("cannot be read: {error}"))?;
        let dump = shards.dump();
        Ok(Opened { seen, dump })
    })
}

/// Reads everything in an open store.
pub async fn look(engine: &Engine) -> Result<Opened, String> {
    let seen = engine.observe().await;
    let seen = seen.map_err(|error| format!("cannot be read: {error}"))?;
    let dump = engine.shards.dump();
    Ok(Opened { seen, dump })
}

/// What a crash may keep, any of it.
pub fn any_keep(rng: &mut Rng, image: &Image) -> Keep {
    let units = image.unflushed();
    let unit = rng.below(units);
    let sectors = rng.below(image.sectors(unit) + 1);
    match rng.below(8) {
        0 => Keep::All,
        1 => Keep::None,
        2 => Keep::Without(unit),
        3 => Keep::Only(unit),
        4 => Keep::Head(unit, sectors),
        5 => Keep::Tail(unit, sectors),
        _ => Keep::Random(rng.bits()),
    }
}

/// The index is what the log says (D7): a store without its checkpoints opens to the same indexes.
pub fn rebuilds(disk: &SimDisk, shape: &Shape, opened: &Opened) -> Result<(), String> {
    let copy = disk.crash(Keep::All);
    let saved = |path: &String| path.contains("index.checkpoint");
    let checkpoints: Vec<String> = copy.paths().into_iter().filter(saved).collect();
    if checkpoints.is_empty() {
        return Ok(());
    }
    for path in checkpoints {
        copy.remove_raw(&path);
    }
    let again = open_shards(&copy, shape, &opened.seen.names, 3)
        .map_err(|error| format!("without checkpoints: {error}"))?;
    let (rebuilt, kept) = (records_of(&again.dump), records_of(&opened.dump));
    match rebuilt == kept {
        true => Ok(()),
        false => Err(format!(
            "D7: an index rebuilt from the log alone differs: {}",
            difference(&rebuilt, &kept)
        )),
    }
}

/// Recovery that is interrupted and repeated comes to what it would have come to (D6): a crash at a
/// random event, with anything kept.
pub fn repeats(
    disk: &SimDisk,
    shape: &Shape,
    opened: &Opened,
    rng: &mut Rng,
) -> Result<(), String> {
    // Names are recovered by the same code from a log like any other; most often the shards do.
    let names = rng.below(4) == 0;
    let trace = recorded(disk, shape, opened, names, rng.bits())?;
    let cut = rng.below(trace.events.len() + 1);
    let image = trace.at(cut);
    let keep = any_keep(rng, &image);
    repeated(disk, shape, opened, names, (cut, &image, keep))
}

/// As [`repeats`], with a crash at every event that keeps all or nothing. Says how many there were
/// that differ.
pub fn repeats_everywhere(
    disk: &SimDisk,
    shape: &Shape,
    opened: &Opened,
    names: bool,
) -> Result<u64, String> {
    let trace = recorded(disk, shape, opened, names, 1)?;
    let (mut met, mut instants) = (HashSet::new(), Vec::new());
    trace.replay(|cut, image| {
        for keep in [Keep::All, Keep::None] {
            if met.insert(image.fingerprint(keep)) {
                instants.push((cut, image.clone(), keep));
            }
        }
    });
    for (cut, image, keep) in &instants {
        repeated(disk, shape, opened, names, (*cut, image, *keep))?;
    }
    Ok(instants.len() as u64)
}

fn reopen(
    disk: &SimDisk,
    shape: &Shape,
    opened: &Opened,
    names: bool,
    seed: u64,
) -> Result<Opened, String> {
    match names || disk.read_raw("superblock").is_none() {
        true => open(disk, shape, seed),
        false => open_shards(disk, shape, &opened.seen.names, seed),
    }
}

/// What happens on the disk while it is opened.
fn recorded(
    disk: &SimDisk,
    shape: &Shape,
    opened: &Opened,
    names: bool,
    seed: u64,
) -> Result<Trace, String> {
    let first = disk.crash(Keep::All);
    first.record();
    reopen(&first, shape, opened, names, seed)?;
    Ok(first.trace())
}

fn repeated(
    disk: &SimDisk,
    shape: &Shape,
    opened: &Opened,
    names: bool,
    (cut, image, keep): (usize, &Image, Keep),
) -> Result<(), String> {
    let seed = cut as u64;
    let second = image
        .crashed_disk(keep, seed)
        .with_block_size(disk.block_size());
    let names = names || disk.read_raw("superblock").is_none();
    let again = reopen(&second, shape, opened, names, seed);
    let again =
        again.map_err(|e| format!("D6: after a crash of recovery ({cut}, {keep:?}): {e}"))?;
    let there = |opened: &Opened| {
        let Model {
            names,
            objects,
            uploads,
        } = opened.seen.clone();
        (names.volumes, objects, uploads)
    };
    match there(&again) == there(opened) {
        true => Ok(()),
        false => Err(format!(
            "D6: a crash of recovery ({cut}, {keep:?}) changed what is there"
        )),
    }
}

/// The entries without those that say what a record names which the index names no more: nobody takes
/// them for true without looking, and how long they stay depends on when segments leave the log.
fn records_of(dump: &Dump) -> Dump {
    dump.iter().map(|entries| in_force(entries)).collect()
}

fn in_force(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let place = |(key, value): &(Vec<u8>, Vec<u8>)| record_of(key, value).map(|(at, _)| at);
    let mut naming: BTreeSet<Location> = entries.iter().filter_map(place).collect();
    let part = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let (place, by) = keys::parse_named(key)?;
        let named = Named::decode(place, value).ok()?;
        (named.what == What::Part && naming.contains(&by)).then_some(place)
    };
    let parts: Vec<Location> = entries.iter().filter_map(part).collect();
    naming.extend(parts);
    let kept = |(key, _): &&(Vec<u8>, Vec<u8>)| {
        keys::parse_named(key).is_none_or(|(_, by)| naming.contains(&by))
    };
    entries.iter().filter(kept).cloned().collect()
}

/// The first entry that two dumps do not share.
fn difference(one: &Dump, other: &Dump) -> String {
    for (shard, (one, other)) in one.iter().zip(other).enumerate() {
        let extra = |a: &[(Vec<u8>, Vec<u8>)], b: &[(Vec<u8>, Vec<u8>)]| {
            a.iter().find(|entry| !b.contains(entry)).cloned()
        };
        let found = (extra(one, other), extra(other, one));
        if found != (None, None) {
            return format!("shard {shard}: rebuilt {:?}, kept {:?}", found.0, found.1);
        }
    }
    "another number of shards".to_owned()
}
