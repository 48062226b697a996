//! The programmes: each takes a number and does the case that belongs to it.

mod conformance;
mod exhaustive;
mod faults;
mod power;
mod rot;
mod simulation;

use crate::history::History;

/// How much a case looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What every change is checked with.
    Ordinary,
    /// What is too much for that.
    Deep,
}

/// What a case is given.
pub struct Case {
    /// Its number, from which everything in it follows.
    pub seed: u64,
    /// How much to look at.
    pub depth: Depth,
    /// Where to say what happens.
    pub history: History,
}

/// Something that is done for many seeds.
pub struct Programme {
    /// By which it is called.
    pub name: &'static str,
    /// Seeds of an ordinary run, from 0 on.
    pub ordinary: u64,
    /// All the seeds there are, if there is an end.
    pub all: fn() -> Option<u64>,
    /// Seeds that found something once: a line each, see `tests/proof/seeds`.
    pub kept: &'static str,
    /// Does the case of a seed and says how many things were checked. The error says what went wrong.
    pub run: fn(&Case) -> Result<u64, String>,
}

impl Programme {
    /// The seeds that are always run.
    pub fn kept_seeds(&self) -> impl Iterator<Item = u64> {
        let lines = self.kept.lines();
        lines.filter_map(|line| line.split('#').next()?.trim().parse().ok())
    }
}

/// All programmes, in the order they are run.
pub const ALL: [Programme; 6] = [
    conformance::PROGRAMME,
    exhaustive::PROGRAMME,
    power::PROGRAMME,
    faults::PROGRAMME,
    rot::PROGRAMME,
    simulation::PROGRAMME,
];
