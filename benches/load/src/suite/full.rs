//! A disk that is nearly full and overwritten all the time: what compaction costs its clients.
//!
//! The folder should be on a small disk of its own. For each share of it the store is filled until so
//! much is alive, overwritten at random until garbage lies evenly among what is alive, and only then
//! measured.

use super::servers::{Server, free_address, start_daemon};
use super::{SuiteArgs, credentials};
use crate::pace::Load;
use crate::process::Process;
use crate::report::{Latency, Outcome, as_f64};
use crate::request::{Naming, Op, Plan, Prepared};
use crate::run::{Order, Settings, run};
use crate::simple::create_bucket;
use clap::Args;
use serde::Serialize;
use std::cell::Cell;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

/// Options of the measurement on a full disk.
#[derive(Debug, Args)]
pub struct FullArgs {
    /// Programs, folder, CPUs, and the length of a measurement
    #[command(flatten)]
    pub suite: SuiteArgs,
    /// Shares of the disk to be alive, in per cent, rising
    #[arg(long, value_delimiter = ',', default_value = "50,66,80,90")]
    pub alive: Vec<u8>,
    /// Bytes of an object
    #[arg(long, default_value_t = 32 * 1024)]
    pub size: usize,
    /// Connections
    #[arg(long, short, default_value_t = 32)]
    pub connections: usize,
}

/// One share.
#[derive(Debug, Serialize)]
struct Line {
    alive_percent: u8,
    keys: usize,
    puts_per_second: f64,
    server_cpu_us: Option<f64>,
    latency_us: Latency,
    /// Bytes that the daemon had written per byte of a body.
    written_per_byte: f64,
}

/// What of the disk a key of this size takes: a name, a head, and blocks of 4 KiB for a large body.
const fn room_of(size: usize) -> u64 {
    let body = if size > 32 * 1024 {
        size.next_multiple_of(4096) + 4096
    } else {
        size
    };
    body as u64 + 256
}

const BUCKET: &str = "full";
/// Multiples of it are spread over any number of keys.
const FAR_APART: usize = 0x9e37_79b1;

struct Full<'a> {
    args: &'a FullArgs,
    runs: Cell<usize>,
    s3: SocketAddr,
    daemon: Server,
}

/// Measures and prints. Returns whether every answer was right.
pub fn full(args: &FullArgs) -> Result<bool, Box<dyn Error>> {
    let store = args.suite.dir.join("full");
    if store.exists() {
        return Err(format!("{} exists; remove it first", store.display()).into());
    }
    std::fs::create_dir_all(&store)?;
    let disk = rustix::fs::statvfs(&args.suite.dir)?;
    let disk = disk.f_blocks * disk.f_frsize;
    let s3 = free_address()?;
    let full = Full {
        args,
        runs: Cell::new(0),
        s3,
        daemon: start_daemon(&args.suite, &store, s3, &credentials())?,
    };
    create_bucket(s3, &credentials(), BUCKET)?;
    let mut lines = Vec::new();
    for alive in &args.alive {
        let keys = disk * u64::from(*alive) / 100 / room_of(args.size);
        lines.push(full.measure(*alive, usize::try_from(keys)?, disk)?);
        if let (false, Some(line)) = (args.suite.json, lines.last()) {
            line.print();
        }
    }
    if args.suite.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
    }
    drop(full);
    std::fs::remove_dir_all(&store)?;
    Ok(true)
}

impl Full<'_> {
    fn measure(&self, alive: u8, keys: usize, disk: u64) -> Result<Line, Box<dyn Error>> {
        let prepared = self.prepared(keys);
        eprintln!("{alive} %: filling with {keys} objects");
        self.put(&prepared, Order::Once, 1.0)?;
        // Until as much was written again as there is: filling leaves garbage in whole segments.
        let mut again = 0.0;
        while again < as_f64(disk) {
            let percent = again * 100.0 / as_f64(disk);
            eprintln!("{alive} %: {percent:.0} % of it overwritten");
            let prepared = self.prepared(keys);
            let outcome = self.put(&prepared, Order::Random, self.args.suite.seconds)?;
            again += as_f64(outcome.answered) * as_f64(room_of(self.args.size));
        }
        let mut of_rounds = Vec::new();
        for round in 0..self.args.suite.rounds {
            eprintln!(
                "{alive} %: round {} of {}",
                round + 1,
                self.args.suite.rounds
            );
            let prepared = self.prepared(keys);
            let before = Process(self.daemon.id()).written()?;
            let outcome = self.put(&prepared, Order::Random, self.args.suite.seconds)?;
            let written = Process(self.daemon.id()).written()? - before;
            let bodies = as_f64(outcome.answered) * as_f64(self.args.size as u64);
            of_rounds.push((outcome, as_f64(written) / bodies));
        }
        // The round in the middle, by its rate.
        of_rounds.sort_by(|a, b| a.0.requests_per_second.total_cmp(&b.0.requests_per_second));
        let (outcome, written_per_byte) = of_rounds
            .into_iter()
            .nth(self.args.suite.rounds / 2)
            .ok_or("there must be at least one round")?;
        Ok(Line {
            alive_percent: alive,
            keys,
            puts_per_second: outcome.requests_per_second,
            server_cpu_us: outcome.server_cpu_us,
            latency_us: outcome.latency_us,
            written_per_byte,
        })
    }

    /// Signed anew each time: signatures hold for a quarter of an hour. Every run draws the same
    /// numbers, so each has the keys begin elsewhere, or the same would be overwritten again and again.
    fn prepared(&self, keys: usize) -> Prepared {
        let plan = Plan {
            op: Op::Put,
            host: self.s3.to_string(),
            bucket: BUCKET.to_owned(),
            keys,
            naming: Naming::bench(),
            size: self.args.size,
            page: 1,
            sign_payload: false,
        };
        let mut prepared = Prepared::objects(&plan, &credentials());
        self.runs.set(self.runs.get() + 1);
        let from = self.runs.get().wrapping_mul(FAR_APART) % keys.max(1);
        prepared.heads.rotate_left(from);
        prepared
    }

    fn put(
        &self,
        prepared: &Prepared,
        order: Order,
        seconds: f64,
    ) -> Result<Outcome, Box<dyn Error>> {
        let settings = Settings {
            server: self.s3,
            pid: Some(self.daemon.id()),
            client_cpus: self.args.suite.client_cpus.clone(),
            connections: self.args.connections,
            load: Load::Closed,
            warm_up: Duration::ZERO,
            duration: Duration::from_secs_f64(seconds),
            order,
        };
        let outcome = run(&settings, prepared)?;
        match outcome.failure {
            Some(failure) => Err(failure.into()),
            None => Ok(outcome),
        }
    }
}

impl Line {
    fn print(&self) {
        let latency = &self.latency_us;
        println!(
            "{} % alive: {:.0} PUT/s, {:.0} us of CPU; p50 {:.1} ms, p99 {:.1}, p99.9 {:.1}, longest {:.0}; \
             {:.2} bytes written per byte",
            self.alive_percent,
            self.puts_per_second,
            self.server_cpu_us.unwrap_or(f64::NAN),
            latency.p50 / 1000.0,
            latency.p99 / 1000.0,
            latency.p999 / 1000.0,
            latency.max / 1000.0,
            self.written_per_byte,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_take_whole_blocks() {
        assert_eq!(room_of(100), 356);
        assert_eq!(room_of(64 * 1024), 68 * 1024 + 256);
    }
}
