//! What is to be compared.

use super::kind::{Kind, Way, Work, parse_size, size_name};
use super::record::Record;
use super::{ground, peers};
use crate::report::as_f64;
use clap::Args;
use std::path::PathBuf;

/// Options of the comparison.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// Folder with the programs of this project: `chainringd`, `chainring` and the examples
    #[arg(long, value_name = "DIR", default_value = "target/release")]
    pub programs: PathBuf,
    /// Folder with the programs of others, as `chainring-load install` makes it
    #[arg(long, value_name = "DIR", default_value = "target/peers")]
    pub peers_dir: PathBuf,
    /// A program that is elsewhere, for example `minio=/usr/local/bin/minio`
    #[arg(long, value_name = "NAME=PATH")]
    pub program: Vec<String>,
    /// Folder for the stores, on the device to measure; what they hold goes at the end
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    pub dir: PathBuf,
    /// Folder for the report; samples that it has already are not taken again
    #[arg(long, value_name = "DIR", default_value = "target/compare")]
    pub report: PathBuf,
    /// Servers [default: all that are installed]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub peers: Vec<String>,
    /// What is done [default: all of it; warp's if it is installed and not --quick]
    #[arg(long, value_enum, value_name = "WORK", value_delimiter = ',')]
    pub ops: Vec<Work>,
    /// Bytes of an object [default: 1, 4k, 64k, 1m, 16m, 1g]
    #[arg(long, value_name = "SIZE", value_delimiter = ',', value_parser = parse_size)]
    pub sizes: Vec<u64>,
    /// Requests in flight [default: 1, 16, 64, 256]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub clients: Vec<usize>,
    /// A short look of about five minutes: 4 KiB and 1 MiB, 32 clients, one round, without warp
    #[arg(long)]
    pub quick: bool,
    /// Rounds; medians are shown [default: 3, quick 1]
    #[arg(long)]
    pub rounds: Option<usize>,
    /// Seconds of one measurement; longer ones where a request takes long [default: 2, quick 1]
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Objects that a store is filled with, if they fit in --fill
    #[arg(long, default_value_t = 5000)]
    pub keys: usize,
    /// Most bytes that a store is filled with
    #[arg(long, value_name = "SIZE", default_value = "256m", value_parser = parse_size)]
    pub fill: u64,
    /// Most bytes that one measurement stores, and that its requests have in flight
    #[arg(long, value_name = "SIZE", default_value = "1g", value_parser = parse_size)]
    pub room: u64,
    /// Measure Chainring once more with so many objects in its store, for example 10000000
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub prefill: usize,
    /// CPUs of the servers
    #[arg(long, value_delimiter = ',', default_value = "0")]
    pub server_cpus: Vec<usize>,
    /// CPUs of the client
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub client_cpus: Vec<usize>,
}

const SIZES: [u64; 6] = [1, 4 << 10, 64 << 10, 1 << 20, 16 << 20, 1 << 30];
const SIZES_QUICK: [u64; 2] = [4 << 10, 1 << 20];
const CLIENTS: [usize; 4] = [1, 16, 64, 256];
const CLIENTS_QUICK: [usize; 1] = [32];
/// Our own first, in the order in which they are done; what is cold before warp's, because it
/// restarts.
const WORKS: [Work; 14] = [
    Work::Put,
    Work::Get,
    Work::GetPaced,
    Work::Head,
    Work::List,
    Work::Delete,
    Work::GetCold,
    Work::WarpPut,
    Work::WarpGet,
    Work::WarpStat,
    Work::WarpList,
    Work::WarpDelete,
    Work::WarpMixed,
    Work::WarpMultipart,
];
/// What does not depend on the size is measured with objects of this one, or the first that is given.
const USUAL_SIZE: u64 = 4 << 10;
/// Objects of which more than a window's share takes this long per byte.
const BYTES_PER_SECOND: f64 = 64.0 * 1024.0 * 1024.0;

impl CompareArgs {
    /// The names of the servers.
    #[must_use]
    pub fn peers(&self) -> Vec<String> {
        if self.peers.is_empty() {
            peers::all().iter().map(|peer| peer.id()).collect()
        } else {
            self.peers.clone()
        }
    }

    /// Bytes of an object.
    #[must_use]
    pub fn sizes(&self) -> Vec<u64> {
        match (self.sizes.is_empty(), self.quick) {
            (false, _) => self.sizes.clone(),
            (true, true) => SIZES_QUICK.to_vec(),
            (true, false) => SIZES.to_vec(),
        }
    }

