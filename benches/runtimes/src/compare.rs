//! Each candidate in turn, in rounds, so that whatever else the machine does falls on all of them.

use crate::Plan;
use crate::candidates::{ALL, Candidate};
use crate::client::{self, Client};
use crate::journal::FILE_BYTES;
use crate::process::{pin, used};
use crate::report::{Figures, table};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// A candidate at work; killed when dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing of it is wanted any more; what cannot be killed is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the plan and prints the table.
pub fn compare(plan: &Plan) -> io::Result<()> {
    let candidates = if plan.only.is_empty() {
        ALL
    } else {
        &plan.only
    };
    let file = plan.folder.join(format!("runtimes-{}", std::process::id()));
    prepare(&file)?;
    pin(plan.client_cpu)?;
    let mut figures = vec![Figures::default(); candidates.len()];
    for round in 0..plan.rounds {
        for nth in 0..candidates.len() {
            // Another one begins each time.
            let nth = (nth + round) % candidates.len();
            if let (Some(candidate), Some(figures)) = (candidates.get(nth), figures.get_mut(nth)) {
                eprintln!("round {}: {}", round + 1, candidate.name());
                ask(plan, *candidate, &file, figures);
            }
        }
    }
    std::fs::remove_file(&file)?;
    print!("{}", table(candidates, &figures));
    Ok(())
}

/// Writes the whole file once, so that later writes change no metadata of the file system.
fn prepare(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mebibyte = vec![0x5a; 1 << 20];
    for _ in 0..FILE_BYTES >> 20 {
        file.write_all(&mebibyte)?;
    }
    file.sync_all()
}

fn ask(plan: &Plan, candidate: Candidate, file: &Path, figures: &mut Figures) {
    let kinds = [
        (plan.readers, client::get(), true, &mut figures.get),
        (
            plan.writers,
            client::put(),
            candidate.writes(),
            &mut figures.put,
        ),
    ];
    for (connections, request, able, kind) in kinds {
        if !able || kind.failure.is_some() {
            continue;
        }
        match measure(plan, candidate, file, connections, request) {
            Ok((rate, cpu)) => {
                kind.rates.push(rate);
                kind.cpu.push(cpu);
            }
            Err(error) => {
                eprintln!("{}: {error}", candidate.name());
                kind.failure = Some(error.kind());
            }
        }
    }
}

/// Requests a second, and microseconds of the server's processor time for each.
fn measure(
    plan: &Plan,
    candidate: Candidate,
    file: &Path,
    connections: usize,
    request: Vec<u8>,
) -> io::Result<(f64, f64)> {
    let server = start(plan, candidate, file)?;
    let mut client = Client::start(server.port, connections, request)?;
    client.run(WARM_UP)?;
    let (since, before) = (Instant::now(), used(server.child.id())?);
    let answers = client.run(plan.duration().max(WARM_UP))?;
    let (elapsed, spent) = (since.elapsed(), used(server.child.id())? - before);
    if answers == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let answers = answers as f64;
    Ok((
        answers / elapsed.as_secs_f64(),
        spent.as_secs_f64() * 1e6 / answers,
    ))
}

fn start(plan: &Plan, candidate: Candidate, file: &Path) -> io::Result<Server> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve", candidate.name(), "--cpu"])
        .arg(plan.server_cpu.to_string())
        .arg("--file")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let port = line.trim().parse();
    let server = Server {
        child,
        port: port.unwrap_or(0),
    };
    if server.port == 0 {
        return Err(io::Error::other("it did not start"));
    }
    Ok(server)
}
