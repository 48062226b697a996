//! Power cuts in random workloads: at every write, torn at every sector of it either way; between
//! flushes, with any subset of the sectors written since the last one (D1 to D3, D5 to D7).

use super::{Case, Depth, Programme};
use crate::client::Client;
use crate::crash::{Crashes, Recorded};
use crate::engine::{Engine, Shape};
use crate::generate::Generator;
use crate::journal::Journal;
use chainringd::io::sim::{self, Event, Keep, Rng, SimDisk};
use std::rc::Rc;

pub const PROGRAMME: Programme = Programme {
    name: "power",
    ordinary: 200,
    all: || None,
    kept: include_str!("../../seeds/power.txt"),
    run,
};

/// Most operations of a workload.
const OPS_MAX: usize = 14;
/// Bytes that are written as a whole or not at all.
const SECTOR: usize = 512;
/// Random subsets that are tried before a flush is done.
const SUBSETS: u64 = 64;
/// Of these so many in an ordinary run.
const SUBSETS_ORDINARY: u64 = 8;

fn run(case: &Case) -> Result<u64, String> {
    let mut rng = Rng::new(case.seed);
    let shape = Shape {
        shards: 1 + u16::try_from(rng.below(2)).unwrap_or(0),
        ..Shape::default()
    };
    let disk = SimDisk::new(case.seed);
    let mut journal = Journal::new(shape.shards);
    sim::run(
        case.seed,
        live(case, (&disk, &shape), &mut journal, &mut rng),
    )?;
    let trace = disk.trace();
    let recorded = Recorded {
        names: journal.names_changed(),
        thorough: false,
        trace,
        journal,
        shape,
    };
    let subsets = match case.depth {
        Depth::Deep => SUBSETS,
        Depth::Ordinary => SUBSETS_ORDINARY,
    };
    let mut crashes = Crashes::default();
    for (at, image) in recorded.instants(0) {
        let event = |at: Option<usize>| at.and_then(|at| recorded.trace.events.get(at));
        let mut keeps = Vec::new();
        if let Some(Event::SyncDone { .. }) = event(Some(at)) {
            // About to be done: as much as there can be that is not flushed.
            let seeds = (0..subsets).map(|n| n ^ case.seed << 8);
            keeps.extend(seeds.map(Keep::Random));
        }
        match event(at.checked_sub(1)) {
            Some(Event::WriteBegun { data, .. }) => {
                // The newest of the writes; folders change one at a time.
                let units = (0..image.unflushed()).rev();
                let sectors = data.len() / SECTOR;
                let newest = units.filter(|unit| image.sectors(*unit) == sectors).take(1);
                for unit in newest {
                    let ways = |cut| [Keep::Head(unit, cut), Keep::Tail(unit, cut)];
                    keeps.extend((0..=sectors).flat_map(ways));
                }
            }
            // The instant after an answer: nothing may rest on what was not flushed (D3).
            Some(Event::Mark(_)) => keeps.push(Keep::None),
            _ => {}
        }
        for keep in keeps {
            recorded.survives((at, &image), keep, &mut crashes)?;
        }
    }
    Ok(crashes.checked)
}

/// Makes a store, then does the workload, which is recorded.
async fn live(
    case: &Case,
    (disk, shape): (&SimDisk, &Shape),
    journal: &mut Journal,
    rng: &mut Rng,
) -> Result<(), String> {
    let engine = Rc::new(Engine::open(disk, shape).await?);
    let mut generator = Generator::new(rng.bits());
    let mut client = Client::new(engine.clone(), journal, &case.history);
    client.ask(generator.bucket(), true).await?;
    client.settle().await?;
    drop(client);
    journal.settle();
    disk.record();
    let mut client = Client::new(engine.clone(), journal, &case.history);
    for _ in 0..1 + rng.below(OPS_MAX) {
        if rng.below(12) == 0 {
            case.history.note(|| "checkpoint".to_owned());
            engine.shards.checkpoint().await?;
        }
        if rng.below(6) == 0 {
            case.history.note(|| "compaction begins".to_owned());
            client.compact().await?;
        }
        let op = generator.next(client.journal().latest());
        client.ask(op, rng.coin()).await?;
    }
    client.settle().await?;
    client.compacted().await
}
