//! The k-th operation of a kind fails, for every k and kind, or takes very long; or the device is
//! full. Nothing acknowledged is lost; after a failed write or flush nothing is acknowledged any more,
//! although later flushes "succeed" (D9); a full device refuses without doing anything, and still
//! takes deletes (D10); what a failing read answers is an error, never something wrong.

use super::{Case, Programme};
use crate::engine::{Engine, Shape};
use crate::generate::Generator;
use crate::journal::Journal;
use crate::model::{Body, Condition, Op, Outcome, Place};
use crate::recovery::{self, Start};
use chainringd::io::IoErrorKind;
use chainringd::io::sim::{self, Fault, Keep, Operation, Rng, SimDisk};
use std::rc::Rc;

pub const PROGRAMME: Programme = Programme {
    name: "faults",
    ordinary: KINDS * NTH_MAX,
    all: || None,
    kept: include_str!("../../seeds/faults.txt"),
    run,
};

/// What happens to the operation.
#[derive(Clone, Copy, Debug)]
enum How {
    Fails(IoErrorKind),
    /// It and all later ones.
    FailsForEver,
    Slow,
}

const HOWS: [How; 5] = [
    How::Fails(IoErrorKind::Other),
    How::Fails(IoErrorKind::NoSpace),
    How::Fails(IoErrorKind::Short),
    How::FailsForEver,
    How::Slow,
];
const OPERATIONS: u64 = Operation::ALL.len() as u64;
/// Every operation in every way, and the full device.
const KINDS: u64 = OPERATIONS * HOWS.len() as u64 + 1;
/// More operations of a kind than there are in the script.
const NTH_MAX: u64 = 100;
/// Deletes that must succeed on a full device, each with a flush of its own.
const DELETES: usize = 3;

const SHAPE: Shape = Shape {
    shards: 1,
    segment_bytes: 64 * 1024,
    relaxed: false,
    snapshot_bytes: 4096,
};

fn place(name: &str) -> Place {
    ("s3v".to_owned(), name.to_owned())
}

fn put(key: &str, tag: u32, len: usize, extent: usize) -> Op {
    Op::Put {
        at: place("one"),
        key: key.to_owned(),
        body: Body { tag, len, extent },
        condition: Condition::Always,
    }
}

fn delete(key: &str) -> Op {
    Op::Delete {
        at: place("one"),
        key: key.to_owned(),
        condition: Condition::Always,
    }
}

thread_local! {
    static START: Start = Start::make(SHAPE, &[
        Op::Bucket(place("one")),
        put("a", 91, 50, 0),
        put("b", 92, 3000, 3000),
        put("c", 93, 70, 0),
        put("d", 94, 90, 0),
    ]);
}

/// Enough to fill some segments.
fn script() -> Vec<Op> {
    let (at, key, upload) = (place("one"), "m".to_owned(), 1);
    let part = |number, len, extent| Op::Part {
        at: place("one"),
        key: "m".to_owned(),
        upload,
        number,
        body: Body {
            tag: 50 + number,
            len,
            extent,
        },
    };
    let get = |key: &str| Op::Get {
        at: place("one"),
        key: key.to_owned(),
        from: 0,
        len: 1 << 20,
    };
    let list = Op::List {
        at: place("one"),
        prefix: String::new(),
        after: String::new(),
        limit: 100,
    };
    let copy = Op::Copy {
        from: place("one"),
        key: "b".to_owned(),
        at: place("one"),
        to: "copy".to_owned(),
    };
    let complete = Op::Complete {
        at: at.clone(),
        key: key.clone(),
        upload,
        parts: vec![1, 2],
    };
    vec![
        put("a", 1, 100, 0),
        get("a"),
        put("long", 2, 20_000, 9000),
        Op::Bucket(place("two")),
        delete("c"),
        Op::Begin { at, key, upload },
        part(1, 12_000, 12_000),
        part(2, 90, 0),
        get("long"),
        copy,
        complete,
        get("m"),
        put("big", 3, 25_000, 25_000),
        Op::Drop(place("two")),
        put("a", 4, 9000, 0),
        list,
        delete("long"),
        put("end", 5, 20_000, 10_000),
        get("b"),
    ]
}

/// One life with a fault in it.
struct Life<'a> {
    case: &'a Case,
    disk: &'a SimDisk,
    journal: &'a mut Journal,
    engine: Rc<Engine>,
    poisoned: bool,
}

impl Life<'_> {
    /// Does an operation. False when it makes no sense to go on.
    async fn ask(&mut self, op: &Op) -> Result<bool, String> {
        if op.only_reads() {
            let found = self.engine.perform(op).await;
            let right = self.journal.readings(op).any(|outcome| outcome == found);
            self.case.history.note(|| format!("{op:?}: right {right}"));
            return match right || matches!(found, Outcome::Failed(_) | Outcome::Full) {
                true => Ok(true),
                false => Err(format!("{op:?} answered {found:?}")),
            };
        }
        let versions = self.journal.len();
        let (expected, number) = self.journal.begin(op);
        let changes = self.journal.len() > versions;
        let records = self.engine.shards.records();
        let found = self.engine.perform(op).await;
        self.case.history.note(|| format!("{op:?} -> {found:?}"));
        let was_poisoned = std::mem::replace(&mut self.poisoned, self.engine.shards.is_poisoned());
        match found {
            Outcome::Failed(_) | Outcome::Full if op.is_of_names() => Ok(false),
            // Its record may have reached the media, or not.
            Outcome::Failed(_) | Outcome::Full if self.engine.shards.records() > records => {
                match self.poisoned {
                    true => Ok(true),
                    false => Err(format!("{op:?} failed, but the log goes on")),
                }
            }
            Outcome::Failed(_) | Outcome::Full => {
                if changes {
                    self.journal.take_back(number);
                }
                Ok(true)
            }
            // What it rests on was not done after all.
            Outcome::Refused(_) if was_poisoned => Ok(true),
            _ if was_poisoned && changes && !op.is_of_names() => {
                Err(format!("D9: {op:?} was acknowledged after a failed flush"))
            }
            found if found == expected => {
                self.disk.mark(number);
                self.journal.acknowledge(number);
                Ok(true)
            }
            found => Err(format!("{op:?} answered {found:?} instead of {expected:?}")),
        }
    }
}

