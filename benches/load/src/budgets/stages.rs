//! Measurements that need more than a request after the other.

use super::{ALL_CPUS, GET, GET_COLD, US};
use crate::compare::CompareArgs;
use crate::compare::ground::{Running, remove};
use crate::compare::judge::median;
use crate::compare::measure::Subject;
use crate::compare::peers::named;
use crate::compare::population::Population;
use crate::device::Device;
use crate::request::Op;
use std::error::Error;
use std::time::Duration;

/// Reports a failure of a stage, which leaves its rows empty.
pub fn or_say<T>(what: &str, found: Result<T, Box<dyn Error>>) -> Option<T> {
    found.map_err(|error| eprintln!("{what}: {error}")).ok()
}

fn start(args: &CompareArgs, id: &str) -> Result<Running, Box<dyn Error>> {
    remove(&args.dir.join(id))?;
    Running::start(named(id)?, args)
}

/// CPU time of the busiest core's thread over that of the idlest, with 32 clients.
pub fn spread(args: &CompareArgs) -> Result<f64, Box<dyn Error>> {
    let mut subject = Subject::new(start(args, ALL_CPUS)?);
    let mut ratios = Vec::new();
    for round in 0..args.rounds().max(3) {
        // The first one fills the store.
        if round == 0 {
            subject.measure(args, &GET, round)?;
        }
        let before = subject.running.process().threads();
        subject.measure(args, &GET, round)?;
        let after = subject.running.process().threads();
        let cores = after
            .into_iter()
            .filter(|(_, (name, _))| name.starts_with("core-"));
        let spent: Vec<f64> = cores
            .map(|(number, (_, spent))| {
                let before = before
                    .get(&number)
                    .map_or(Duration::ZERO, |(_, spent)| *spent);
                spent.saturating_sub(before).as_secs_f64()
            })
            .collect();
        if spent.len() < 2 {
            return Err("there is one core only".into());
        }
        let most = spent.iter().copied().fold(0.0, f64::max);
        let least = spent.iter().copied().fold(f64::MAX, f64::min);
        ratios.push(most / least.max(1e-9));
    }
    subject.running.clear()?;
    Ok(median(ratios.into_iter()))
}

/// Cold reads beside the device alone.
pub struct Cold {
    /// GETs per second.
    pub gets: f64,
    /// Reads of 4 KiB per second of the device, 32 at once.
    pub device: f64,
    /// Median of the rounds' ratios.
    pub ratio: f64,
}

/// The device and the server in turn.
pub fn cold(args: &CompareArgs) -> Result<Cold, Box<dyn Error>> {
    let args = CompareArgs {
        keys: args.keys.max(20_000),
        ..args.clone()
    };
    let file = args.dir.join("device-floor");
    let device = Device::prepare(&file)?;
    let mut subject = Subject::new(start(&args, US)?);
    let (mut gets, mut reads, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..args.rounds() {
        let read = device.read_rate(32, Duration::from_secs_f64(args.seconds() / 2.0))?;
        let got = subject.measure(&args, &GET_COLD, round)?;
        gets.push(got.requests_per_second);
        reads.push(read);
        ratios.push(got.requests_per_second / read);
    }
    subject.running.clear()?;
    std::fs::remove_file(file)?;
    Ok(Cold {
        gets: median(gets.into_iter()),
        device: median(reads.into_iter()),
        ratio: median(ratios.into_iter()),
    })
}

/// A store with many objects.
pub struct Many {
    /// How many.
    pub objects: usize,
    /// Resident memory per object, less what the empty daemon had.
    pub bytes_each: f64,
    /// Length of a key.
    pub key: usize,
    /// CPU time of a page of 1,000 in it, in microseconds.
    pub page_us: f64,
    /// Over that of the same page in a bucket of 10,000, median of the rounds' ratios.
    pub over_small: f64,
    /// CPU time of a page of all folders.
    pub folders_us: f64,
    /// How many folders of a million there are.
    pub folders: usize,
    /// From the start of the process to the first right answer, in seconds.
    pub restart: f64,
}

/// Objects of the small bucket.
const SMALL: usize = 10_000;

/// Fills the store, lists, and starts it again.
#[expect(clippy::cast_precision_loss, reason = "bytes and objects")]
pub fn many(args: &CompareArgs) -> Result<Many, Box<dyn Error>> {
    let mut running = start(args, US)?;
    let small = Population::make(&running, args, "small", SMALL)?;
    let empty = running.process().resident()?;
    let large = Population::make(&running, args, "population", args.prefill)?;
    let full = running.process().resident()?;
    let (mut pages, mut ratios, mut folders) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds() {
        let cpu = |population: &Population, op| {
            let outcome = population.ask(&running, args, op, 8)?;
            outcome.server_cpu_us.ok_or_else(|| "no CPU time".into())
        };
        let ask = |population, op| -> Result<f64, Box<dyn Error>> { cpu(population, op) };
        let (of_small, of_large) = (ask(&small, Op::List)?, ask(&large, Op::List)?);
        pages.push(of_large);
        ratios.push(of_large / of_small);
        folders.push(ask(&large, Op::Folders)?);
    }
    running.stop()?;
    let restart = running.go()?.as_secs_f64();
    running.clear()?;
    Ok(Many {
        objects: args.prefill,
        bytes_each: full.saturating_sub(empty) as f64 / args.prefill as f64,
        key: crate::request::Naming::Folders { stride: 1, from: 0 }
            .key(0)
            .len(),
        page_us: median(pages.into_iter()),
        over_small: median(ratios.into_iter()),
        folders_us: median(folders.into_iter()),
        folders: args.prefill.div_ceil(crate::request::FOLDER),
        restart,
    })
}