    /// How many rounds.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    /// Seconds of a measurement of small objects.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.seconds.unwrap_or(if self.quick { 1.0 } else { 2.0 })
    }

    /// What is measured with objects of one size; what is left out is noted.
    pub fn kinds(&self, size: u64, record: &mut Record) -> Vec<Kind> {
        let clients: &[usize] = match (self.clients.is_empty(), self.quick) {
            (false, _) => &self.clients,
            (true, true) => &CLIENTS_QUICK,
            (true, false) => &CLIENTS,
        };
        let usual = if self.sizes().contains(&USUAL_SIZE) {
            USUAL_SIZE
        } else {
            self.sizes().first().copied().unwrap_or(size)
        };
        let works: &[Work] = if self.ops.is_empty() {
            &WORKS
        } else {
            &self.ops
        };
        let mut kinds = Vec::new();
        for clients in clients.iter().copied() {
            for work in works.iter().copied() {
                let kind = Kind {
                    work,
                    size,
                    clients,
                    way: Way::Direct,
                    objects: 0,
                };
                let is_asked = !self.quick || !self.ops.is_empty();
                let has_tool =
                    work.warp().is_none() || is_asked && ground::find(self, "warp").is_ok();
                // A part of an object in parts has 5 MiB at least.
                let fits = work != Work::WarpMultipart || size >= 16 << 20;
                if !has_tool || !fits || (!work.depends_on_size() && size != usual) {
                    continue;
                }
                let flight = size.saturating_mul(u64::try_from(clients).unwrap_or(u64::MAX));
                if flight > self.room {
                    let why = format!("more than {} in flight (--room)", size_name(self.room));
                    record.skip("", kind.name(), why);
                    continue;
                }
                kinds.push(kind);
                let has_link = matches!(work, Work::Put | Work::Get | Work::Head);
                if has_link {
                    kinds.push(Kind {
                        way: Way::Link,
                        ..kind
                    });
                }
            }
        }
        kinds
    }

    /// What is measured in a store that has many objects: one size, and what our own generator does.
    #[must_use]
    pub fn kinds_of_full_store(&self) -> Vec<Kind> {
        let usual = Self {
            sizes: vec![USUAL_SIZE],
            ..self.clone()
        };
        let kinds = usual.kinds(USUAL_SIZE, &mut Record::default());
        let own = kinds.into_iter().filter(|kind| kind.work.warp().is_none());
        own.map(|kind| Kind {
            objects: self.prefill,
            ..kind
        })
        .collect()
    }

    /// How many objects of the kind's size a store is filled with.
    #[must_use]
    pub fn keys(&self, kind: &Kind) -> usize {
        let fits = usize::try_from(self.fill / kind.size.max(1)).unwrap_or(usize::MAX);
        self.keys.min(fits).max(2)
    }

    /// How many PUTs of new keys are prepared where so many are expected.
    #[must_use]
    pub fn fresh_keys(&self, kind: &Kind, expected: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive count, far below the limits; the cast saturates"
        )]
        let expected = expected as usize;
        let fits = usize::try_from(self.room / kind.size.max(1)).unwrap_or(usize::MAX);
        expected.clamp(1000, 2_000_000).min(fits).max(kind.clients)
    }

    /// Seconds of a measurement.
    #[must_use]
    pub fn window(&self, kind: &Kind) -> f64 {
        let clients = u64::try_from(kind.clients).unwrap_or(u64::MAX);
        let flight = as_f64(kind.size.saturating_mul(clients));
        // A busy device takes a while for each; some must be done in the window.
        let turns = if kind.work.stores() { 4.0 } else { 2.0 };
        self.seconds().max(turns * flight / BYTES_PER_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: CompareArgs,
    }

    fn args(words: &[&str]) -> CompareArgs {
        Cli::parse_from([&["test"], words].concat()).args
    }

    #[test]
    fn what_does_not_depend_on_the_size_is_measured_once() {
        let args = args(&["--quick"]);
        let mut record = Record::default();
        let has = |kinds: &[Kind], work| kinds.iter().any(|kind| kind.work == work);
        let (small, large) = (
            args.kinds(4096, &mut record),
            args.kinds(1 << 20, &mut record),
        );
        assert!(has(&small, Work::List) && has(&small, Work::GetCold));
        assert!(!has(&large, Work::List) && has(&large, Work::Put));
        assert!(record.skipped.is_empty());
    }

    #[test]
    fn what_needs_too_much_room_is_left_out_and_noted() {
        let args = args(&["--sizes", "1g", "--ops", "get", "--clients", "1,256"]);
        let mut record = Record::default();
        let kinds = args.kinds(1 << 30, &mut record);
        assert!(kinds.iter().all(|kind| kind.clients == 1));
        assert_eq!(record.skipped.len(), 1);
        assert_eq!(args.keys(&kinds[0]), 2);
        assert!(args.window(&kinds[0]) > 10.0);
    }

    #[test]
    fn fresh_keys_are_enough_and_fit() {
        let args = args(&[]);
        let mut kind = args.kinds(4096, &mut Record::default())[0];
        assert_eq!(args.fresh_keys(&kind, 50_000.0), 50_000);
        kind.size = 1 << 20;
        assert_eq!(args.fresh_keys(&kind, 50_000.0), 1024);
    }
}
