//! Measurements with warp, MinIO's load generator: a client that many know. It signs and hashes every
//! request while it runs and shares the machine, so that small requests show more of it than of the
//! server.

use super::CompareArgs;
use super::kind::{Kind, Work};
use super::measure::Subject;
use super::record::Figures;
use crate::report::as_f64;
use crate::suite::servers::{Server, spawn};
use serde_json::Value;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a run may take besides its window: objects are made before it.
const PATIENCE: Duration = Duration::from_secs(300);
/// Keys of one request that deletes.
const BATCH: usize = 10;
/// Bytes of a part; S3 allows no less.
const PART: u64 = 5 << 20;

/// Runs warp against a server.
pub fn measure(
    subject: &Subject,
    args: &CompareArgs,
    program: &Path,
    kind: &Kind,
    round: usize,
) -> Result<Figures, Box<dyn Error>> {
    let name = kind.work.warp().ok_or("no request of warp")?;
    let launch = &subject.running.launch;
    let results = launch.dir.with_extension("warp");
    std::fs::create_dir_all(&results)?;
    let data = results.join(format!("{name}-{}-{}-{round}", kind.size, kind.clients));
    let mut command = Command::new(program);
    command
        .arg(name)
        .args(["--no-color", "--noclear", "--host"])
        .arg(launch.address.to_string())
        .args(["--access-key", &launch.credentials.access_key])
        .args(["--secret-key", &launch.credentials.secret])
        .args(["--region", &launch.credentials.region])
        .args([
            "--bucket",
            &format!("warp-{name}-{}-{}-{round}", kind.size, kind.clients),
        ])
        .args(["--concurrent", &kind.clients.to_string()])
        .args(["--duration", &format!("{:.0}s", args.window(kind).max(5.0))])
        .arg("--benchdata")
        .arg(&data)
        .args(flags(args, kind));
    let before = subject.written(kind)?;
    let cpu = subject.running.process().cpu_time_of_tree()?;
    run(
        command,
        &args.client_cpus,
        &data.with_extension("log"),
        args.window(kind),
    )?;
    let cpu = subject.running.process().cpu_time_of_tree()? - cpu;
    let after = subject.written(kind)?;
    let output = Command::new(program)
        .args(["analyze", "--json", "--no-color"])
        .arg(result_file(&data)?)
        .output()?;
    let mut figures = parse(&String::from_utf8_lossy(&output.stdout))?;
    // The others make objects beforehand.
    if kind.work == Work::WarpPut {
        let count = as_f64(figures.requests).max(1.0);
        figures.cpu_us = Some(cpu.as_secs_f64() * 1e6 / count);
        let each = |before: u64, after: u64| {
            as_f64(after.saturating_sub(before)) / (count * as_f64(kind.size))
        };
        figures.process_bytes = Some(each(before.0, after.0));
        figures.device_bytes = before.1.zip(after.1).map(|(b, a)| each(b, a));
    }
    let process = subject.running.process();
    figures.resident = process.resident()?;
    figures.resident_peak = process.resident_peak()?;
    Ok(figures)
}

/// What a subcommand needs besides what all take.
fn flags(args: &CompareArgs, kind: &Kind) -> Vec<String> {
    let size = ["--obj.size".to_owned(), kind.size.to_string()];
    let objects = |least: usize| {
        [
            "--objects".to_owned(),
            args.keys(kind).max(least).to_string(),
        ]
    };
    match kind.work {
        Work::WarpPut => size.to_vec(),
        Work::WarpDelete => {
            let batch = ["--batch".to_owned(), BATCH.to_string()];
            // It wants to delete for a while.
            let objects = objects(BATCH * kind.clients * 8);
            [batch, objects, size].concat()
        }
        Work::WarpMultipart => {
            let parts = (kind.size / PART).max(2);
            let parts = ["--parts".to_owned(), parts.to_string()];
            [parts, ["--part.size".to_owned(), PART.to_string()]].concat()
        }
        _ => [objects(kind.clients), size].concat(),
    }
}

