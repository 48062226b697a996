//! Random histories, with crashes, against the model: whatever the store answers the model answers,
//! and after every crash it holds what it may (D1, D2, D5 to D8).

use super::{Case, Programme};
use crate::client::Client;
use crate::engine::{Engine, Shape};
use crate::generate::Generator;
use crate::journal::Journal;
use crate::recovery::{self, Opened};
use chainringd::io::Clock;
use chainringd::io::sim::{self, Keep, Rng, SimClock, SimDisk};
use std::rc::Rc;
use std::time::Duration;

pub const PROGRAMME: Programme = Programme {
    name: "conformance",
    ordinary: 10_000,
    all: || None,
    kept: include_str!("../../seeds/conformance.txt"),
    run,
};

/// Most operations of a history.
const OPS_MAX: usize = 60;
/// Longer than a log waits before it marks that everything was flushed.
const IDLE: Duration = Duration::from_secs(3);

fn shape(rng: &mut Rng) -> Shape {
    Shape {
        shards: 1 + u16::try_from(rng.below(3)).unwrap_or(0),
        segment_bytes: [16, 16, 32][rng.below(3)] * 1024,
        relaxed: rng.below(6) == 0,
        snapshot_bytes: [1 << 40, 4096][rng.below(2)],
    }
}

fn run(case: &Case) -> Result<u64, String> {
    let mut rng = Rng::new(case.seed);
    let shape = shape(&mut rng);
    let block = [512, 512, 4096][rng.below(3)];
    let mut disk = SimDisk::new(case.seed).with_block_size(block);
    let mut journal = Journal::new(shape.shards);
    let mut generator = Generator::new(rng.bits());
    let mut start = disk.crash(Keep::All);
    let mut left = 1 + rng.below(OPS_MAX);
    case.history
        .note(|| format!("{shape:?}, blocks of {block}"));
    while left > 0 {
        let ops = 1 + rng.below(left);
        left -= ops;
        disk.record();
        let seed = rng.bits();
        let subject = (&disk, &shape);
        let life = live(case, subject, &mut journal, &mut generator, ops, seed);
        let (before, closed) = sim::run(seed, life)?;
        if let Some(opened) = &before {
            // What the life began with was opened beside it, on copies.
            checks(&start, &shape, opened, &mut rng)?;
        }
        disk = match closed {
            true => disk.crash(Keep::All),
            false => cut(case, &disk, &mut journal, &shape, &mut rng),
        };
        start = disk.crash(Keep::All);
    }
    let last = recovery::open(&disk, &shape, rng.bits())?;
    journal.judge(&last.seen)?;
    checks(&start, &shape, &last, &mut rng)?;
    Ok(1)
}

/// What holds of every opening.
fn checks(disk: &SimDisk, shape: &Shape, opened: &Opened, rng: &mut Rng) -> Result<(), String> {
    recovery::rebuilds(disk, shape, opened)?;
    match rng.coin() {
        true => recovery::repeats(disk, shape, opened, rng),
        false => Ok(()),
    }
}

/// One opening of the store: looks at what is there, and goes on. Gives what was there, and whether
/// it was closed in an orderly way.
async fn live(
    case: &Case,
    (disk, shape): (&SimDisk, &Shape),
    journal: &mut Journal,
    generator: &mut Generator,
    ops: usize,
    seed: u64,
) -> Result<(Option<Opened>, bool), String> {
    let mut rng = Rng::new(seed);
    let is_new = disk.paths().is_empty();
    let engine = Rc::new(Engine::open(disk, shape).await?);
    let opened = recovery::look(&engine).await?;
    journal.judge(&opened.seen)?;
    let opened = (!is_new).then_some(opened);
    let mut client = Client::new(engine.clone(), journal, &case.history);
    for _ in 0..ops {
        match rng.below(30) {
            0 => {
                case.history.note(|| "checkpoint".to_owned());
                engine.shards.checkpoint().await?;
            }
            1 | 2 => {
                case.history.note(|| "compaction begins".to_owned());
                client.compact().await?;
            }
            3 => {
                case.history.note(|| "compaction is waited for".to_owned());
                client.compacted().await?;
            }
            4 => {
                case.history.note(|| "idle".to_owned());
                SimClock.sleep(IDLE).await;
            }
            _ => {
                let op = generator.next(client.journal().latest());
                client.ask(op, rng.below(3) > 0).await?;
            }
        }
    }
    if rng.below(3) > 0 {
        return Ok((opened, false));
    }
    client.settle().await?;
    client.compacted().await?;
    drop(client);
    journal.settle();
    case.history.note(|| "close".to_owned());
    let engine = Rc::try_unwrap(engine).map_err(|_| "the store is still in use")?;
    engine.close(rng.coin()).await?;
    Ok((opened, true))
}

/// The power fails at some instant of the life that was recorded.
fn cut(
    case: &Case,
    disk: &SimDisk,
    journal: &mut Journal,
    shape: &Shape,
    rng: &mut Rng,
) -> SimDisk {
    let trace = disk.trace();
    let end = trace.events.len();
    let at = if rng.coin() {
        end
    } else {
        end - rng.below(end.min(60) + 1)
    };
    let image = trace.at(at);
    let keep = match shape.relaxed {
        // What was answered outlives the process, no more.
        true => Keep::All,
        false => recovery::any_keep(rng, &image),
    };
    case.history
        .note(|| format!("crash at event {at} of {end}, {keep:?}"));
    journal.acknowledged_only(trace.marks(at));
    image
        .crashed_disk(keep, rng.bits())
        .with_block_size(disk.block_size())
}
