//! `chainring-objects`: millions of small objects in the real store, what each costs in memory, and
//! how long a restart takes with them.
//!
//! Every phase runs in a process of its own, so that its memory is its own and opening is what a
//! restart does: the store is filled through [`chainringd::store::Store`] on the real disk and log,
//! opened from the checkpoint of its index, and opened again with the checkpoint deleted.

mod daemon;
mod figures;
mod phases;

use clap::{Parser, Subcommand};
use figures::{Figures, Opened, Started};
use std::error::Error;
use std::path::{Path, PathBuf};
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
    /// The CPU to use
    #[arg(long, default_value_t = 0)]
    cpu: usize,
    /// Also measure how long this daemon takes to be ready with the same store
    #[arg(long, value_name = "PROGRAM")]
    daemon: Option<PathBuf>,
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
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.phase {
        Some(Phase::Fill) => phases::fill(&cli).and_then(|filled| print(&filled)),
        Some(Phase::Open) => phases::open(&cli).and_then(|opened| print(&opened)),
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

fn whole(cli: &Cli) -> Result<(), Box<dyn Error>> {
    if cli.dir.exists() {
        return Err(format!("{} exists; remove it first", cli.dir.display()).into());
    }
    std::fs::create_dir_all(&cli.dir)?;
    let _folder = Folder(cli);
    if let Some(program) = &cli.daemon {
        daemon::start(program, &cli.dir, cli.cpu)?;
    }
    let say = |what: &str| eprintln!("{what}");
    say("writing the objects");
    let filled = phase("fill")?;
    let checkpoint_bytes = std::fs::metadata(checkpoint(&cli.dir))?.len();
    say("opening with the checkpoint");
    let with_checkpoint: Opened = phase("open")?;
    let start = |program: &PathBuf| daemon::start(program, &cli.dir, cli.cpu);
    let daemon_with_checkpoint: Option<Started> = cli.daemon.as_ref().map(start).transpose()?;
    say("opening without it");
    std::fs::remove_file(checkpoint(&cli.dir))?;
    let without_checkpoint: Opened = phase("open")?;
    let daemon_without_checkpoint = match &cli.daemon {
        Some(program) => {
            // The daemon has written a new one when it ended; a phase does not.
            let _ = std::fs::remove_file(checkpoint(&cli.dir));
            Some(start(program)?)
        }
        None => None,
    };
    let figures = Figures {
        filled,
        checkpoint_bytes,
        with_checkpoint,
        without_checkpoint,
        daemon_with_checkpoint,
        daemon_without_checkpoint,
    };
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", figures.table());
    }
    figures.check(cli.n).map_err(Into::into)
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

fn checkpoint(dir: &Path) -> PathBuf {
    dir.join("shard-000").join("index.checkpoint")
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
