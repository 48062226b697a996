//! The commands: each file defines its arguments and what they do.

mod acl;
pub mod batch;
pub mod bucket;
pub mod completions;
pub mod key;
pub mod link;
pub mod prefix;
mod quota;
pub mod s3;
pub mod scrub;
mod secret;
mod shell;
mod status;
pub mod tenant;
mod tenant_user;
pub mod upload;
pub mod user;
pub mod verify;
pub mod volume;

use crate::args::{Args, Command, Listing};
use crate::connect::{Connection, Session};
use crate::error::Error;
use crate::output::{Output, Shown};
use chainring_protocol::message::{Page, Paging};

/// Does what the command line says.
pub fn run(args: Args, output: &mut Output) -> Result<(), Error> {
    let format = args.global.format;
    let mut session = Session::new(args.global);
    match args.command {
        Some(_) if !args.execute.is_empty() => Err(Error::Usage(
            "either --execute or a command, not both".to_owned(),
        )),
        Some(Command::Batch(batch)) => batch::run(&batch, format, &mut session, output),
        Some(Command::Shell) => shell::run(format, &mut session, output),
        Some(command) => perform(command, &mut session, output),
        None if args.execute.is_empty() => Err(Error::Usage("a command is missing".to_owned())),
        None => batch::execute(&args.execute, args.keep_going, format, &mut session, output),
    }
}

/// Runs one command.
fn perform(command: Command, session: &mut Session, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::Volume(command) => volume::run(command, session.daemon()?, output),
        Command::Bucket(command) => bucket::run(command, session.daemon()?, output),
        Command::Link(command) => link::run(command, session.daemon()?, output),
        Command::Key(command) => key::run(command, session.daemon()?, output),
        Command::Upload(command) => upload::run(command, session.daemon()?, output),
        Command::Prefix(verb) => acl::run(verb, session.daemon()?, output),
        Command::User(command) => user::run(command, session.daemon()?, output),
        Command::S3(command) => s3::run(command, session, output),
        Command::Tenant(command) => tenant::run(command, session, output),
        Command::Scrub(command) => scrub::run(&command, session.daemon()?, output),
        Command::Status => status::run(session.daemon()?, output),
        Command::Verify(args) => verify::run(&args, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Batch(_) | Command::Shell => {
            Err(Error::Usage("a batch does not run another one".to_owned()))
        }
    }
}

/// Prints a listing page by page. `ask` gets one page, `name` is what the next one comes after,
/// `view` is what is printed, `empty` what people read when there is nothing.
fn list<T, V: Shown>(
    listing: &Listing,
    output: &mut Output,
    ask: impl FnMut(Paging) -> Result<Page<T>, Error>,
    name: impl Fn(&T) -> &str,
    view: impl Fn(T) -> V,
    empty: &str,
) -> Result<(), Error> {
    let name = |entry: &T| name(entry).to_owned();
    list_where(listing, output, ask, name, |entry| Some(view(entry)), empty)
}

/// The same with the entries of which `view` makes something.
fn list_where<T, V: Shown>(
    listing: &Listing,
    output: &mut Output,
    mut ask: impl FnMut(Paging) -> Result<Page<T>, Error>,
    name: impl Fn(&T) -> String,
    view: impl Fn(T) -> Option<V>,
    empty: &str,
) -> Result<(), Error> {
    let mut left = listing.length.unwrap_or(u64::MAX);
    let mut after = listing.start.clone();
    let mut list = output.list();
    while left > 0 {
        let page = ask(Paging {
            prefix: listing.prefix.clone(),
            after,
            limit: u16::try_from(left).unwrap_or(0),
        })?;
        let Some(last) = page.entries.last() else {
            break;
        };
        after = name(last);
        let wanted = page.entries.into_iter().filter_map(&view);
        let views: Vec<V> = wanted
            .take(usize::try_from(left).unwrap_or(usize::MAX))
            .collect();
        left -= views.len() as u64;
        list.page(&views)?;
        if !page.more {
            break;
        }
    }
    list.finish(empty)
}

/// The caller's connection, for the commands that always need one.
type Daemon<'c> = &'c mut Connection;
