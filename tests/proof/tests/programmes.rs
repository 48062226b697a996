//! A small part of every programme, so that `cargo test` notices when one of them breaks or finds
//! something at once. `chainring-proof run`, a step of `tests/run`, does the rest.

use chainring_proof::programme::{ALL, Depth};
use chainring_proof::runner::{self, Plan};

/// Runs `count` seeds of a programme from `first` on and gives the number of cases they were.
fn run(name: &str, first: u64, count: u64) -> u64 {
    let programme = ALL.iter().find(|programme| programme.name == name);
    let plan = Plan {
        first,
        count,
        time: None,
        depth: Depth::Ordinary,
        jobs: 1,
    };
    let report = runner::run(programme.expect(name), &plan);
    for (seed, error) in &report.failures {
        eprintln!("chainring-proof replay {name} {seed}: {error}");
    }
    assert_eq!(report.failures.len(), 0);
    report.cases
}

/// D1, D2, D5 to D8.
#[test]
fn random_histories_conform_to_the_model() {
    assert!(run("conformance", 0, 60) > 0);
}

/// D1 to D3, D5 to D8.
#[test]
fn short_histories_survive_a_crash_at_every_event() {
    assert!(run("exhaustive", 0, 14) > 0);
    assert!(run("exhaustive", 1000, 6) > 0);
}

/// D1 to D3, D5 to D7.
#[test]
fn torn_and_reordered_writes_lose_nothing() {
    assert!(run("power", 0, 1) > 0);
}

/// D9, D10.
#[test]
fn a_failing_operation_costs_nothing_acknowledged() {
    // Not every kind of operation is met: the first of some comes before there is a store.
    let met: u64 = (0..46).map(|kind| run("faults", kind * 100, 2)).sum();
    assert!(met > 40, "{met} faults");
}

/// I1, I2.
#[test]
fn rot_is_never_served() {
    assert!(run("rot", 64, 1) > 0);
}

/// C1, C2, L4.
#[test]
fn cores_and_clients_are_linearizable() {
    assert!(run("simulation", 0, 10) > 0);
    // Here buffers of earlier cases once decided what a cache kept.
    assert!(run("simulation", 120, 10) > 0);
}
