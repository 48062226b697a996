//! Every history of up to three operations, with a crash at every event of it and everything that
//! such a crash can leave: nothing or all of what was not flushed, all but one write, one write alone
//! (D1 to D3, D5 to D8). In depth: any of the writes, when there are few.
//!
//! The events of a history before its last operation are those of a shorter history, so only those
//! of the last operation and of what goes on behind it are looked at.

use super::{Case, Depth, Programme};
use crate::client::Client;
use crate::crash::{Crashes, Recorded};
use crate::engine::{Engine, Shape};
use crate::history::History;
use crate::journal::Journal;
use crate::model::{Body, Condition, Model, Op, Place};
use crate::recovery::Start;
use chainringd::io::sim::{self, Image, Keep, SimDisk};
use std::rc::Rc;

pub const PROGRAMME: Programme = Programme {
    name: "exhaustive",
    ordinary: COUNT,
    all: || Some(COUNT),
    kept: include_str!("../../seeds/exhaustive.txt"),
    run,
};

/// What may be done in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Put,
    PutExtents,
    PutIfAbsent,
    PutTwo,
    Delete,
    Copy,
    Begin,
    Part,
    Complete,
    Abort,
    Checkpoint,
    Compact,
    Reopen,
    Relink,
    Bucket,
}

const STEPS: [Step; 15] = [
    Step::Put,
    Step::PutExtents,
    Step::PutIfAbsent,
    Step::PutTwo,
    Step::Delete,
    Step::Copy,
    Step::Begin,
    Step::Part,
    Step::Complete,
    Step::Abort,
    Step::Checkpoint,
    Step::Compact,
    Step::Reopen,
    Step::Relink,
    Step::Bucket,
];
const N: u64 = STEPS.len() as u64;
/// Histories of one, two and three steps.
const COUNT: u64 = N + N * N + N * N * N;
/// Turns that the background gets after the last step.
const TURNS_AFTER: usize = 40;
/// With at most so many unflushed writes all subsets of them are tried in depth.
const SUBSETS_MAX: usize = 10;
const SEED: u64 = 1;

/// The history with this number.
fn steps(number: u64) -> Vec<Step> {
    let (len, mut rest) = match number {
        n if n < N => (1, n),
        n if n < N + N * N => (2, n - N),
        n => (3, n - N - N * N),
    };
    let mut steps = Vec::new();
    for _ in 0..len {
        let at = usize::try_from(rest % N).unwrap_or(0);
        steps.extend(STEPS.get(at));
        rest /= N;
    }
    steps.reverse();
    steps
}

fn place(name: &str) -> Place {
    ("s3v".to_owned(), name.to_owned())
}

/// The operations of a step: they depend on what is there.
fn ops(step: Step, tag: u32, model: &Model) -> Vec<Op> {
    let (at, key) = (place("one"), "a".to_owned());
    // Uploads have numbers of their own; parts go to the newest one.
    let upload = match step {
        Step::Begin => u128::from(tag),
        _ => model.uploads.keys().map(|(_, id)| *id).max().unwrap_or(9),
    };
    let body = |len, extent| Body { tag, len, extent };
    let put = |key: &str, body, condition| Op::Put {
        at: place("one"),
        key: key.to_owned(),
        body,
        condition,
    };
    let always = Condition::Always;
    match step {
        Step::Put => vec![put("a", body(100, 0), always)],
        Step::PutExtents => vec![put("a", body(2500, 1500), always)],
        Step::PutIfAbsent => vec![put("b", body(5000, 0), Condition::IfAbsent)],
        Step::PutTwo => vec![
            put("b", body(700, 0), Condition::Always),
            put("a", body(30, 0), always),
        ],
        Step::Delete => vec![Op::Delete {
            at,
            key,
            condition: always,
        }],
        Step::Copy => vec![Op::Copy {
            from: place("lnk"),
            key,
            at,
            to: "b".to_owned(),
        }],
        Step::Begin => vec![Op::Begin { at, key, upload }],
        Step::Part => vec![Op::Part {
            at,
            key,
            upload,
            number: 1,
            body: body(900, 900),
        }],
        Step::Complete => vec![Op::Complete {
            at,
            key,
            upload,
            parts: vec![1],
        }],
        Step::Abort => vec![Op::Abort { at, key, upload }],
        Step::Relink => {
            let led = |name: &str| model.names.follow(&place(name)).map(|led| led.bucket);
            let is_at_one = led("lnk") == led("one");
            let to = place(if is_at_one { "two" } else { "one" });
            let at = place("lnk");
            vec![Op::Relink { at, to }]
        }
        Step::Bucket => vec![match model.names.follow(&place("two")) {
            Ok(_) => Op::Drop(place("two")),
            Err(_) => Op::Bucket(place("two")),
        }],
        Step::Checkpoint | Step::Compact | Step::Reopen => Vec::new(),
    }
}

