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

/// Keeps daemons out of a data folder while it is looked at; others may look, too.
#[derive(Debug)]
pub struct ReadLock(Option<File>);

impl ReadLock {
    /// Takes it without changing anything in the folder. A folder without a lock file (a copy of a
    /// store, perhaps) is looked at without one.
    pub fn take(folder: &Path) -> Result<Self, StartupError> {
        let path = folder.join(LOCK_FILE);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self(None)),
            opened => opened.map_err(failed("open", &path))?,
        };
        let operation = FlockOperation::NonBlockingLockShared;
        lock(folder, &mut file, operation, LEFTOVER_PATIENCE)?;
        Ok(Self(Some(file)))
    }

    /// Whether there was a file to lock.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.0.is_some()
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
    let operation = FlockOperation::NonBlockingLockExclusive;
    lock(folder, &mut file, operation, patience)?;
    // Only to tell who holds it; the lock itself is the kernel's.
    let mut note = || {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    note().map_err(failed("write", &path))?;
    Ok(DataLock { file })
}

/// Locks the file; waits when the process that has it is gone, but not yet all that it had asked for.
fn lock(
    folder: &Path,
    file: &mut File,
    operation: FlockOperation,
    patience: Duration,
) -> Result<(), StartupError> {
    let start = Instant::now();
    loop {
        match rustix::fs::flock(&*file, operation) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) => {
                let holder = holder(file);
                if holder.is_some_and(runs) || start.elapsed() >= patience {
                    return Err(StartupError::Locked {
                        folder: folder.display().to_string(),
                        holder,
                    });
                }
                std::thread::sleep(LEFTOVER_POLL);
            }
            Err(error) => {
                let path = folder.join(LOCK_FILE);
                return Err(failed("lock", &path)(error.into()));
            }
        }
    }
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
    fn who_only_looks_changes_nothing_and_keeps_daemons_out() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!ReadLock::take(folder.path()).unwrap().is_held());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let lock = take_at_once(folder.path()).unwrap();
        let note = std::fs::read(folder.path().join(LOCK_FILE)).unwrap();
        drop(lock);
        let (one, two) = (
            ReadLock::take(folder.path()).unwrap(),
            ReadLock::take(folder.path()).unwrap(),
        );
        assert!(one.is_held() && two.is_held());
        take_at_once(folder.path()).unwrap_err();
        assert_eq!(std::fs::read(folder.path().join(LOCK_FILE)).unwrap(), note);
        drop((one, two));
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
