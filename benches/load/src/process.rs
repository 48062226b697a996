//! What the system says of a process, and which CPU a thread runs on.

use rustix::thread::CpuSet;
use std::collections::BTreeMap;
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

    /// The same of the process and all that descend from it. A child that is gone does not count.
    pub fn cpu_time_of_tree(self) -> Result<Duration, ProcessError> {
        let mut sum = self.cpu_time()?;
        for child in self.descendants() {
            // It may have ended since.
            sum += child.cpu_time().unwrap_or_default();
        }
        Ok(sum)
    }

    /// Its children, their children, and so on.
    #[must_use]
    pub fn descendants(self) -> Vec<Self> {
        let (mut found, mut next) = (self.children(), 0);
        while let Some(process) = found.get(next) {
            let children = process.children();
            found.extend(children);
            next += 1;
        }
        found
    }

    fn children(self) -> Vec<Self> {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", self.0)) else {
            return Vec::new();
        };
        let children = threads.filter_map(|thread| {
            std::fs::read_to_string(thread.ok()?.path().join("children")).ok()
        });
        let numbers = children.collect::<Vec<_>>().join(" ");
        let numbers = numbers.split_whitespace();
        numbers
            .filter_map(|text| text.parse().ok().map(Self))
            .collect()
    }

    /// Bytes that it made the system write to a device: pages that it dirtied, and what it wrote
    /// past the page cache, by its own threads or those of its io_uring. What the file system writes
    /// for itself is not among them.
    pub fn written(self) -> Result<u64, ProcessError> {
        self.number("io", "write_bytes:")
    }

    /// CPU time of each thread, by its number, with its name.
    #[must_use]
    pub fn threads(self) -> BTreeMap<u32, (String, Duration)> {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", self.0)) else {
            return BTreeMap::new();
        };
        let thread = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.ok()?.path();
            let number = path.file_name()?.to_str()?.parse().ok()?;
            let name = std::fs::read_to_string(path.join("comm")).ok()?;
            let stat = std::fs::read_to_string(path.join("schedstat")).ok()?;
            let spent = stat.split_whitespace().next()?.parse().ok()?;
            let spent = Duration::from_nanos(spent);
            Some((number, (name.trim().to_owned(), spent)))
        };
        threads.filter_map(thread).collect()
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
        Ok(self.number("status", "VmRSS:")? * 1024)
    }

    /// The most resident memory that it ever had, in bytes.
    pub fn resident_peak(self) -> Result<u64, ProcessError> {
        Ok(self.number("status", "VmHWM:")? * 1024)
    }

    /// A number of a file in its folder, by the name before it.
    fn number(self, file: &str, name: &str) -> Result<u64, ProcessError> {
        let path = format!("/proc/{}/{file}", self.0);
        let number = read(&path)?
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| ProcessError {
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
        assert!(me.resident_peak().unwrap() >= me.resident().unwrap());
        assert!(me.written().is_ok());
        assert!(!me.threads().is_empty());
    }

    #[test]
    fn children_count() {
        let mut child = std::process::Command::new("sleep")
            .arg("30")
            .spawn()
            .unwrap();
        let found = Process(std::process::id()).descendants();
        assert!(found.iter().any(|process| process.0 == child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
