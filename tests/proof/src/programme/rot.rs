//! Rot in a small store that was closed in an orderly way: every byte changed, sectors zeroed,
//! doubled and swapped, files cut and exchanged. What is read is right or an error; what cannot be
//! found any more lay where the rot is, and recovery says so; everything else is there (I1, I2).

use super::{Case, Depth, Programme};
use crate::engine::{Engine, Loose, Shape};
use crate::model::{Body, Condition, Model, Op, Place};
use crate::reports;
use chainringd::io::sim::{self, Keep, SimDisk};
use chainringd::store::ETag;
use std::collections::BTreeMap;
use std::fmt::Display;

pub const PROGRAMME: Programme = Programme {
    name: "rot",
    ordinary: u64::MAX,
    all: || Some(subject(|subject| subject.sectors.len() as u64)),
    kept: include_str!("../../seeds/rot.txt"),
    run,
};

const SECTOR: usize = 512;
/// What a record can be about: an object, and the upload that became it.
const SIDES: usize = 2;
/// Records that a sector of this store can hold a piece of.
const RECORDS_MAX: usize = 4;
const SHAPE: Shape = Shape {
    shards: 1,
    segment_bytes: 16 * 1024,
    relaxed: false,
    snapshot_bytes: 4096,
};

/// The store whose media rot.
struct Subject {
    disk: SimDisk,
    model: Model,
    /// States of every key before the last one: what stands in the log in front of it.
    past: BTreeMap<(u64, String), Vec<ETag>>,
    /// File and offset of every sector.
    sectors: Vec<(String, usize)>,
}

thread_local! {
    static SUBJECT: Subject = make();
}

fn subject<R>(f: impl FnOnce(&Subject) -> R) -> R {
    SUBJECT.with(f)
}

fn place(name: &str) -> Place {
    ("s3v".to_owned(), name.to_owned())
}

/// Objects in records, in extents and in parts, some older than the checkpoint and some not; parts
/// of an unfinished upload; deletes; names, some older than the snapshot.
fn script() -> (Vec<Op>, Vec<Op>) {
    let at = || place("one");
    let put = |key: &str, tag, len, extent| Op::Put {
        at: at(),
        key: key.to_owned(),
        body: Body { tag, len, extent },
        condition: Condition::Always,
    };
    let part = |key: &str, upload, number, len, extent| Op::Part {
        at: at(),
        key: key.to_owned(),
        upload,
        number,
        body: Body {
            tag: 100 + number,
            len,
            extent,
        },
    };
    let begin = |key: &str, upload| Op::Begin {
        at: at(),
        key: key.to_owned(),
        upload,
    };
    let link = |name: &str, to: &str| Op::Link {
        at: place(name),
        to: place(to),
        prefix: None,
        read_only: false,
    };
    let delete = |key: &str| Op::Delete {
        at: at(),
        key: key.to_owned(),
        condition: Condition::Always,
    };
    let before = vec![
        Op::Bucket(at()),
        Op::Bucket(place("two")),
        link("lnk", "one"),
        put("gone", 1, 60, 0),
        put("short", 2, 100, 0),
        put("long", 3, 5000, 2000),
        put("again", 4, 300, 0),
        begin("parts", 1),
        part("parts", 1, 1, 2100, 2100),
        part("parts", 1, 2, 40, 0),
        delete("gone"),
    ];
    let after = vec![
        Op::Complete {
            at: at(),
            key: "parts".to_owned(),
            upload: 1,
            parts: vec![1, 2],
        },
        put("again", 5, 1200, 0),
        put("late", 6, 3000, 3000),
        begin("open", 2),
        part("open", 2, 1, 700, 0),
        put("last", 7, 10, 0),
        delete("short"),
        link("far", "two"),
    ];
    (before, after)
}

