//! The commands: each file defines its arguments and what they do.

pub mod bucket;
pub mod completions;
pub mod key;
pub mod s3;
mod status;
pub mod user;
pub mod volume;

use crate::args::{Args, Command, Listing};
use crate::connect::{Connection, connect};
use crate::error::Error;
use crate::output::{Output, Shown};
use chainring_protocol::message::{Page, Paging};

/// Runs a command.
pub fn run(args: Args, output: &mut Output) -> Result<(), Error> {
    let connect = || connect(&args.global);
    match args.command {
        Command::Volume(command) => volume::run(command, &mut connect()?, output),
        Command::Bucket(command) => bucket::run(command, &mut connect()?, output),
        Command::Key(command) => key::run(command, &mut connect()?, output),
        Command::User(command) => user::run(command, &mut connect()?, output),
        Command::S3(command) => s3::run(command, connect, output),
        Command::Status => status::run(&mut connect()?, output),
        Command::Completions(args) => completions::run(&args, output),
    }
}

/// Prints a listing page by page. `ask` gets one page, `name` is what the next one comes after,
/// `view` is what is printed, `empty` what people read when there is nothing.
fn list<T, V: Shown>(
    listing: &Listing,
    output: &mut Output,
    mut ask: impl FnMut(Paging) -> Result<Page<T>, Error>,
    name: impl Fn(&T) -> &str,
    view: impl Fn(T) -> V,
    empty: &str,
) -> Result<(), Error> {
    let mut left = listing.length.unwrap_or(u64::MAX);
    let mut after = listing.start.clone();
    let mut list = output.list();
    while left > 0 {
        let mut page = ask(Paging {
            prefix: listing.prefix.clone(),
            after,
            limit: u16::try_from(left).unwrap_or(0),
        })?;
        page.entries
            .truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= page.entries.len() as u64;
        let Some(last) = page.entries.last() else {
            break;
        };
        after = name(last).to_owned();
        let views: Vec<V> = page.entries.into_iter().map(&view).collect();
        list.page(&views)?;
        if !page.more {
            break;
        }
    }
    list.finish(empty)
}

/// The caller's connection, for the commands that always need one.
type Daemon<'c> = &'c mut Connection;
