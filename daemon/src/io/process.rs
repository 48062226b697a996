//! What the kernel knows of this process.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Figures of the process. `None` where this kernel has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessStats {
    /// Processor time used.
    pub cpu: Duration,
    /// Memory in use.
    pub resident_bytes: Option<u64>,
    /// Addresses in use.
    pub virtual_bytes: Option<u64>,
    /// Open files and sockets.
    pub open_files: Option<u64>,
    /// Files and sockets that may be open.
    pub open_files_max: Option<u64>,
}

/// The figures of now. Takes some microseconds.
#[must_use]
pub fn stats() -> ProcessStats {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    // The size of this folder is the number of its entries since Linux 6.2. Counting them would
    // take as long as there are connections.
    let folder = std::fs::metadata("/proc/self/fd").ok();
    ProcessStats {
        cpu: Duration::try_from(cpu).unwrap_or_default(),
        resident_bytes: kilobytes(&status, "VmRSS:"),
        virtual_bytes: kilobytes(&status, "VmSize:"),
        open_files: folder.map(|folder| folder.len()).filter(|count| *count > 0),
        open_files_max: getrlimit(Resource::Nofile).current,
    }
}

/// Bytes of memory that the machine has.
#[must_use]
pub fn memory_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    // The types of both differ from one architecture to the next.
    (info.totalram as u64).saturating_mul(u64::from(info.mem_unit))
}

/// The value of a line such as `VmRSS:      1234 kB`.
fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_make_sense() {
        let stats = stats();
        assert!(stats.cpu > Duration::ZERO);
        assert!(stats.resident_bytes.unwrap() > 1024 * 1024);
        assert!(stats.virtual_bytes >= stats.resident_bytes);
        assert_eq!(kilobytes("VmRSS:\t  12 kB\n", "VmRSS:"), Some(12 * 1024));
        assert_eq!(kilobytes("VmRSS:\t  x kB\n", "VmRSS:"), None);
    }
}
