//! Whole stores in one thread: several cores with their mailboxes and shards, clients on all of them,
//! a scheduler that follows the seed, faults, power cuts in between. The history of every key and of
//! a link whose source changes must be linearizable (C1, L4), and a seed run twice does the same.

mod chronicle;
mod client;
mod record;

use super::{Case, Programme};
use crate::engine::{Engine, Shape, Shards};
use crate::linear;
use crate::model::{Body, Op, Place};
use crate::recovery::any_keep;
use chainringd::io::IoErrorKind;
use chainringd::io::sim::{self, Fault, Keep, Operation, Rng, SimDisk};
use chronicle::Chronicle;
use client::Client;
use record::Record;
use std::rc::Rc;

pub const PROGRAMME: Programme = Programme {
    name: "simulation",
    ordinary: 3000,
    all: || None,
    kept: include_str!("../../../seeds/simulation.txt"),
    run,
};

const KEYS: [&str; 3] = ["a", "b/c", "d"];
/// The register that is a link's source.
const LINK: &str = "(link)";
/// Most operations of a client in a life.
const OPS_MAX: usize = 7;
const LIVES_MAX: usize = 3;

fn place(name: &str) -> Place {
    ("s3v".to_owned(), name.to_owned())
}

/// Bytes that belong to a tag.
fn body(tag: u64) -> Body {
    let tag = u32::try_from(tag).unwrap_or(0);
    let (len, extent) = [(40, 0), (700, 0), (3000, 1500), (5000, 0)][tag as usize % 4];
    Body { tag, len, extent }
}

fn run(case: &Case) -> Result<u64, String> {
    let first = simulate(case)?;
    let second = simulate(case)?;
    first.compare(&second)?;
    Ok(1)
}

/// Does it all and gives everything that happened.
fn simulate(case: &Case) -> Result<Chronicle, String> {
    let mut rng = Rng::new(case.seed);
    let shape = Shape {
        shards: 1 + u16::try_from(rng.below(4)).unwrap_or(0),
        ..Shape::default()
    };
    let cores = 1 + rng.below(3);
    let record = Rc::new(Record::default());
    let mut disk = SimDisk::new(case.seed);
    record.watch(&disk);
    sim::run(case.seed, make(&disk, &shape))?;
    record.take_down();
    // What was cut off with the simulation has happened.
    disk = disk.crash(Keep::All);
    for _ in 0..1 + rng.below(LIVES_MAX) {
        record.watch(&disk);
        if rng.below(3) == 0 {
            disk.fail(Fault {
                operation: [Operation::Write, Operation::Sync][rng.below(2)],
                nth: 10 + rng.below(60) as u64,
                kind: IoErrorKind::Other,
                sticky: false,
            });
        }
        let seed = rng.bits();
        sim::run(seed, live((&disk, &shape, cores), &record, seed))?;
        if let Some(error) = record.errors.borrow().first() {
            return Err(error.clone());
        }
        record.crash();
        record.take_down();
        let keep = any_keep(&mut rng, &disk.image());
        let now = record.clock.get();
        let words = format!("crash at {now}, {keep:?}, {shape:?}, {cores} cores");
        record.chronicle.borrow_mut().say(words);
        disk = disk.crash(keep);
        tell(case, &record, (&disk, &shape));
    }
    record.watch(&disk);
    sim::run(1, read_all((&disk, &shape), record.clone()))?;
    record.take_down();
    tell(case, &record, (&disk, &shape));
    for (register, history) in record.registers.borrow().iter() {
        for timed in history {
            case.history.note(|| format!("{register} {timed:?}"));
        }
        let initial = (*register == LINK).then_some(1);
        let judged = linear::check(initial, history);
        judged.map_err(|error| format!("{register}: {error}"))?;
    }
    Ok(record.chronicle.take())
}

/// Tells what happened since this was last called, and what is in the logs.
fn tell(case: &Case, record: &Record, (disk, shape): (&SimDisk, &Shape)) {
    if case.history.is_kept() {
        let lines = record.untold();
        let lines = lines.into_iter();
        let logs = sim::run(1, Shards::log_lines(disk, shape));
        lines
            .chain(logs)
            .for_each(|line| case.history.note(|| line));
    }
}

async fn make(disk: &SimDisk, shape: &Shape) -> Result<(), String> {
    let engine = Engine::open(disk, shape).await?;
    let link = |name: &str| Op::Link {
        at: place(name),
        to: place("one"),
        prefix: None,
        read_only: false,
    };
    let ops = [
        Op::Bucket(place("one")),
        Op::Bucket(place("two")),
        link("same"),
        link("flip"),
    ];
    for op in ops {
        engine.perform(&op).await;
    }
    engine.close(false).await
}

/// Clients on all cores until they are done or the power fails.
async fn live(
    (disk, shape, cores): (&SimDisk, &Shape, usize),
    record: &Rc<Record>,
    seed: u64,
) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let Ok(engines) = Engine::open_on(disk, shape, cores).await else {
        // The fault met the opening.
        return Ok(());
    };
    let mut clients = Vec::new();
    for _ in 0..1 + rng.below(5) {
        let Some(engine) = engines.get(rng.below(cores)) else {
            continue;
        };
        let client = Client {
            engine: engine.clone(),
            record: record.clone(),
            rng: Rng::new(rng.bits()),
        };
        clients.push(sim::spawn(client.run(1 + rng.below(OPS_MAX))));
    }
    if let Some(engine) = engines.first().filter(|_| rng.coin()) {
        let shards = engine.shards.clone();
        // It fails when the fault meets it.
        sim::spawn(async move { _ = shards.compact().await });
    }
    if rng.coin() {
        let turns = rng.below(400);
        for _ in 0..turns {
            sim::yield_now().await;
        }
        return Ok(());
    }
    for client in clients {
        client.join().await;
    }
    Ok(())
}

/// What is there in the end is part of every history.
async fn read_all((disk, shape): (&SimDisk, &Shape), record: Rc<Record>) -> Result<(), String> {
    let engine = Engine::open(disk, shape).await?;
    let mut client = Client {
        engine,
        record,
        rng: Rng::new(0),
    };
    client.list().await?;
    client.follow()?;
    for _ in 0..4 * KEYS.len() {
        client.get().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use crate::programme::Depth;

    #[test]
    fn a_replay_is_the_history_that_was_run() {
        let run = |seed, history| {
            let depth = Depth::Ordinary;
            simulate(&Case {
                seed,
                depth,
                history,
            })
        };
        for seed in 0..6 {
            let seen = run(seed, History::kept()).expect("no failure");
            let unseen = run(seed, History::default()).expect("no failure");
            assert_eq!(unseen.compare(&seen), Ok(()), "seed {seed}");
        }
    }
}