fn run(case: &Case) -> Result<u64, String> {
    let (kind, nth) = (case.seed / NTH_MAX % KINDS, case.seed % NTH_MAX);
    let start = START.with(Clone::clone);
    let disk = SimDisk::with_image(case.seed, start.image);
    let mut journal = Journal::from(SHAPE.shards, start.model);
    // Behind the seeds of an ordinary run the operations are random, too.
    let round = case.seed / NTH_MAX / KINDS;
    let mut met = true;
    if kind == KINDS - 1 {
        sim::run(case.seed, full(case, &disk, &mut journal, nth))?;
        disk.set_capacity(u64::MAX);
    } else {
        let at = usize::try_from(kind % OPERATIONS).unwrap_or(0);
        let operation = Operation::ALL[at];
        let how = HOWS[usize::try_from(kind / OPERATIONS).unwrap_or(0)];
        case.history
            .note(|| format!("{operation:?} number {nth}: {how:?}"));
        plan(&disk, operation, nth, how);
        sim::run(case.seed, live(case, &disk, &mut journal, round))?;
        met = disk.count(operation) > nth;
        disk.heal();
    }
    for keep in [Keep::All, Keep::None, Keep::Random(case.seed)] {
        let after = disk.crash(keep);
        let opened = recovery::open(&after, &SHAPE, case.seed);
        let opened = opened.map_err(|error| format!("afterwards, {keep:?}: {error}"))?;
        let acked = journal.acked();
        let found = journal.find(&opened.seen, acked);
        found.map_err(|error| format!("afterwards, {keep:?}: {error}"))?;
    }
    Ok(u64::from(met))
}

fn plan(disk: &SimDisk, operation: Operation, nth: u64, how: How) {
    let (kind, sticky) = match how {
        How::Slow => return disk.slow(operation, nth),
        How::Fails(kind) => (kind, false),
        How::FailsForEver => (IoErrorKind::Other, true),
    };
    disk.fail(Fault {
        operation,
        nth,
        kind,
        sticky,
    });
}

async fn live(
    case: &Case,
    disk: &SimDisk,
    journal: &mut Journal,
    round: u64,
) -> Result<(), String> {
    let engine = match Engine::open(disk, &SHAPE).await {
        Ok(engine) => Rc::new(engine),
        Err(error) => {
            case.history.note(|| format!("cannot be opened: {error}"));
            return Ok(());
        }
    };
    let mut generator = Generator::new(case.seed);
    let ops = script();
    let count = ops.len();
    let mut life = Life {
        case,
        disk,
        journal,
        engine: engine.clone(),
        poisoned: false,
    };
    for (op, number) in ops.into_iter().zip(0..) {
        let op = match round {
            0 => op,
            _ => generator.next(life.journal.latest()),
        };
        if !life.ask(&op).await? {
            return Ok(());
        }
        if number == count / 2 {
            let saved = engine.shards.checkpoint().await;
            case.history.note(|| format!("checkpoint: {saved:?}"));
        }
        if number == count * 2 / 3 {
            let compacted = engine.shards.compact().await;
            case.history.note(|| format!("compaction: {compacted:?}"));
        }
    }
    Ok(())
}

/// A device with room for `nth` blocks more: what it refuses is not done, deletes are.
async fn full(case: &Case, disk: &SimDisk, journal: &mut Journal, nth: u64) -> Result<(), String> {
    let engine = Rc::new(Engine::open(disk, &SHAPE).await?);
    let used: usize = disk
        .paths()
        .iter()
        .filter_map(|p| disk.read_raw(p))
        .map(|b| b.len())
        .sum();
    disk.set_capacity(used as u64 + nth * 4096);
    let mut life = Life {
        case,
        disk,
        journal,
        engine: engine.clone(),
        poisoned: false,
    };
    let mut rng = Rng::new(nth);
    for tag in 0..60 {
        let len = rng.below(20_000);
        let before = life.journal.len();
        life.ask(&put(
            ["x", "y", "z"][rng.below(3)],
            100 + tag,
            len,
            if rng.coin() { 0 } else { 9000 },
        ))
        .await?;
        if life.journal.len() == before && len > 0 {
            break;
        }
    }
    if life.poisoned {
        return Err("D10: a full device ended the log".to_owned());
    }
    let keys = ["a", "b", "c", "d"];
    for key in keys.iter().take(DELETES) {
        let before = life.journal.len();
        life.ask(&delete(key)).await?;
        if life.journal.len() == before {
            return Err(format!("D10: {key} cannot be deleted on a full device"));
        }
    }
    Ok(())
}