/// Two buckets, a link to the first, objects in it, and as much garbage before and between them as
/// makes compaction move some and give segments back.
fn start() -> Start {
    let link = Op::Link {
        at: place("lnk"),
        to: place("one"),
        prefix: None,
        read_only: false,
    };
    let put = |key: &str, tag, len, extent| Op::Put {
        at: place("one"),
        key: key.to_owned(),
        body: Body { tag, len, extent },
        condition: Condition::Always,
    };
    let ops = [
        Op::Bucket(place("one")),
        Op::Bucket(place("two")),
        link,
        put("kept", 95, 900, 900),
        put("large", 96, 7000, 0),
        put("large", 97, 7000, 7000),
        put("large", 98, 40, 0),
        put("a", 99, 20, 0),
    ];
    Start::make(SHAPE, &ops)
}

const SHAPE: Shape = Shape {
    shards: 1,
    segment_bytes: 16 * 1024,
    relaxed: false,
    snapshot_bytes: 1 << 40,
};

thread_local! {
    static START: Start = start();
}

/// Does a history. Gives how many events there were before its last step, too.
fn perform(steps: &[Step], history: &History) -> Result<(Recorded, usize), String> {
    let start = START.with(Clone::clone);
    let mut journal = Journal::from(SHAPE.shards, start.model);
    let disk = SimDisk::with_image(SEED, start.image);
    disk.record();
    let before = sim::run(SEED, live(&disk, &mut journal, steps, history))?;
    let touches = |step| matches!(step, &Step::Relink | &Step::Bucket | &Step::Reopen);
    let recorded = Recorded {
        trace: disk.trace(),
        journal,
        shape: SHAPE,
        names: steps.iter().any(touches),
        thorough: true,
    };
    Ok((recorded, before))
}

async fn live(
    disk: &SimDisk,
    journal: &mut Journal,
    steps: &[Step],
    history: &History,
) -> Result<usize, String> {
    let mut engine = Rc::new(Engine::open(disk, &SHAPE).await?);
    let mut before = 0;
    for (tag, step) in (1..).zip(steps) {
        before = disk.events();
        history.note(|| format!("{step:?} (from event {before} on)"));
        match step {
            Step::Checkpoint => engine.shards.checkpoint().await?,
            Step::Compact => engine.shards.compact().await?,
            Step::Reopen => {
                let closed = Rc::try_unwrap(engine).map_err(|_| "still in use")?;
                closed.close(false).await?;
                engine = Rc::new(Engine::open(disk, &SHAPE).await?);
            }
            _ => {
                let ops = ops(*step, tag, journal.latest());
                let mut client = Client::new(engine.clone(), journal, history);
                for op in ops {
                    client.ask(op, false).await?;
                }
                client.settle().await?;
            }
        }
    }
    for _ in 0..TURNS_AFTER {
        sim::yield_now().await;
    }
    Ok(before)
}

/// What a crash may keep.
fn keeps(image: &Image, depth: Depth) -> Vec<Keep> {
    let units = image.unflushed();
    if depth == Depth::Deep && units <= SUBSETS_MAX {
        return (0..1u64 << units).map(Keep::Set).collect();
    }
    let mut keeps = vec![Keep::All, Keep::None];
    if units > 1 {
        keeps.extend((0..units).flat_map(|unit| [Keep::Only(unit), Keep::Without(unit)]));
    }
    keeps
}

fn run(case: &Case) -> Result<u64, String> {
    let steps = steps(case.seed);
    let (recorded, before) = perform(&steps, &case.history)?;
    let mut crashes = Crashes::default();
    for (at, image) in recorded.instants(before) {
        for keep in keeps(&image, case.depth) {
            let survived = recorded.survives((at, &image), keep, &mut crashes);
            survived.map_err(|error| format!("{steps:?}: {error}"))?;
        }
    }
    Ok(crashes.checked)
}
