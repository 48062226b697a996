//! `chainring completions`

use crate::error::Error;
use crate::output::Output;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chainring completions bash > ~/.local/share/bash-completion/completions/chainring"
)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Error> {
    let mut command = crate::args::Args::command();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "chainring", &mut script);
    output.bytes().write_all(&script)?;
    Ok(())
}
