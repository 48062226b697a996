//! `chainring-load`: one run of requests against a server, or the whole suite.

use chainring_load::budgets::{self, BudgetArgs};
use chainring_load::compare::install::InstallArgs;
use chainring_load::compare::{self, CompareArgs};
use chainring_load::pace::Load;
use chainring_load::request::{Naming, Op, Plan, Prepared};
use chainring_load::run::{Order, Settings, run};
use chainring_load::sign::Credentials;
use chainring_load::suite::{self, FullArgs, SuiteArgs};
use clap::{Args, Parser, Subcommand};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Load for S3 servers, and what it costs them.
#[derive(Debug, Parser)]
#[command(name = "chainring-load", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send requests to a server that is running
    Run(Box<RunArgs>),
    /// Start a daemon and the bare responders, and measure every operation beside its floor
    Suite(SuiteArgs),
    /// Start a daemon and measure GET and HEAD of 4 KiB through links beside the bucket itself
    Links(SuiteArgs),
    /// Start a daemon on a small disk, fill it, and measure what overwriting costs then
    Full(Box<FullArgs>),
    /// Start Chainring and its rivals side by side, and write a report
    Compare(Box<CompareArgs>),
    /// Measure what Chainring promises, and say of every promise whether it is kept
    Budgets(Box<BudgetArgs>),
    /// Install the rivals, in pinned versions, from the registries of their languages
    Install(InstallArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// What to ask for
    #[arg(value_enum)]
    op: Op,
    /// Where the server listens
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9878")]
    server: SocketAddr,
    /// The bucket; it must exist
    #[arg(long)]
    bucket: String,
    /// Access key [default: $AWS_ACCESS_KEY_ID]
    #[arg(long)]
    access_key: Option<String>,
    /// Secret [default: $AWS_SECRET_ACCESS_KEY]
    #[arg(long)]
    secret_key: Option<String>,
    /// Region
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Bytes of an object; GET and HEAD fail when they find another size
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// How many keys there are; a request takes a random one
    #[arg(long, default_value_t = 10_000)]
    keys: usize,
    /// Entries of a page of a listing
    #[arg(long, default_value_t = 100)]
    page: usize,
    /// Let the signature cover the SHA-256 of the body
    #[arg(long)]
    sign_payload: bool,
    /// Ask for every key once, in order, and end: `put --once` fills a bucket
    #[arg(long)]
    once: bool,
    /// Requests a second, whether the server keeps up or not [default: as fast as answers come]
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    /// Connections
    #[arg(long, short, default_value_t = 32)]
    connections: usize,
    /// CPUs of the client, one thread on each
    #[arg(long, value_delimiter = ',', default_value = "1")]
    client_cpus: Vec<usize>,
    /// Seconds before the measurement
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Seconds of the measurement
    #[arg(long, short, default_value_t = 10.0)]
    duration: f64,
    /// The server's process id, to measure its CPU time
    #[arg(long)]
    pid: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => one(&args),
        Command::Suite(args) => suite::suite(&args),
        Command::Links(args) => suite::links(&args),
        Command::Full(args) => suite::full(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Budgets(args) => budgets::budgets(&args),
        Command::Install(args) => compare::install::install(&args),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chainring-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One run. Returns whether every answer was right.
fn one(args: &RunArgs) -> Result<bool, Box<dyn Error>> {
    let given = |flag: &Option<String>, name: &str| {
        let value = flag.clone().or_else(|| std::env::var(name).ok());
        value.ok_or_else(|| format!("no credentials: set {name}"))
    };
    let credentials = Credentials {
        access_key: given(&args.access_key, "AWS_ACCESS_KEY_ID")?,
        secret: given(&args.secret_key, "AWS_SECRET_ACCESS_KEY")?,
        region: args.region.clone(),
    };
    let plan = Plan {
        op: args.op,
        host: args.server.to_string(),
        bucket: args.bucket.clone(),
        keys: args.keys,
        naming: Naming::bench(),
        size: args.size,
        page: args.page,
        sign_payload: args.sign_payload,
    };
    let settings = Settings {
        server: args.server,
        pid: args.pid,
        client_cpus: args.client_cpus.clone(),
        connections: args.connections,
        load: args.rate.map_or(Load::Closed, |rate| Load::Open { rate }),
        warm_up: Duration::try_from_secs_f64(args.warm_up)?,
        duration: Duration::try_from_secs_f64(args.duration)?,
        order: if args.once {
            Order::Once
        } else {
            Order::Random
        },
    };
    let outcome = run(&settings, &Prepared::objects(&plan, &credentials))?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        print!("{}", outcome.table());
    }
    Ok(outcome.failures == 0 && outcome.requests > 0)
}
