//! The whole comparison: a daemon and the bare responders side by side on the same CPU, one asked
//! after the other in rounds, so that what the rest of the machine does hits both alike.

mod full;
mod links;
mod rows;
pub mod servers;
mod table;

use crate::device::Device;
use crate::report::Outcome;
use crate::request::{Op, Plan, Prepared};
use crate::run::{Order, Settings, run};
use crate::sign::Credentials;
use clap::Args;
pub use full::{FullArgs, full};
pub use links::links;
use rows::{Row, Target};
use servers::Servers;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

/// Options of the suite.
#[derive(Debug, Args)]
pub struct SuiteArgs {
    /// Folder with `chainringd`, `chainring`, `examples/bare_http` and `examples/bare_log`
    #[arg(long, value_name = "DIR", default_value = "target/release")]
    pub programs: PathBuf,
    /// Folder for the store of the daemon, on the device to measure; what it holds goes at the end
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    pub dir: PathBuf,
    /// CPUs of the servers; the daemon gets `--cores` as many
    #[arg(long, value_delimiter = ',', default_value = "0")]
    pub server_cpus: Vec<usize>,
    /// CPUs of the client
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub client_cpus: Vec<usize>,
    /// Rounds; medians are shown
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Seconds of one measurement; writes of 1 MiB take half of it
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Keys of each size in each bucket for 4 KiB; 1 MiB has a fiftieth of it
    #[arg(long, default_value_t = 10_000)]
    pub keys: usize,
    /// Only rows whose name contains this
    #[arg(long, default_value = "")]
    pub only: String,
    /// More flags for the daemon, for example `--durability=relaxed`
    #[arg(long = "daemon-flag", value_name = "FLAG", allow_hyphen_values = true)]
    pub daemon_flags: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Makes the measurements. Returns whether every answer was right.
pub fn suite(args: &SuiteArgs) -> Result<bool, Box<dyn Error>> {
    let servers = Servers::start(args)?;
    let mut device = Device::prepare(&args.dir.join("device-floor"))?;
    let rows: Vec<Row> = rows::all(args.keys, servers.has_link)
        .into_iter()
        .filter(|row| row.name().contains(&args.only))
        .collect();
    preload(args, &servers, &rows)?;
    let mut measured: Vec<Vec<Outcome>> = vec![Vec::new(); rows.len()];
    let mut floors: Vec<Vec<Outcome>> = vec![Vec::new(); rows.len()];
    let mut device_floors = Vec::new();
    for round in 0..args.rounds {
        eprintln!("round {} of {}", round + 1, args.rounds);
        device_floors.push(device.measure(Duration::from_secs_f64(args.seconds / 4.0))?);
        let slots = rows.iter().zip(measured.iter_mut().zip(&mut floors));
        for (row, (outcomes, floors)) in slots {
            let outcome = measure(args, &servers, row)?;
            // The links' rows share the floor of the direct ones.
            if row.target == Target::Direct {
                floors.push(floor(args, &servers, row, &outcome)?);
            }
            outcomes.push(outcome);
        }
    }
    let report = table::Report::new(args, &rows, &measured, &floors, &device_floors)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.table());
    }
    Ok(report.is_clean())
}

fn preload(args: &SuiteArgs, servers: &Servers, rows: &[Row]) -> Result<(), Box<dyn Error>> {
    let mut filled = std::collections::BTreeSet::new();
    for row in rows {
        let bucket = row.bucket();
        if !filled.insert(bucket.clone()) {
            continue;
        }
        eprintln!("filling {bucket}");
        let plan = row.plan(Op::Put, servers.s3.to_string());
        let settings = Settings {
            order: Order::Once,
            ..settings(args, servers, row)
        };
        let outcome = run(&settings, &Prepared::objects(&plan, &servers.credentials))?;
        if let Some(failure) = outcome.failure {
            return Err(format!("cannot fill {bucket}: {failure}").into());
        }
    }
    Ok(())
}

fn settings(args: &SuiteArgs, servers: &Servers, row: &Row) -> Settings {
    let share = if row.is_heavy_write() { 0.5 } else { 1.0 };
    Settings {
        server: servers.s3,
        pid: Some(servers.daemon.id()),
        client_cpus: args.client_cpus.clone(),
        connections: row.connections,
        load: crate::pace::Load::Closed,
        warm_up: Duration::from_secs_f64(args.seconds * share / 4.0),
        duration: Duration::from_secs_f64(args.seconds * share),
        order: Order::Random,
    }
}

fn measure(args: &SuiteArgs, servers: &Servers, row: &Row) -> Result<Outcome, Box<dyn Error>> {
    let plan: Plan = row.plan(row.op, servers.s3.to_string());
    let prepared = Prepared::objects(&plan, &servers.credentials);
    Ok(run(&settings(args, servers, row), &prepared)?)
}

/// The same request, with an answer of the same length, from a responder that does nothing else; a
/// PUT goes to the one that writes it to a log first.
fn floor(
    args: &SuiteArgs,
    servers: &Servers,
    row: &Row,
    outcome: &Outcome,
) -> Result<Outcome, Box<dyn Error>> {
    let size = match row.op {
        // The responder has no listings: as many bytes as the pages had.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Op::List => outcome.answer_bytes as usize,
        _ => row.size,
    };
    let op = if row.op == Op::List { Op::Get } else { row.op };
    let bare = match op {
        Op::Put => &servers.bare_log,
        _ => &servers.bare,
    };
    let host = bare.address.to_string();
    let prepared = Prepared::canned(op, &host, size, &servers.credentials);
    let settings = Settings {
        server: bare.address,
        pid: Some(bare.server.id()),
        ..settings(args, servers, row)
    };
    Ok(run(&settings, &prepared)?)
}

fn credentials() -> Credentials {
    Credentials {
        access_key: "BENCHBENCHBENCHBENCH".to_owned(),
        secret: "bench-secret-bench-secret-bench-secret-0".to_owned(),
        region: "us-east-1".to_owned(),
    }
}
