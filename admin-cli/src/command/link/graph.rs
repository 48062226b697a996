//! `chainring link graph`

use super::every_link;
use crate::address;
use crate::command::Daemon;
use crate::error::Error;
use crate::graph::{Links, dot, svg};
use crate::output::{Output, complain, printable};
use chainring_protocol::ResultCode;
use chainring_protocol::client::ClientError;
use chainring_protocol::message::{
    BucketInfoGet, BucketList, BucketName, LinkList, Paging, VolumeList,
};
use clap::ValueEnum;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) const EXAMPLES: &str = "\
Examples:
  chainring link graph --output links.svg          a picture for any browser
  chainring link graph /s3v --format dot | dot -Tpdf > links.pdf";

/// Requests that are sent before the first of their answers is waited for.
const QUESTIONS_AT_ONCE: usize = 16;

/// What to draw, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the links of this volume, and those that lead into or through it [default: all]
    #[arg(value_parser = address::volume)]
    volume: Option<String>,
    /// The form [default: that of the file's name, or svg]
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,
    /// The file to write, or - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Draw buckets that no link leads to, too
    #[arg(long, short)]
    all: bool,
}

/// The form of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A picture for any browser
    Svg,
    /// The language of Graphviz
    Dot,
}

impl Args {
    fn format(&self) -> Format {
        let by_name = || match self.output.extension()?.to_str()? {
            "dot" | "gv" => Some(Format::Dot),
            _ => Some(Format::Svg),
        };
        self.format.or_else(by_name).unwrap_or(Format::Svg)
    }
}

/// Draws.
pub fn run(args: &Args, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    let to_stdout = args.output == Path::new("-");
    if to_stdout && args.format() == Format::Svg && output.is_terminal() {
        return Err(Error::Usage(
            "a picture is not for a terminal; name a file with --output, or use --format dot"
                .to_owned(),
        ));
    }
    if let Some(volume) = &args.volume {
        // All links are looked at, as any may lead through the volume; so this is who says that there
        // is no such volume.
        daemon.call(&LinkList {
            volume: Some(volume.clone()),
            source: None,
            status: None,
            page: Paging {
                limit: 1,
                ..Paging::first()
            },
            stats: false,
        })?;
    }
    let mut all = Vec::new();
    every_link(None, daemon, |mut links, _| {
        all.append(&mut links);
        Ok(())
    })?;
    let mut links = Links::new(all, args.volume.as_deref());
    if args.all {
        add_buckets(&mut links, args.volume.as_deref(), daemon)?;
    }
    let missing = ask_about(&mut links, daemon)?;
    let graph = links.graph(&missing);
    let title = match &args.volume {
        Some(volume) => format!("Links of /{volume}"),
        None => "Links".to_owned(),
    };
    let text = match args.format() {
        Format::Svg => svg(&graph, &title),
        Format::Dot => dot(&graph),
    };
    if to_stdout {
        return Ok(output.bytes().write_all(text.as_bytes())?);
    }
    std::fs::write(&args.output, text).map_err(|error| Error::File {
        path: args.output.clone(),
        error,
    })?;
    if graph.is_empty() {
        complain!("warning: there are no links to draw");
    }
    let name = args.output.display().to_string();
    output.say(&format!(
        "{}: written to {}",
        graph.summary(),
        printable(&name)
    ))
}

/// Adds the buckets of a volume, or all.
fn add_buckets(links: &mut Links, volume: Option<&str>, daemon: Daemon<'_>) -> Result<(), Error> {
    let volumes = match volume {
        Some(volume) => vec![volume.to_owned()],
        None => pages(
            |page| Ok(daemon.call(&VolumeList { page })?),
            |volume| &volume.name,
        )?
        .into_iter()
        .map(|volume| volume.name)
        .collect(),
    };
    for volume in volumes {
        let ask = |page| {
            let volume = volume.clone();
            Ok(daemon.call(&BucketList { volume, page })?)
        };
        let buckets = pages(ask, |info| &info.bucket.bucket)?;
        for info in buckets.iter().filter(|info| info.link.is_none()) {
            links.add_bucket(&info.bucket);
        }
    }
    Ok(())
}

/// All entries of a listing.
fn pages<T>(
    mut ask: impl FnMut(Paging) -> Result<chainring_protocol::message::Page<T>, Error>,
    name: impl Fn(&T) -> &String,
) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    let mut paging = Paging::first();
    loop {
        let mut page = ask(paging.clone())?;
        all.append(&mut page.entries);
        match all.last() {
            Some(last) if page.more => paging.after = name(last).clone(),
            _ => return Ok(all),
        }
    }
}

/// Asks what the sources are of which the links do not say it; returns those that are missing.
fn ask_about(links: &mut Links, daemon: Daemon<'_>) -> Result<Vec<BucketName>, Error> {
    let mut missing = Vec::new();
    for names in links.unsure().chunks(QUESTIONS_AT_ONCE) {
        let mut pending = Vec::with_capacity(names.len());
        for name in names {
            let question = BucketInfoGet {
                bucket: name.clone(),
            };
            pending.push((name, daemon.submit(&question)?));
        }
        for (name, pending) in pending {
            match daemon.wait(pending) {
                Ok(info) if info.link.is_none() => links.add_bucket(name),
                Ok(_) => {}
                Err(ClientError::Refused(failure)) => match failure.code {
                    ResultCode::BucketNotFound | ResultCode::VolumeNotFound => {
                        missing.push(name.clone());
                    }
                    // Not to be seen.
                    _ => {}
                },
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(missing)
}
