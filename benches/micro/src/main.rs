//! Micro-benchmarks in instructions instead of time, so that they can be compared from one run to the
//! next on any machine, however busy, and a regression shows in the change that brings it.
//!
//! ```text
//! chainring-micro check          # counts everything and compares with baseline.txt
//! chainring-micro renew          # counts everything and writes baseline.txt
//! chainring-micro list
//! chainring-micro run NAME       # what callgrind is given: one benchmark, by itself
//! ```
//!
//! Each benchmark is a process of its own under callgrind, so that none changes the memory layout of
//! another. Only what happens inside [`counted`] counts, not the set-up. CONTRIBUTING.md says what to
//! do when the comparison fails.

mod baseline;
mod callgrind;
mod cases;
mod counted;
mod replay;
mod sign;
mod world;

use baseline::{Baseline, Conditions};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Micro-benchmarks in instructions")]
struct Args {
    #[command(subcommand)]
    command: Command,
    /// The counts to compare with.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.txt"))]
    baseline: PathBuf,
    /// Folder for callgrind's profiles, for callgrind_annotate.
    #[arg(long, global = true, default_value = "target/micro")]
    profiles: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Counts everything and compares with the baseline; fails on what got dearer.
    Check,
    /// Counts everything and writes the baseline.
    Renew,
    /// Shows what there is.
    List,
    /// Runs one benchmark, by itself.
    Run {
        /// Which.
        name: String,
    },
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Callgrind(#[from] callgrind::Error),
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    #[error("{0}: {1}")]
    Baseline(String, baseline::Malformed),
    #[error("there is no benchmark {0}")]
    Unknown(String),
    #[error("only an optimized build has counts worth comparing: build with --release")]
    Unoptimized,
}

impl Failure {
    fn file(path: &Path, error: std::io::Error) -> Self {
        Self::File(path.display().to_string(), error)
    }
}

fn main() -> ExitCode {
    match execute(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("chainring-micro: {failure}");
            ExitCode::from(2)
        }
    }
}

fn execute(args: &Args) -> Result<bool, Failure> {
    match &args.command {
        Command::List => {
            for case in cases::ALL {
                println!("{:20} {}", case.name, case.what);
            }
        }
        Command::Run { name } => {
            let case = cases::ALL.iter().find(|case| case.name == name);
            let case = case.ok_or_else(|| Failure::Unknown(name.clone()))?;
            (case.run)(case.calls);
        }
        Command::Check => return check(args),
        Command::Renew => {
            let counted = count(args)?;
            std::fs::write(&args.baseline, counted.to_string())
                .map_err(|error| Failure::file(&args.baseline, error))?;
            println!("{}", args.baseline.display());
        }
    }
    Ok(true)
}

fn count(args: &Args) -> Result<Baseline, Failure> {
    if cfg!(debug_assertions) {
        return Err(Failure::Unoptimized);
    }
    std::fs::create_dir_all(&args.profiles)
        .map_err(|error| Failure::file(&args.profiles, error))?;
    Ok(Baseline {
        conditions: Conditions::here(callgrind::version()?),
        counts: callgrind::count_all(cases::ALL, &args.profiles)?,
    })
}

fn check(args: &Args) -> Result<bool, Failure> {
    let text = std::fs::read_to_string(&args.baseline)
        .map_err(|error| Failure::file(&args.baseline, error))?;
    let expected = text
        .parse()
        .map_err(|error| Failure::Baseline(args.baseline.display().to_string(), error))?;
    let comparison = baseline::compare(&expected, &count(args)?);
    print!("{comparison}");
    if !comparison.is_good() {
        let profiles = args.profiles.display();
        println!(
            "Where the instructions go: callgrind_annotate {profiles}/NAME.callgrind\n\
             If the change is meant, renew the baseline, look at the difference and commit it with the\n\
             reason: tests/run --renew-micro"
        );
    }
    println!("\n{comparison:#}");
    Ok(comparison.is_good())
}
