//! What the system says of a process, and which CPU a thread runs on.

use rustix::thread::CpuSet;
use std::time::Duration;

/// Something the system refused.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {error}")]
pub struct ProcessError {
    what: String,
    error: std::io::Error,
}

/// A process, by its number.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// User and system time of all its threads, its io_uring workers among them. Exact where the
    /// kernel keeps statistics of the scheduler; those leave out threads that have ended, as
    /// workers do, so what is shown in hundredths of a second counts when it is more.
    pub fn cpu_time(self) -> Result<Duration, ProcessError> {
        let shown = self.cpu_time_shown()?;
        let exact = self.cpu_time_of_threads().unwrap_or_default();
        let hundredth = Duration::from_millis(10);
        Ok(if exact + hundredth < shown {
            shown
        } else {
            exact
        })
    }

    fn cpu_time_of_threads(self) -> Option<Duration> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.0)).ok()? {
            let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            nanoseconds += stat.split_whitespace().next()?.parse::<u64>().ok()?;
        }
        Some(Duration::from_nanos(nanoseconds))
    }

    fn cpu_time_shown(self) -> Result<Duration, ProcessError> {
        let path = format!("/proc/{}/stat", self.0);
        let stat = read(&path)?;
        let ticks = parse_ticks(&stat).ok_or_else(|| ProcessError {
            what: path,
            error: std::io::ErrorKind::InvalidData.into(),
        })?;
        Ok(Duration::from_millis(
            ticks * 1000 / rustix::param::clock_ticks_per_second(),
        ))
    }

    /// Resident memory in bytes.
    pub fn resident(self) -> Result<u64, ProcessError> {
        let path = format!("/proc/{}/status", self.0);
        let status = read(&path)?;
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|digits| digits.parse::<u64>().ok());
        kilobytes.map(|n| n * 1024).ok_or_else(|| ProcessError {
            what: path,
            error: std::io::ErrorKind::InvalidData.into(),
        })
    }
}

fn read(path: &str) -> Result<String, ProcessError> {
    std::fs::read_to_string(path).map_err(|error| ProcessError {
        what: path.to_owned(),
        error,
    })
}

/// Fields 14 and 15. The second field is a name in parentheses that may hold anything.
fn parse_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Binds this thread, and what it starts, to a CPU.
pub fn pin(cpu: usize) -> Result<(), ProcessError> {
    pin_to(&[cpu])
}

/// Binds this thread, and what it starts, to some CPUs.
pub fn pin_to(cpus: &[usize]) -> Result<(), ProcessError> {
    let mut set = CpuSet::new();
    for cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        set.set(*cpu);
    }
    rustix::thread::sched_setaffinity(None, &set).map_err(|error| ProcessError {
        what: format!("cannot run on CPUs {cpus:?}"),
        error: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_parentheses() {
        let stat = "1 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        assert_eq!(parse_ticks(stat), Some(300));
    }

    #[test]
    fn this_process() {
        let me = Process(std::process::id());
        assert!(me.cpu_time().is_ok());
        assert!(me.resident().unwrap() > 0);
    }
}
