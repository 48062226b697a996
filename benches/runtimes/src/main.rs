//! The small bake-off that chose the runtime: the same little server on each candidate, asked by the
//! same client, in turn.
//!
//! ```text
//! cargo run --release --manifest-path benches/runtimes/Cargo.toml -- compare --folder /var/tmp
//! ```
//!
//! Each candidate answers `GET` with 4 KiB from memory, over connections that are kept, on one core. A
//! `PUT` of 4 KiB is copied into a batch; batches are written one after the other to a file whose
//! blocks were written before (`O_DIRECT`), each followed by one `fdatasync`, and only then are its
//! requests answered. The figures are in `docs/decisions/000-runtime.md`.

mod candidates;
mod canned;
mod client;
mod compare;
mod journal;
mod process;
mod report;

use candidates::Candidate;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "The same little server on several runtimes")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts each candidate in turn, in rounds, and prints a table.
    Compare(Plan),
    /// Is one candidate, until it is killed.
    Serve {
        /// Which.
        candidate: Candidate,
        /// The core it runs on.
        #[arg(long)]
        cpu: usize,
        /// The file that it writes to.
        #[arg(long)]
        file: PathBuf,
    },
}

/// What to compare, and for how long.
#[derive(clap::Args, Clone, Debug)]
pub struct Plan {
    /// Folder on the device that is written to.
    #[arg(long)]
    folder: PathBuf,
    /// Only these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Candidate>,
    /// How often each is asked.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// For how many seconds, each time.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Connections of the GETs.
    #[arg(long, default_value_t = 32)]
    readers: usize,
    /// Connections of the PUTs.
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// The server's core.
    #[arg(long, default_value_t = 0)]
    server_cpu: usize,
    /// The client's core.
    #[arg(long, default_value_t = 1)]
    client_cpu: usize,
}

impl Plan {
    const fn duration(&self) -> Duration {
        Duration::from_millis((self.seconds * 1000.0) as u64)
    }
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Compare(plan) => compare::compare(&plan),
        Command::Serve {
            candidate,
            cpu,
            file,
        } => process::pin(cpu).and_then(|()| candidate.serve(&file)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chainring-runtimes: {error}");
            ExitCode::FAILURE
        }
    }
}
