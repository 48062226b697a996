//! What a request through a link costs beside the same request on the bucket itself.
//!
//! The difference is small and the machine noisy, so every way is asked for a moment in turn, in
//! another order each round, and what counts is the median of the rounds' ratios.

use super::servers::{Servers, chainring};
use super::{SuiteArgs, rows};
use crate::pace::Load;
use crate::request::{Naming, Op, Plan, Prepared};
use crate::run::{Order, Settings, run};
use serde::Serialize;
use std::error::Error;
use std::time::Duration;

/// The name, and the commands that make it.
const WAYS: [&str; 4] = ["direct", "plain link", "chain of 16", "prefix link"];
const CLIENTS: usize = 32;
const SIZE: usize = 4096;
const CHAIN: usize = 16;

/// One way of one operation.
#[derive(Debug, Serialize)]
struct Line {
    op: Op,
    way: &'static str,
    /// Median CPU time of the server per request.
    cpu_us: f64,
    /// Median of the rounds' ratios to the direct way.
    ratio: f64,
    /// Half of the rounds were between these.
    quartiles: (f64, f64),
}

/// Measures and prints. Returns whether every answer was right.
pub fn links(args: &SuiteArgs) -> Result<bool, Box<dyn Error>> {
    let servers = Servers::start(args)?;
    let buckets = create(args)?;
    for (bucket, _) in buckets.iter().zip(WAYS).filter(|(_, way)| {
        // The others show the keys of the direct one.
        ["direct", "prefix link"].contains(way)
    }) {
        ask(args, &servers, Op::Put, bucket, Order::Once)?;
    }
    let mut lines = Vec::new();
    for op in [Op::Get, Op::Head] {
        let mut cpu = vec![Vec::new(); WAYS.len()];
        for round in 0..args.rounds {
            eprintln!("{} round {} of {}", op.name(), round + 1, args.rounds);
            for turn in 0..WAYS.len() {
                let way = (turn + round) % WAYS.len();
                let bucket = buckets.get(way).ok_or("a way without a bucket")?;
                let spent = ask(args, &servers, op, bucket, Order::Random)?;
                cpu.get_mut(way).ok_or("a way too many")?.push(spent);
            }
        }
        lines.extend(judge(op, &cpu));
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
    } else {
        println!("op    way           CPU us   ratio   quartiles");
        for line in &lines {
            let (low, high) = line.quartiles;
            println!(
                "{:<5} {:<12} {:>7.2} {:>7.4}   {low:.4} .. {high:.4}",
                line.op.name(),
                line.way,
                line.cpu_us,
                line.ratio,
            );
        }
    }
    Ok(true)
}

/// Makes the links; returns the name of each way in S3.
fn create(args: &SuiteArgs) -> Result<Vec<String>, Box<dyn Error>> {
    let store = args.dir.join("store");
    let direct = rows::direct_bucket(SIZE);
    let source = format!("/s3v/{direct}");
    let link = |source: &str, name: &str, more: &[&str]| {
        let link = format!("/s3v/{name}");
        let words = [&["bucket", "link", source, &link], more].concat();
        chainring(args, &store, &words)
    };
    link(&source, "chain-1", &[])?;
    for hop in 2..=CHAIN {
        link(
            &format!("/s3v/chain-{}", hop - 1),
            &format!("chain-{hop}"),
            &[],
        )?;
    }
    link(&source, "plain", &[])?;
    link(&source, "rooted", &["--prefix", "below/"])?;
    let last = format!("chain-{CHAIN}");
    Ok(vec![direct, "plain".to_owned(), last, "rooted".to_owned()])
}

/// Asks for a while; returns the server's CPU time per request in microseconds.
fn ask(
    args: &SuiteArgs,
    servers: &Servers,
    op: Op,
    bucket: &str,
    order: Order,
) -> Result<f64, Box<dyn Error>> {
    let plan = Plan {
        op,
        host: servers.s3.to_string(),
        bucket: bucket.to_owned(),
        keys: args.keys,
        naming: Naming::bench(),
        size: SIZE,
        page: 1,
        sign_payload: false,
    };
    let settings = Settings {
        server: servers.s3,
        pid: Some(servers.daemon.id()),
        client_cpus: args.client_cpus.clone(),
        connections: CLIENTS,
        load: Load::Closed,
        warm_up: Duration::from_millis(100),
        duration: Duration::from_secs_f64(args.seconds),
        order,
    };
    let outcome = run(&settings, &Prepared::objects(&plan, &servers.credentials))?;
    if let Some(failure) = outcome.failure {
        return Err(format!("{} on {bucket}: {failure}", op.name()).into());
    }
    Ok(outcome.server_cpu_us.ok_or("no CPU time of the daemon")?)
}

fn judge(op: Op, cpu: &[Vec<f64>]) -> Vec<Line> {
    let direct = cpu.first().map_or(&[][..], Vec::as_slice);
    let lines = WAYS.into_iter().zip(cpu).map(|(way, spent)| {
        let ratios: Vec<f64> = spent
            .iter()
            .zip(direct)
            .map(|(way, direct)| way / direct)
            .collect();
        Line {
            op,
            way,
            cpu_us: quantile(spent, 0.5),
            ratio: quantile(&ratios, 0.5),
            quartiles: (quantile(&ratios, 0.25), quantile(&ratios, 0.75)),
        }
    });
    lines.collect()
}

fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a position in a short list"
    )]
    let position = (at * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(position).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_ratios_ignores_a_slow_moment() {
        let direct = vec![10.0, 10.0, 40.0, 10.0, 10.0];
        let link = vec![10.1, 10.1, 40.4, 60.0, 10.1];
        let lines = judge(Op::Get, &[direct, link]);
        assert!((lines[0].ratio - 1.0).abs() < 1e-9);
        assert!((lines[1].ratio - 1.01).abs() < 1e-9);
    }
}
