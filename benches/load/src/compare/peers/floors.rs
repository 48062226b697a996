//! What no store can be cheaper than: the examples of the daemon, on one core.

use super::Peer;
use crate::compare::ground::Launch;
use crate::compare::kind::{Kind, Way, Work};
use std::error::Error;
use std::process::Command;

/// A store in memory behind this project's own HTTP. It keeps nothing and checks nothing.
#[derive(Clone, Copy, Debug)]
pub struct MemoryStore;

impl Peer for MemoryStore {
    fn id(&self) -> String {
        crate::compare::judge::FLOOR.to_owned()
    }

    fn program(&self) -> &'static str {
        "examples/memory_s3"
    }

    fn durability(&self) -> &'static str {
        "floor: a store in memory behind our HTTP, without authentication and hashes"
    }

    fn flushes(&self) -> bool {
        false
    }

    fn is_floor(&self) -> bool {
        true
    }

    fn can(&self, kind: &Kind) -> bool {
        let is_warm = !matches!(kind.work, Work::GetCold);
        kind.work.op().is_some() && is_warm && kind.way == Way::Direct && kind.objects == 0
    }

    fn cpus(&self, servers: &[usize], _client: &[usize]) -> Vec<usize> {
        servers.iter().copied().take(1).collect()
    }

    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>> {
        bare(launch, false)
    }
}

/// Writes what is PUT to the daemon's own log and answers when it is flushed.
#[derive(Clone, Copy, Debug)]
pub struct BareLog;

/// It takes no longer bodies.
const LOG_BODY_MAX: u64 = 1 << 20;

impl Peer for BareLog {
    fn id(&self) -> String {
        "bare-log".to_owned()
    }

    fn program(&self) -> &'static str {
        "examples/bare_log"
    }

    fn durability(&self) -> &'static str {
        "floor: our HTTP and log, flushed; nothing authenticated, hashed or indexed"
    }

    fn flushes(&self) -> bool {
        true
    }

    fn is_floor(&self) -> bool {
        true
    }

    fn can(&self, kind: &Kind) -> bool {
        let is_put = kind.work == Work::Put && kind.size <= LOG_BODY_MAX;
        is_put && kind.way == Way::Direct && kind.objects == 0
    }

    fn cpus(&self, servers: &[usize], _client: &[usize]) -> Vec<usize> {
        servers.iter().copied().take(1).collect()
    }

    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>> {
        bare(launch, true)
    }
}

/// Parses a request and answers with as many bytes as its path says.
#[derive(Clone, Copy, Debug)]
pub struct Bare;

impl Peer for Bare {
    fn id(&self) -> String {
        "bare".to_owned()
    }

    fn program(&self) -> &'static str {
        "examples/bare_http"
    }

    fn durability(&self) -> &'static str {
        "floor: our HTTP alone; stores nothing"
    }

    fn flushes(&self) -> bool {
        false
    }

    fn is_floor(&self) -> bool {
        true
    }

    fn is_canned(&self) -> bool {
        true
    }

    fn can(&self, kind: &Kind) -> bool {
        // It has so many bytes to send.
        let fits = kind.size <= LOG_BODY_MAX;
        let is_read = matches!(kind.work, Work::Get | Work::Head);
        fits && is_read && kind.way == Way::Direct && kind.objects == 0
    }

    fn cpus(&self, servers: &[usize], _client: &[usize]) -> Vec<usize> {
        servers.iter().copied().take(1).collect()
    }

    fn command(&self, launch: &Launch) -> Result<Command, Box<dyn Error>> {
        bare(launch, false)
    }
}

fn bare(launch: &Launch, has_folder: bool) -> Result<Command, Box<dyn Error>> {
    let cpu = launch.cpus.first().ok_or("no CPU for the servers")?;
    let mut command = Command::new(&launch.program);
    command.args([cpu.to_string(), launch.address.port().to_string()]);
    if has_folder {
        command.arg(&launch.dir);
    }
    Ok(command)
}
