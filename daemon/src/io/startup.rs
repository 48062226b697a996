//! What must be true before the daemon starts, checked one by one, each failure with a hint.

use super::runtime;
use crate::base::AlignedBuf;
use crate::base::limits::BLOCK;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// The oldest kernel with every feature of io_uring this daemon needs.
pub const KERNEL_MIN: (u32, u32) = (6, 1);
const PROBE_FILE: &str = "direct-io-probe";
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// Why the daemon cannot start here.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The kernel is too old.
    #[error(
        "kernel {found} is too old: {}.{} or newer is needed",
        KERNEL_MIN.0,
        KERNEL_MIN.1
    )]
    Kernel {
        /// Its release, in its own words.
        found: String,
    },
    /// There is no io_uring to be had.
    #[error("io_uring is not available: {reason}. {hint}")]
    Uring {
        /// What the system says.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Another process uses the data folder.
    #[error("{folder} is in use by {}", match holder {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    })]
    Locked {
        /// The data folder.
        folder: String,
        /// The process, if it left its number.
        holder: Option<u32>,
    },
    /// Files cannot be written past the page cache.
    #[error("the file system of {folder} cannot do direct I/O ({reason}). {hint}")]
    DirectIo {
        /// The data folder.
        folder: String,
        /// What the system says.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// Something else failed.
    #[error("{operation} {path}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
}

pub(super) fn failed(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> StartupError {
    let path = path.display().to_string();
    move |source| StartupError::Io {
        operation,
        path: path.clone(),
        source,
    }
}

/// Checks the version of the kernel.
pub fn check_kernel() -> Result<(), StartupError> {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    match parse_release(&release) {
        Some(version) if version < KERNEL_MIN => Err(StartupError::Kernel { found: release }),
        // A release nobody can read is no reason to refuse; the check of io_uring follows.
        _ => Ok(()),
    }
}

fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Checks that a ring of the kind every core needs can be made.
pub fn check_uring() -> Result<(), StartupError> {
    // On a thread of its own, as a ring leaves traces on the thread that made it.
    let made = std::thread::spawn(|| runtime::run(async {})).join();
    let error = match made {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => return Err(no_uring("making a ring panicked", "This is a bug.")),
    };
    let errno = match &error {
        runtime::RuntimeError::Ring(error) => Errno::from_io_error(error),
        runtime::RuntimeError::Pin { .. } => None,
    };
    let switch = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let hint = uring_hint(errno, switch.ok().as_deref().map(str::trim));
    Err(no_uring(&error.to_string(), hint))
}

fn no_uring(reason: &str, hint: &'static str) -> StartupError {
    StartupError::Uring {
        reason: reason.to_owned(),
        hint,
    }
}

fn uring_hint(errno: Option<Errno>, switch: Option<&str>) -> &'static str {
    match (errno, switch) {
        (Some(Errno::PERM), Some("2")) => {
            "It is switched off for everybody: set the sysctl kernel.io_uring_disabled to 0."
        }
        (Some(Errno::PERM), Some("1")) => {
            "It is switched off for ordinary users: set the sysctl kernel.io_uring_disabled to 0, \
             or add the daemon's group to kernel.io_uring_group."
        }
        (Some(Errno::PERM | Errno::NOSYS), _) => {
            "The kernel was built without it, or a seccomp profile forbids it, as those of many \
             container runtimes do: allow io_uring_setup, io_uring_enter and io_uring_register."
        }
        (Some(Errno::INVAL), _) => "The kernel lacks IORING_SETUP_DEFER_TASKRUN: use 6.1 or newer.",
        (Some(Errno::NOMEM), _) => {
            "Raise the limit of locked memory (ulimit -l, LimitMEMLOCK in systemd)."
        }
        (Some(Errno::MFILE | Errno::NFILE), _) => "Raise the limit of open files (ulimit -n).",
        _ => "See the system's log for the reason.",
    }
}

/// Makes the data folder, and what is missing above it, for its owner's eyes only.
pub fn create_folder(folder: &Path) -> Result<(), StartupError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(failed("create", folder))
}

/// The names in a folder. Those that are not UTF-8 are shown as well as they can be.
pub fn names(folder: &Path) -> Result<Vec<String>, StartupError> {
    let list = || -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(folder)?;
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    list().map_err(failed("read", folder))
}

/// Reads a small text file, such as the settings.
pub fn read_text(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Checks, by doing it, that the file system takes writes past the page cache. Says whether what
/// is stored there survives a restart of the machine.
pub fn check_direct_io(folder: &Path) -> Result<bool, StartupError> {
    let dir = File::open(folder).map_err(failed("open", folder))?;
    let volatile = rustix::fs::fstatfs(&dir)
        .is_ok_and(|stat| u64::try_from(stat.f_type).is_ok_and(|kind| kind == TMPFS_MAGIC));
    let result = probe(&dir);
    let _ = rustix::fs::unlinkat(&dir, PROBE_FILE, AtFlags::empty());
    match result {
        Ok(()) => Ok(!volatile),
        Err(error @ (Errno::INVAL | Errno::OPNOTSUPP)) => Err(StartupError::DirectIo {
            folder: folder.display().to_string(),
            reason: io::Error::from(error).to_string(),
            hint: if volatile {
                "It is a tmpfs, which lives in memory: use a folder on ext4 or XFS."
            } else {
                "Use a folder on ext4 or XFS."
            },
        }),
        Err(error) => Err(failed("write", &folder.join(PROBE_FILE))(error.into())),
    }
}

fn probe(dir: impl AsFd) -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::RDWR | OFlags::DIRECT | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, PROBE_FILE, flags, Mode::RUSR | Mode::WUSR)?;
    let block = AlignedBuf::zeroed(BLOCK);
    if rustix::io::pwrite(&file, &block, 0)? != BLOCK {
        return Err(Errno::IO);
    }
    rustix::fs::fdatasync(&file)
}

/// Raises this process's limit of open files as far as it may, and says how far.
pub fn raise_open_files() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let limit = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    limit.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_passes() {
        check_kernel().unwrap();
        check_uring().unwrap();
        let folder = tempfile::tempdir().unwrap();
        check_direct_io(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(raise_open_files() >= 1024);
    }

    #[test]
    fn releases_are_read() {
        assert_eq!(parse_release("6.1.0-13-amd64"), Some((6, 1)));
        assert_eq!(parse_release("5.15"), Some((5, 15)));
        assert_eq!(parse_release("6.18-rc1"), Some((6, 18)));
        assert_eq!(parse_release("unknown"), None);
        assert!((5, 19) < KERNEL_MIN && (10, 0) > KERNEL_MIN);
    }

    #[test]
    fn hints_name_the_switch() {
        let hint = uring_hint(Some(Errno::PERM), Some("2"));
        assert!(hint.contains("kernel.io_uring_disabled"));
        let hint = uring_hint(Some(Errno::NOSYS), None);
        assert!(hint.contains("seccomp"));
    }

    #[test]
    fn failures_say_what_and_where() {
        assert!(check_direct_io(Path::new("/proc")).is_err());
    }
}
