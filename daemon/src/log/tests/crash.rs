//! Power failures at every instant: what was acknowledged is there, and what is there is a prefix
//! of what was appended (D1, D2, D3, D5, D6).

use super::model::*;
use super::*;
use crate::io::sim::{Event, Keep, Trace};
use proptest::prelude::*;

fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 16 * 1024,
        ..config()
    }
}

/// Checks a crash before every `step`-th event of a recording.
fn crash_everywhere(trace: &Trace, items: &Items, seed: u64, step: usize) {
    trace.replay(|count, image| {
        if count % step != 0 && count != trace.events.len() {
            return;
        }
        let acked = acknowledged(trace, count, items);
        for keep in keeps(image) {
            let disk = image.crashed_disk(keep, seed);
            sim::run(
                seed,
                check(&disk, &small(), items, acked, &(seed, count, keep)),
            );
        }
    });
}

#[test]
fn every_event_of_small_histories() {
    let shapes: [&[Op]; 7] = [
        &[Op::Record(5), Op::Commit, Op::Record(600), Op::Commit],
        &[Op::Record(5), Op::Extent(3000), Op::Record(9), Op::Commit],
        &[
            Op::Later(700),
            Op::Later(5000),
            Op::Record(9),
            Op::Commit,
            Op::Record(1),
        ],
        &[
            Op::Record(9000),
            Op::Commit,
            Op::Record(5),
            Op::Record(4000),
            Op::Commit,
        ],
        &[
            Op::Extent(6000),
            Op::Commit,
            Op::Later(6000),
            Op::Later(3000),
            Op::Record(8),
        ],
        &[Op::Record(100), Op::Commit, Op::Idle, Op::Record(100)],
        &[
            Op::Record(0),
            Op::Record(2000),
            Op::Record(3),
            Op::Record(2000),
            Op::Commit,
        ],
    ];
    for (seed, ops) in (1..).zip(shapes) {
        let (trace, items) = history(seed, &small(), ops);
        crash_everywhere(&trace, &items, seed, 1);
    }
}

#[test]
fn torn_writes_at_every_sector() {
    let ops = [
        Op::Record(900),
        Op::Commit,
        Op::Record(700),
        Op::Record(1800),
        Op::Later(2000),
    ];
    let (trace, items) = history(11, &small(), &ops);
    trace.replay(|count, image| {
        let acked = acknowledged(&trace, count, &items);
        for unit in 0..image.unflushed() {
            for sector in 0..=image.sectors(unit) {
                for keep in [Keep::Head(unit, sector), Keep::Tail(unit, sector)] {
                    let disk = image.crashed_disk(keep, 11);
                    sim::run(11, check(&disk, &small(), &items, acked, &(count, keep)));
                }
            }
        }
    });
}

#[test]
fn crashes_during_recovery() {
    let ops = [
        Op::Record(900),
        Op::Commit,
        Op::Record(3000),
        Op::Later(2000),
        Op::Record(50),
    ];
    let (trace, items) = history(12, &small(), &ops);
    trace.replay(|count, image| {
        if count % 3 != 0 {
            return;
        }
        let acked = acknowledged(&trace, count, &items);
        let first = image.crashed_disk(Keep::Random(count as u64), 12);
        first.record();
        let before = sim::run(12, async {
            let opened = open(&first, small(), Location::ZERO).await;
            opened.map_or(Vec::new(), |(_, _, seen)| seen)
        });
        // Whatever the second crash leaves of what the first recovery did, its outcome stands.
        first.trace().replay(|second, image| {
            for keep in keeps(image) {
                let disk = image.crashed_disk(keep, 13);
                let context = (count, second, keep);
                let seen = sim::run(13, check(&disk, &small(), &items, acked, &context));
                assert_eq!(seen, before, "{context:?}");
            }
        });
    });
}

/// No block is written twice by one opening of a log.
fn never_rewrites(trace: &Trace) {
    let mut written = std::collections::BTreeMap::new();
    for event in &trace.events {
        if let Event::WriteBegun {
            file, offset, data, ..
        } = event
        {
            for block in (*offset..offset + data.len()).step_by(512) {
                let before = written.insert((*file, block), *offset);
                assert_eq!(
                    before, None,
                    "block {block} of file {file} is written again"
                );
            }
        }
    }
}

/// Crash after crash on the same disk, with anything kept.
fn crash_repeatedly(seed: u64, lives: &[Vec<Op>], config: &LogConfig, block: usize) {
    let mut rng = sim::Rng::new(seed);
    let mut disk = SimDisk::new(seed).with_block_size(block);
    let mut known: Items = Vec::new();
    for ops in lives {
        disk.record();
        let items = sim::run(rng.bits(), async {
            let log = match open(&disk, config.clone(), Location::ZERO).await {
                Ok((log, recovery, seen)) => {
                    assert!(recovery.damage.is_empty(), "{recovery:?}");
                    assert_eq!(seen, known);
                    sim::spawn(log.run());
                    log
                }
                Err(LogError::Missing(_)) if known.is_empty() => {
                    create(&disk, config.clone()).await
                }
                Err(error) => panic!("{error}"),
            };
            let subject = Subject::new(&disk, log, known.clone());
            subject.perform(ops).await.unwrap();
            subject.items()
        });
        let trace = disk.trace();
        never_rewrites(&trace);
        let cut = rng.below(trace.events.len() + 1);
        let keep = match rng.below(4) {
            0 => Keep::All,
            1 => Keep::None,
            _ => Keep::Random(rng.bits()),
        };
        let acked = acknowledged(&trace, cut, &items).max(known.len());
        let mut after = None;
        trace.replay(|count, image| {
            if count == cut {
                after = Some(image.crashed_disk(keep, rng.bits()).with_block_size(block));
            }
        });
        disk = after.unwrap();
        // A look at a copy; the next life opens the original.
        let copy = disk.crash(Keep::All);
        known = sim::run(1, check(&copy, config, &items, acked, &(seed, cut, keep)));
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0usize..300).prop_map(Op::Record),
        2 => (0usize..4000).prop_map(Op::Record),
        2 => (0usize..6000).prop_map(Op::Extent),
        2 => (0usize..6000).prop_map(Op::Later),
        3 => Just(Op::Commit),
        1 => Just(Op::Idle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn random_lives(
        seed: u64,
        wide: bool,
        lives in prop::collection::vec(prop::collection::vec(op(), 0..14), 1..6),
    ) {
        // With blocks of 4096 bytes a batch can be torn within its last block.
        let (segment_bytes, block) = if wide { (64 * 1024, 4096) } else { (16 * 1024, 512) };
        crash_repeatedly(seed, &lives, &LogConfig { segment_bytes, ..config() }, block);
    }

    #[test]
    fn random_histories_cut_at_random(
        seed: u64,
        ops in prop::collection::vec(op(), 0..25),
        step in 20usize..60,
    ) {
        let (trace, items) = history(seed, &small(), &ops);
        crash_everywhere(&trace, &items, seed, step);
    }
}