fn make() -> Subject {
    let (disk, mut model) = (SimDisk::new(1), Model::default());
    let mut past: BTreeMap<_, Vec<ETag>> = BTreeMap::new();
    let (before, after) = script();
    sim::run(1, async {
        let engine = Engine::open(&disk, &SHAPE).await.expect("made");
        for (op, number) in before.iter().chain(&after).zip(0..) {
            if number == before.len() {
                engine.shards.checkpoint().await.expect("saved");
            }
            for (key, object) in &model.objects {
                past.entry(key.clone()).or_default().push(object.etag);
            }
            let expected = model.apply(op);
            assert_eq!(engine.perform(op).await, expected, "{op:?}");
        }
        engine.close(false).await.expect("closed");
    });
    let disk = disk.crash(Keep::All);
    let sectors = disk.paths().into_iter().flat_map(|path| {
        let len = disk.read_raw(&path).map_or(0, |bytes| bytes.len());
        (0..len.div_ceil(SECTOR)).map(move |sector| (path.clone(), sector * SECTOR))
    });
    let sectors = sectors.collect();
    Subject {
        disk,
        model,
        past,
        sectors,
    }
}

fn run(case: &Case) -> Result<u64, String> {
    subject(|subject| {
        let at = usize::try_from(case.seed).unwrap_or(usize::MAX);
        let Some((path, offset)) = subject.sectors.get(at) else {
            return Ok(0);
        };
        let bytes = subject.disk.read_raw(path).unwrap_or_default();
        let end = bytes.len().min(offset + SECTOR);
        let mut checked = 0;
        let mut try_with = |what: &dyn Display, changed: Vec<u8>, most: usize| {
            if changed == bytes {
                return Ok(());
            }
            checked += 1;
            let disk = subject.disk.crash(Keep::All);
            disk.write_raw(path, changed);
            judge(subject, &disk, most).map_err(|error| format!("{path}, {what}: {error}"))
        };
        for byte in *offset..end {
            let bits = match case.depth {
                Depth::Ordinary => byte % 8..byte % 8 + 1,
                Depth::Deep => 0..8,
            };
            for bit in bits {
                let mut changed = bytes.clone();
                changed[byte] ^= 1 << bit;
                try_with(&format_args!("bit {bit} of byte {byte}"), changed, SIDES)?;
            }
        }
        let mut zeroed = bytes.clone();
        zeroed[*offset..end].fill(0);
        try_with(
            &format_args!("zeros at {offset}"),
            zeroed,
            SIDES * RECORDS_MAX,
        )?;
        if end + SECTOR <= bytes.len() {
            let mut doubled = bytes.clone();
            doubled.copy_within(*offset..end, end);
            try_with(
                &format_args!("sector {offset} doubled"),
                doubled,
                RECORDS_MAX,
            )?;
            let mut swapped = bytes.clone();
            // The last frame and the mark behind it together are indistinguishable from a torn tail.
            let is_tail = bytes[end + SECTOR..].iter().all(|byte| *byte == 0);
            if !(path.contains("/seg-") && is_tail) {
                swapped[*offset..end + SECTOR].rotate_left(SECTOR);
            }
            try_with(
                &format_args!("sectors from {offset} swapped"),
                swapped,
                2 * RECORDS_MAX,
            )?;
        }
        // Of a log whose last segment is gone as a whole nobody can tell that it was longer.
        if *offset > 0 || !is_last(subject, path) {
            let cut = bytes[..*offset].to_vec();
            try_with(&format_args!("cut at {offset}"), cut, usize::MAX)?;
        }
        if *offset == 0 && !is_last(subject, path) {
            checked += exchange(subject, path)?;
        }
        Ok(checked)
    })
}

/// Whether the file is the last segment of a log that was written to.
fn is_last(subject: &Subject, path: &str) -> bool {
    let log = path.rsplit_once("seg-").map(|(log, _)| log);
    let used = |path: &String| {
        let bytes = subject.disk.read_raw(path).unwrap_or_default();
        bytes.iter().any(|byte| *byte != 0)
    };
    let paths = subject.disk.paths();
    let segments = paths
        .iter()
        .filter(|path| log.is_some_and(|log| path.starts_with(&format!("{log}seg-"))));
    segments
        .filter(|path| used(path))
        .max()
        .is_some_and(|last| last == path)
}

