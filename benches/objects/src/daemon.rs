//! Starting the whole daemon on the store.

use crate::figures::{Started, resident};
use rustix::process::{Pid, Signal, kill_process};
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Ends its process whatever happens.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already when all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the daemon, waits until it is ready, and lets it end in order.
pub fn start(program: &Path, dir: &Path, cpu: usize) -> Result<Started, Box<dyn Error>> {
    let began = Instant::now();
    let mut child = Command::new("taskset")
        .args(["-c", &cpu.to_string()])
        .arg(program)
        .arg("--data-dir")
        .arg(dir)
        .args([
            "--s3-listen",
            "127.0.0.1:0",
            "--cores",
            "1",
            "--shards",
            "1",
        ])
        .env("CHAINRING_LOG", "warn")
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output of the daemon")?;
    let mut daemon = Daemon(child);
    let mut lines = BufReader::new(output);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    if !first.contains("is ready") {
        return Err("the daemon did not start; its words are above".into());
    }
    let seconds = began.elapsed().as_secs_f64();
    let resident_bytes = resident(&daemon.0.id().to_string())?;
    let pid = i32::try_from(daemon.0.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.ok_or("no process id")?, Signal::TERM)?;
    let status = daemon.0.wait()?;
    if !status.success() {
        return Err(format!("the daemon ended with {status}").into());
    }
    Ok(Started {
        seconds,
        resident_bytes,
    })
}
