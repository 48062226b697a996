//! Cores and processor time.

use rustix::thread::{CpuSet, sched_setaffinity};
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Keeps this thread, and those it starts, on a core.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// Listens on a port of the system's choice and says which.
pub fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    Ok(listener)
}

/// Opens the file that is written past the page cache.
pub fn open_direct(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DIRECT)
        .open(path)
}

/// User and system time that a process has used, its kernel workers' included.
pub fn used(pid: u32) -> io::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field may hold anything but ends with the last parenthesis.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut ticks = fields.split_whitespace().skip(11);
    let mut next = || ticks.next().and_then(|n| n.parse::<u64>().ok());
    match (next(), next()) {
        (Some(user), Some(system)) => {
            let micros = (user + system) * 1_000_000 / rustix::param::clock_ticks_per_second();
            Ok(Duration::from_micros(micros))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
