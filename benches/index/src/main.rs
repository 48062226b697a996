//! The object index against its rivals: look-up, insert, scan, memory, restart, and readers on one
//! core beside a writer on another.
//!
//! `cargo run --release -p chainring-bench-index -- --n 10000000`
//!
//! Every measurement of a candidate runs in a process of its own, so that no heap is inherited;
//! the rounds of all candidates are interleaved, and medians are reported. Costs are CPU time of
//! the measuring thread, which a busy machine disturbs less than elapsed time; latencies and
//! restarts are elapsed time. What the figures led to is in `docs/decisions/001-object-index.md`.

mod asked;
mod candidate;
mod chainring;
mod lsm;
mod maps;
mod measure;
mod workload;

use candidate::Candidate;
use clap::Parser;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

/// Measures the object index and its rivals.
#[derive(Clone, Debug, Parser)]
struct Args {
    /// Number of objects.
    #[arg(long, default_value_t = 1_000_000)]
    n: u64,
    /// Rounds; the median of each figure is shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Candidates, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = NAMES.map(String::from))]
    only: Vec<String>,
    /// Folder for checkpoints and the files of disk-based rivals.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Measure this candidate once and print the raw figures.
    #[arg(long, hide = true)]
    child: Option<String>,
}

const NAMES: [&str; 5] = [
    chainring::Chainring::NAME,
    maps::Papaya::NAME,
    maps::SkipList::NAME,
    lsm::Lsm::NAME,
    asked::Asked::NAME,
];

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join("chainring-bench-index"));
    if let Some(name) = &args.child {
        let dir = dir.join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir)?;
        match name.as_str() {
            maps::Papaya::NAME => measure::run::<maps::Papaya>(args.n, &dir),
            maps::SkipList::NAME => measure::run::<maps::SkipList>(args.n, &dir),
            lsm::Lsm::NAME => measure::run::<lsm::Lsm>(args.n, &dir),
            asked::Asked::NAME => measure::run::<asked::Asked>(args.n, &dir),
            chainring::Chainring::NAME => measure::run::<chainring::Chainring>(args.n, &dir),
            _ => return Err(format!("no candidate {name}").into()),
        }
        std::fs::remove_dir_all(&dir)?;
        return Ok(());
    }
    let mut figures: BTreeMap<String, BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    let mut rows = Vec::new();
    for round in 0..args.rounds {
        for name in &args.only {
            eprintln!("round {}: {name}", round + 1);
            let mut child = Command::new(std::env::current_exe()?);
            child.args(["--child", name, "--n", &args.n.to_string(), "--dir"]);
            let output = child.arg(&dir).output()?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{name}: {said}").into());
            }
            for line in String::from_utf8(output.stdout)?.lines() {
                let (what, value) = line.rsplit_once(' ').ok_or("a child prints 'what value'")?;
                if !rows.iter().any(|row| row == what) {
                    rows.push(what.to_owned());
                }
                let of_row = figures.entry(what.to_owned()).or_default();
                of_row.entry(name.clone()).or_default().push(value.parse()?);
            }
        }
    }
    println!("{} objects, medians of {} rounds\n", args.n, args.rounds);
    println!("| | {} |", args.only.join(" | "));
    println!("|---|{}", "---|".repeat(args.only.len()));
    for row in rows {
        let cells = args.only.iter().map(|name| {
            let values = figures
                .get_mut(&row)
                .and_then(|of_row| of_row.get_mut(name));
            values.map_or(String::from("-"), |values| shown(median(values)))
        });
        println!("| {row} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn shown(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
