//! `chainring scrub ...`

use super::Daemon;
use crate::error::Error;
use crate::output::Output;
use crate::view::ScrubView;
use chainring_protocol::message::{Scrub, ScrubAction, ScrubGet};
use clap::Subcommand;

/// What to do with the scrubber.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how far it is, and what it found
    ///
    /// Exit status 1 if anything is damaged, so that it can stand in a monitoring job.
    Status,
    /// Begin a pass now, on every shard that is not in one
    Start,
    /// Stop where it is, until it is told to go on or the daemon starts again
    Pause,
    /// Go on after a pause
    Resume,
}

/// Does it.
pub fn run(command: &Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    let action = match command {
        Command::Status => None,
        Command::Start => Some(ScrubAction::Start),
        Command::Pause => Some(ScrubAction::Pause),
        Command::Resume => Some(ScrubAction::Resume),
    };
    let info = match action {
        Some(action) => daemon.call(&Scrub { action })?,
        None => daemon.call(&ScrubGet {})?,
    };
    let damaged: u64 = info.shards.iter().map(|shard| shard.damaged).sum();
    output.show(&ScrubView::from(info))?;
    match (command, damaged) {
        (Command::Status, 1) => Err(Error::Found("1 place is damaged".to_owned())),
        (Command::Status, 2..) => Err(Error::Found(format!("{damaged} places are damaged"))),
        _ => Ok(()),
    }
}