fn run(command: Command, cpus: &[usize], log: &Path, window: f64) -> Result<(), Box<dyn Error>> {
    let file = File::create(log)?;
    let mut command = command;
    command.stdout(file.try_clone()?).stderr(file);
    let mut child = Server::of(spawn(command, cpus)?);
    let end = Instant::now() + PATIENCE + Duration::from_secs_f64(window);
    while !child.has_ended() {
        if Instant::now() > end {
            return Err("warp does not end".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Versions of warp differ in what they write.
fn result_file(data: &Path) -> Result<PathBuf, String> {
    let with = |end: &str| PathBuf::from(format!("{}.{end}", data.display()));
    let found = ["json.zst", "csv.zst"].map(with);
    let found = found.into_iter().find(|file| file.is_file());
    found.ok_or_else(|| {
        let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty());
        format!("warp left no result: {}", last.unwrap_or_default().trim())
    })
}

/// Reads what `warp analyze --json` prints.
pub fn parse(text: &str) -> Result<Figures, String> {
    let json = text.find('{').and_then(|at| text.get(at..));
    let all: Value = serde_json::from_str(json.ok_or("warp printed no JSON")?)
        .map_err(|error| format!("warp printed no JSON: {error}"))?;
    let total = all.get("total").ok_or("warp's JSON has no total")?;
    // A run shorter than a second has no throughput of whole seconds, but one of its host.
    let of_hosts = total.get("throughput_by_host").and_then(Value::as_object);
    let of_hosts = of_hosts.into_iter().flat_map(serde_json::Map::values);
    let (requests, seconds) = total
        .get("throughput")
        .into_iter()
        .chain(of_hosts)
        .find_map(throughput)
        .ok_or("warp has seen no request")?;
    // The sum has no latencies where operations are mixed; the slowest kind counts then.
    let each = all.get("by_op_type").and_then(Value::as_object);
    let slowest = each
        .into_iter()
        .flat_map(serde_json::Map::values)
        .filter_map(latencies)
        .fold((0.0, 0.0), |most: (f64, f64), (p50, p99)| {
            (most.0.max(p50), most.1.max(p99))
        });
    let (p50, p99) = latencies(total).unwrap_or(slowest);
    let failures = total
        .get("total_errors")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let first = total.pointer("/first_errors/0").and_then(Value::as_str);
    Ok(Figures {
        seconds,
        requests,
        requests_per_second: as_f64(requests) / seconds,
        p50_us: p50 * 1000.0,
        p99_us: p99 * 1000.0,
        failures,
        failure: first.map(ToOwned::to_owned),
        ..Figures::default()
    })
}

/// Requests and seconds, if there are any.
fn throughput(of: &Value) -> Option<(u64, f64)> {
    let requests = of.get("ops")?.as_u64().filter(|ops| *ops > 0)?;
    let milliseconds = of.get("measure_duration_millis")?.as_f64();
    let milliseconds = milliseconds.filter(|milliseconds| *milliseconds > 0.0)?;
    Some((requests, milliseconds / 1000.0))
}

/// Median and 99th percentile of a kind of operation in milliseconds: the mean of the segments of
/// time that warp tells of, by their requests.
fn latencies(kind: &Value) -> Option<(f64, f64)> {
    let clients = kind.get("requests_by_client").and_then(Value::as_object);
    let segments = clients
        .into_iter()
        .flat_map(serde_json::Map::values)
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|segment| segment.get("single_sized_requests"));
    let mut sum = (0.0, 0.0, 0.0);
    for segment in segments {
        let number = |name: &str| segment.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        let requests = number("requests");
        sum.0 += requests * number("dur_median_millis");
        sum.1 += requests * number("dur_99_millis");
        sum.2 += requests;
    }
    (sum.2 > 0.0).then(|| (sum.0 / sum.2, sum.1 / sum.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(median: f64, p99: f64) -> String {
        format!(
            r#"{{"requests_by_client": {{"me": [
                {{"single_sized_requests": {{"dur_median_millis": {median}, "dur_99_millis": {p99}, "requests": 30}}}},
                {{"single_sized_requests": {{"dur_median_millis": {}, "dur_99_millis": {p99}, "requests": 10}}}}
            ]}},"#,
            median + 4.0
        )
    }

    const REST: &str = r#""total_errors": 1, "first_errors": ["no such key"],
        "throughput": {"measure_duration_millis": 2000, "ops": 40, "bytes": 1, "objects": 40}}"#;

    #[test]
    fn one_kind_of_operation() {
        let text = format!("loading\n{{\"v\": 1, \"total\": {}{REST}}}", kind(2.0, 9.0));
        let figures = parse(&text).unwrap();
        assert_eq!((figures.requests, figures.failures), (40, 1));
        assert!((figures.requests_per_second - 20.0).abs() < 1e-9);
        assert!((figures.p50_us - 3000.0).abs() < 1e-6);
        assert!((figures.p99_us - 9000.0).abs() < 1e-6);
        assert_eq!(figures.p999_us, None);
        assert_eq!(figures.failure.as_deref(), Some("no such key"));
    }

    /// Of mixed operations the slowest counts.
    #[test]
    fn mixed_operations() {
        let text = format!(
            "{{\"total\": {{{REST}, \"by_op_type\": {{\"GET\": {}{REST}, \"PUT\": {}{REST}}}}}",
            kind(1.0, 2.0),
            kind(5.0, 7.0)
        );
        let figures = parse(&text).unwrap();
        assert!((figures.p50_us - 6000.0).abs() < 1e-6);
        assert!((figures.p99_us - 7000.0).abs() < 1e-6);
    }

    #[test]
    fn a_run_of_less_than_a_second() {
        let text = r#"{"total": {"throughput": {"measure_duration_millis": 0, "ops": 0},
            "throughput_by_host": {"it": {"measure_duration_millis": 50, "ops": 10}}}}"#;
        let figures = parse(text).unwrap();
        assert!((figures.requests_per_second - 200.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_that_can_be_read() {
        for text in [
            "",
            "error: no bucket",
            "{}",
            r#"{"total": {"throughput": {"ops": 0}}}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
