//! `chainring-objects`: millions of small objects in the real store, what each costs in memory, and
//! how long a restart takes with them.
//!
//! Every phase runs in a process of its own, so that its memory is its own and opening is what a
//! restart does: the store is filled through [`chainringd::store::Store`] on the real disk and log,
//! opened from the checkpoint of its index, and opened again with the checkpoint deleted.
//!
//! With a daemon, that very store is also served: pages of listings are asked for over HTTP, in the
//! bucket of all the objects and in a small one beside it, and the daemon is started after a crash.

mod daemon;
mod figures;
mod listing;
mod phases;
mod stall;
mod store;

use clap::{Parser, Subcommand};
use figures::{AfterCrash, Figures, Opened, Tail};
use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

/// Millions of small objects: memory of the index, time of a restart.
#[derive(Debug, Parser)]
#[command(name = "chainring-objects", version, max_term_width = 100)]
struct Cli {
    /// How many objects
    #[arg(long, default_value_t = 10_000_000)]
    n: u64,
    /// Bytes of each
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// Folder of the store; it must not exist, and goes at the end
    #[arg(long, value_name = "DIR", default_value = "target/bench-objects")]
    dir: PathBuf,
    /// Writes in flight: so many share a flush
    #[arg(long, default_value_t = 8192)]
    in_flight: usize,
    /// Write keys in their order; otherwise they come in random order
    #[arg(long)]
    sequential: bool,
    /// Shards of the store
    #[arg(long, default_value_t = 1)]
    shards: u16,
    /// The CPU to use
    #[arg(long, default_value_t = 0)]
    cpu: usize,
    /// The CPU of the client that asks for listings
    #[arg(long, default_value_t = 1)]
    client_cpu: usize,
    /// Also measure how long this daemon takes to be ready with the same store, and what its
    /// listings cost
    #[arg(long, value_name = "PROGRAM")]
    daemon: Option<PathBuf>,
    /// Objects written over between the last checkpoint and the crash
    #[arg(long, default_value_t = 200_000)]
    tail: u64,
    /// Seconds that each listing is measured, in each of three rounds
    #[arg(long, default_value_t = 2.0)]
    list_seconds: f64,
    /// Leave out what has to read the whole log
    #[arg(long)]
    quick: bool,
    /// Keep the folder
    #[arg(long)]
    keep: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    phase: Option<Phase>,
}

/// What a process of its own does.
#[derive(Clone, Copy, Debug, Subcommand)]
#[command(hide = true)]
enum Phase {
    /// Makes the store if there is none, and writes the objects.
    Fill,
    /// Opens it, closes it.
    Open,
    /// Opens it, writes some objects again, and ends as a crash does: without a checkpoint.
    Crash,
    /// Only asks the daemon for listings, in a store that was kept.
    List,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.phase {
        Some(Phase::Fill) => phases::fill(&cli).and_then(|filled| print(&filled)),
        Some(Phase::Open) => phases::open(&cli).and_then(|opened| print(&opened)),
        Some(Phase::List) => list(&cli),
        Some(Phase::Crash) => phases::crash(&cli).and_then(|tail| print(&tail)),
        None => whole(&cli),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chainring-objects: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(figures: &impl serde::Serialize) -> Result<(), Box<dyn Error>> {
    println!("{}", serde_json::to_string(figures)?);
    Ok(())
}

fn list(cli: &Cli) -> Result<(), Box<dyn Error>> {
    let program = cli.daemon.as_ref().ok_or("which daemon?")?;
    print(&listing::measure(program, cli)?)
}

fn whole(cli: &Cli) -> Result<(), Box<dyn Error>> {
    if cli.dir.exists() {
        return Err(format!("{} exists; remove it first", cli.dir.display()).into());
    }
    std::fs::create_dir_all(&cli.dir)?;
    let _folder = Folder(cli);
    if let Some(program) = &cli.daemon {
        daemon::make_store(program, cli)?;
    }
    let say = |what: &str| eprintln!("{what}");
    say("writing the objects");
    let filled = phase("fill")?;
    let checkpoint_bytes = store::checkpoint_bytes(cli)?;
    say("opening with the checkpoint");
    let with_checkpoint: Opened = phase("open")?;
    let start = |program: &PathBuf| daemon::start(program, cli);
    let daemon_with_checkpoint = cli.daemon.as_ref().map(start).transpose()?;
    let mut listings = Vec::new();
    let mut after_crash = None;
    if let Some(program) = &cli.daemon {
        say("listing");
        listings = listing::measure(program, cli)?;
        say("crashing");
        let tail: Tail = phase("crash")?;
        let started = daemon::start(program, cli)?;
        after_crash = Some(AfterCrash { tail, started });
    }
    let mut without_checkpoint = None;
    let mut daemon_without_checkpoint = None;
    if !cli.quick {
        say("opening without it");
        store::remove_checkpoints(cli)?;
        without_checkpoint = Some(phase("open")?);
        // The daemon has written a new one when it ended; a phase does not.
        store::remove_checkpoints(cli)?;
        daemon_without_checkpoint = cli.daemon.as_ref().map(start).transpose()?;
    }
    let figures = Figures {
        filled,
        checkpoint_bytes,
        with_checkpoint,
        without_checkpoint,
        daemon_with_checkpoint,
        daemon_without_checkpoint,
        after_crash,
        listings,
    };
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", figures.table());
    }
    figures.check().map_err(Into::into)
}

/// The folder goes when the program ends, in whatever way.
struct Folder<'a>(&'a Cli);

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        if !self.0.keep {
            let _ = std::fs::remove_dir_all(&self.0.dir);
        }
    }
}

/// Runs a phase in a process with the same options.
fn phase<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg(name)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the phase {name} failed").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
