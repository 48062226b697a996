//! The lock on the data folder: one process, and nothing left of the one before it.

use super::startup::{StartupError, failed};
use compio::runtime::Runtime;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

const LOCK_FILE: &str = "lock";
/// How long a start waits for what a killed process left in the kernel: writes under way and
/// listening sockets. Milliseconds in practice.
const LEFTOVER_PATIENCE: Duration = Duration::from_secs(10);
const LEFTOVER_POLL: Duration = Duration::from_millis(2);

/// Keeps other processes out of a data folder.
#[derive(Debug)]
pub struct DataLock {
    file: File,
}

impl DataLock {
    /// Takes the folder for this process alone. When the process that had it is gone but the kernel
    /// still works on what it had asked for, waits for that.
    pub fn take(folder: &Path) -> Result<Self, StartupError> {
        take(folder, LEFTOVER_PATIENCE)
    }

    /// Makes the lock outlive this process until the ring of the calling thread is done.
    ///
    /// A killed process leaves writes under way, which may still land when its successor has
    /// already read the end of the log, and pending accepts, which keep the port taken. The kernel
    /// lets go of a ring's registered files only after the last of its requests.
    pub fn hold_by_ring(&self) -> io::Result<()> {
        Runtime::with_current(|runtime| runtime.register_files(&[self.file.as_raw_fd()]))
    }
}

fn take(folder: &Path, patience: Duration) -> Result<DataLock, StartupError> {
    let path = folder.join(LOCK_FILE);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed("open", &path))?;
    let start = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) => {
                let holder = holder(&mut file);
                if holder.is_some_and(runs) || start.elapsed() >= patience {
                    return Err(StartupError::Locked {
                        folder: folder.display().to_string(),
                        holder,
                    });
                }
                std::thread::sleep(LEFTOVER_POLL);
            }
            Err(error) => return Err(failed("lock", &path)(error.into())),
        }
    }
    // Only to tell who holds it; the lock itself is the kernel's.
    let mut note = || {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    note().map_err(failed("write", &path))?;
    Ok(DataLock { file })
}

/// Who wrote its number into the file.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether a process still executes. One that ended may keep its number until its parent asks; and
/// in a container the number may have come round to us.
fn runs(pid: u32) -> bool {
    if pid == std::process::id() {
        return false;
    }
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The state follows the name, which is in parentheses and may hold any character.
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !state.starts_with(['Z', 'X'])
}

#[cfg(test)]
mod tests {
    use super::super::runtime;
    use super::*;

    fn take_at_once(folder: &Path) -> Result<DataLock, StartupError> {
        take(folder, Duration::ZERO)
    }

    #[test]
    fn a_folder_is_locked_once() {
        let folder = tempfile::tempdir().unwrap();
        let lock = take_at_once(folder.path()).unwrap();
        let error = take_at_once(folder.path()).unwrap_err();
        let own = std::process::id();
        assert!(
            matches!(error, StartupError::Locked { holder, .. } if holder == Some(own)),
            "{error}"
        );
        drop(lock);
        take_at_once(folder.path()).unwrap();
    }

    #[test]
    fn the_lock_lasts_as_long_as_a_ring_that_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let held = runtime::run(async {
            let lock = take_at_once(folder.path()).unwrap();
            lock.hold_by_ring().unwrap();
            drop(lock);
            take_at_once(folder.path()).unwrap_err()
        });
        assert!(matches!(held, Ok(StartupError::Locked { .. })));
        // The kernel takes the ring apart in its own time.
        take(folder.path(), LEFTOVER_PATIENCE).unwrap();
    }

    #[test]
    fn a_living_process_and_a_gone_one() {
        let mut child = std::process::Command::new("sleep")
            .arg("100")
            .spawn()
            .unwrap();
        assert!(runs(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!runs(child.id()));
    }

    #[test]
    fn failures_say_what_and_where() {
        let error = DataLock::take(Path::new("/nonexistent/data")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/data/lock"));
    }
}
