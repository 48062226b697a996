//! A small part of every programme, so that `cargo test` notices when one of them breaks or finds
//! something at once. `chainring-proof run`, a step of `tests/run`, does the rest.

use chainring_proof::programme::{ALL, Depth};
use chainring_proof::runner::{self, Plan};

/// Runs `count` seeds of a programme from `first` on.
fn run(name: &str, first: u64, count: u64) {
    let programme = ALL.iter().find(|programme| programme.name == name);
    let plan = Plan {
        first,
        count,
        time: None,
        depth: Depth::Ordinary,
        jobs: 1,
    };
    let report = runner::run(programme.expect(name), &plan);
    assert!(report.cases > 0, "{name} checked nothing");
    for (seed, error) in &report.failures {
        eprintln!("chainring-proof replay {name} {seed}: {error}");
    }
    assert_eq!(report.failures.len(), 0);
}

/// D1, D2, D5 to D8.
#[test]
fn random_histories_conform_to_the_model() {
    run("conformance", 0, 60);
}

/// D1 to D3, D5 to D8.
#[test]
fn short_histories_survive_a_crash_at_every_event() {
    run("exhaustive", 0, 14);
    run("exhaustive", 1000, 6);
}

/// D1 to D3, D5 to D7.
#[test]
fn torn_and_reordered_writes_lose_nothing() {
    run("power", 0, 1);
}

/// D9, D10.
#[test]
fn a_failing_operation_costs_nothing_acknowledged() {
    for kind in 0..46 {
        run("faults", kind * 100, 2);
    }
}

/// I1, I2.
#[test]
fn rot_is_never_served() {
    run("rot", 64, 1);
}

/// C1, C2, L4.
#[test]
fn cores_and_clients_are_linearizable() {
    run("simulation", 0, 10);
}