/// Files in each other's place, and files that are gone.
fn exchange(subject: &Subject, path: &str) -> Result<u64, String> {
    let mut checked = 1;
    let bytes = subject.disk.read_raw(path).unwrap_or_default();
    let gone = subject.disk.crash(Keep::All);
    gone.remove_raw(path);
    judge_files(subject, &gone).map_err(|error| format!("{path} is gone: {error}"))?;
    // The index's checkpoint vouches for the last segment; who loses both is not told.
    let is_checkpoint = |path: &str| path.contains("checkpoint");
    for other in subject.disk.paths() {
        let vouches = is_checkpoint(path) || is_checkpoint(&other) || is_last(subject, &other);
        if other.as_str() <= path || vouches {
            continue;
        }
        checked += 1;
        let swapped = subject.disk.crash(Keep::All);
        swapped.write_raw(path, subject.disk.read_raw(&other).unwrap_or_default());
        swapped.write_raw(&other, bytes.clone());
        let judged = judge_files(subject, &swapped);
        judged.map_err(|error| format!("{path} and {other} exchanged: {error}"))?;
    }
    Ok(checked)
}

/// What a damaged store gives.
enum Given {
    /// It refuses to open, and says why.
    Refused,
    /// It opens; its operator was told of damage or not.
    Open { told: bool, seen: Loose },
}

fn look(disk: &SimDisk) -> Result<Given, String> {
    reports::forget();
    let opened = sim::run(1, async {
        let engine = Engine::open(disk, &SHAPE).await?;
        let names = engine.names()?;
        let seen = engine.shards.observe_loosely(&names).await;
        Ok::<_, String>((names, seen))
    });
    let told = !reports::taken().is_empty();
    match opened {
        Err(error) if error.is_empty() => Err("refused without a reason".to_owned()),
        Err(_) => Ok(Given::Refused),
        Ok((names, seen)) => {
            let expected = subject(|subject| subject.model.names.volumes.clone());
            match names.volumes == expected {
                true => Ok(Given::Open { told, seen }),
                false => Err(format!("names differ: {:?}", names.volumes)),
            }
        }
    }
}

/// Rot that can have hit one record: at most one object is lost, and only with a report.
fn judge(subject: &Subject, disk: &SimDisk, most: usize) -> Result<(), String> {
    let Given::Open { told, seen } = look(disk)? else {
        return Ok(());
    };
    let mut lost = 0;
    for (key, object) in &subject.model.objects {
        match seen.objects.get(key) {
            Some(Ok(found)) if found == object => {}
            // It is said that it cannot be read.
            Some(Err(_)) => lost += 1,
            // What was replaced may come back when the record that replaced it is lost.
            Some(Ok(found)) if told && is_past(subject, key, found.etag) => lost += 1,
            Some(Ok(_)) => return Err(format!("{key:?} has wrong bytes")),
            None if told => lost += 1,
            None => return Err(format!("{key:?} is missing, and nobody was told")),
        }
    }
    for (key, found) in &seen.objects {
        match (subject.model.objects.contains_key(key), found) {
            (true, _) => {}
            (false, Err(_)) if told => lost += 1,
            (false, Ok(found)) if told && is_past(subject, key, found.etag) => lost += 1,
            (false, _) => return Err(format!("{key:?} came from nowhere")),
        }
    }
    if seen.uploads != subject.model.uploads {
        if !told {
            return Err(format!("uploads differ: {:?}", seen.uploads));
        }
        lost += 1;
    }
    match lost <= most {
        true => Ok(()),
        false => Err(format!("{lost} objects or uploads are lost")),
    }
}

/// Files that are not what they were: nothing wrong is served, and what is lost is told.
fn judge_files(subject: &Subject, disk: &SimDisk) -> Result<(), String> {
    judge(subject, disk, usize::MAX)
}

fn is_past(subject: &Subject, key: &(u64, String), etag: ETag) -> bool {
    let past = subject.past.get(key);
    past.is_some_and(|past| past.contains(&etag))
}
