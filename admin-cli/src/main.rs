//! `chainring`: administers a Chainring store from the command line, with the commands of
//! `ozone sh`. It asks the daemon over its admin socket and stores nothing itself.

#![forbid(unsafe_code)]

mod address;
mod args;
mod command;
mod connect;
mod error;
mod graph;
mod output;
mod progress;
mod quantity;
#[cfg(test)]
mod reference_tests;
mod time;
mod view;

use args::Args;
use clap::Parser;
use error::Error;
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let mut output = Output::new(args.global.format);
    let outcome = command::run(args, &mut output).and_then(|()| output.flush());
    match outcome {
        // Whoever reads our output has seen enough.
        Ok(()) | Err(Error::BrokenPipe) => ExitCode::SUCCESS,
        Err(error) => {
            error.report("");
            ExitCode::from(error.exit_status())
        }
    }
}
