//! Running benchmarks under callgrind.

use crate::cases::Case;
use crate::counted::PATTERN;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why a count failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("valgrind cannot be run ({0}); on Debian it is in the package valgrind")]
    NoValgrind(io::Error),
    #[error("{0}: {1}")]
    Io(&'static str, io::Error),
    #[error("{name} failed under callgrind:\n{output}")]
    Failed { name: &'static str, output: String },
    #[error("callgrind counted nothing in {0}")]
    Nothing(&'static str),
}

/// Valgrind's version.
pub fn version() -> Result<String, Error> {
    let output = Command::new("valgrind").arg("--version").output();
    let output = output.map_err(Error::NoValgrind)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Counts every case, as many at once as there are processors. Profiles are left in `profiles`.
pub fn count_all(cases: &'static [Case], profiles: &Path) -> Result<BTreeMap<String, u64>, Error> {
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(Ok(BTreeMap::new()));
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let counted = count(case, profiles);
            let Ok(mut counts) = counts.lock() else {
                return;
            };
            match (&mut *counts, counted) {
                (Ok(map), Ok(count)) => {
                    map.insert(case.name.to_owned(), count);
                }
                (Ok(_), Err(error)) => *counts = Err(error),
                (Err(_), _) => return,
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work);
        }
    });
    // Nothing above panics with the lock held.
    counts
        .into_inner()
        .unwrap_or_else(|error| error.into_inner())
}

/// Instructions per call.
fn count(case: &Case, profiles: &Path) -> Result<u64, Error> {
    let name = case.name;
    let program = std::env::current_exe().map_err(|error| Error::Io("this program", error))?;
    let profile = profiles.join(format!("{name}.callgrind"));
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--compress-strings=no"])
        .arg(format!("--toggle-collect={PATTERN}"))
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args(["run", name])
        // The environment lies on the stack, and where things lie matters a little.
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .output()
        .map_err(Error::NoValgrind)?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Failed { name, output });
    }
    let written = std::fs::read_to_string(&profile);
    let written = written.map_err(|error| Error::Io("callgrind's profile", error))?;
    let total = total(&written).filter(|total| *total > 0);
    let total = total.ok_or(Error::Nothing(name))?;
    Ok(total / case.calls.max(1) as u64)
}

/// All instructions of a profile.
fn total(profile: &str) -> Option<u64> {
    let totals = profile
        .lines()
        .rev()
        .find_map(|l| l.strip_prefix("totals: "));
    totals?.trim().parse().ok()
}

#[test]
fn totals_are_read() {
    assert_eq!(total("events: Ir\nfn=a\n1 2\ntotals: 1234\n"), Some(1234));
    assert_eq!(total("events: Ir\n"), None);
}
