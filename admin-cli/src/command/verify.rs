//! `chainring verify`: has the daemon's program check a store.
//!
//! The engine that reads a store is the daemon's. Linked into this program it would make it several
//! times as large, and could be of another version than the daemon that wrote the store. So this
//! finds `chainringd` and runs `chainringd verify`.

use crate::error::Error;
use crate::output::Output;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Name of the daemon's program.
const PROGRAM: &str = "chainringd";

/// What to check.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 the store is sound; 1 differences were found; 2 something could not be checked.

The check is done by the program `chainringd`, which is looked for beside this one and then in PATH.")]
pub struct Args {
    /// The folder of the store; no daemon may serve it meanwhile
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Also compute the MD5 of every body and compare it with the ETag
    #[arg(long)]
    deep: bool,
}

/// Runs the check and ends as it did.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Error> {
    output.flush()?;
    let program = program();
    let mut command = Command::new(&program);
    command.arg("verify");
    if args.deep {
        command.arg("--deep");
    }
    if output.prints_json() {
        command.arg("--json");
    }
    command.arg("--").arg(&args.folder);
    io::stdout().flush()?;
    let status = command.status().map_err(|error| Error::File {
        path: program,
        error,
    })?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Error::Status(u8::try_from(code).unwrap_or(2))),
        None => Err(Error::Found(format!("{PROGRAM} ended by itself: {status}"))),
    }
}

/// The daemon's program: beside this one, else wherever PATH leads.
fn program() -> PathBuf {
    let own = std::env::current_exe().ok();
    let beside = own
        .as_deref()
        .and_then(Path::parent)
        .map(|dir| dir.join(PROGRAM));
    beside
        .filter(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(PROGRAM))
}
