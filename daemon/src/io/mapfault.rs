//! What happens when a page of a mapped file cannot be had: the device failed, or somebody cut the
//! file. The kernel sends SIGBUS to whoever touches the page, and there is no error to return.
//!
//! Mapped ranges are *watched*: the handler looks the address up, says which file it was, and aborts.
//! It never goes on. A fault anywhere else is what it was before: the handler puts back what it had
//! replaced and returns, so that the fault comes again.

#![allow(unsafe_code, reason = "a signal handler, and the table that it reads")]

use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{LazyLock, Once};

/// Ranges watched at once: more mappings than an index may have.
const SLOTS: usize = 20 * 1024;

/// A watched range. `end` is 0 while the slot is free or being filled.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    offset: AtomicUsize,
    name: AtomicPtr<Box<[u8]>>,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        offset: AtomicUsize::new(0),
        name: AtomicPtr::new(ptr::null_mut()),
    }
}; SLOTS];

/// Taken by whoever fills a slot, so that no two fill the same one.
static TAKEN: [AtomicUsize; SLOTS] = [const { AtomicUsize::new(0) }; SLOTS];

/// The name of a mapped file, as the handler prints it. Lives as long as the process: the handler
/// may need it at any moment, and there is one for each time that an index is opened.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::borrowed_box,
    reason = "a thin pointer is what an atomic holds"
)]
pub struct FileName(&'static Box<[u8]>);

impl FileName {
    /// Of a path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let name = path.to_string_lossy().into_owned().into_bytes();
        Self(Box::leak(Box::new(name.into_boxed_slice())))
    }

    /// Of files that are in memory only.
    #[must_use]
    pub fn of_memory() -> Self {
        static NAME: LazyLock<FileName> = LazyLock::new(|| FileName::new(Path::new("(in memory)")));
        *NAME
    }
}

/// A mapped range for as long as it is watched.
#[derive(Debug)]
pub struct Watched {
    slot: Option<usize>,
}

impl Watched {
    /// Watches `len` bytes from `start` on, which show the file from `offset` on. The first call
    /// takes SIGBUS for the whole process.
    #[must_use]
    pub fn new(start: usize, len: usize, name: FileName, offset: u64) -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(install);
        let free = |taken: &AtomicUsize| {
            let swap = taken.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed);
            swap.is_ok()
        };
        // With no slot left the range is not watched: a fault in it ends the process all the same.
        let Some(index) = TAKEN.iter().position(free) else {
            return Self { slot: None };
        };
        if let Some(slot) = TABLE.get(index) {
            slot.start.store(start, Ordering::Relaxed);
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            slot.offset.store(offset, Ordering::Relaxed);
            slot.name
                .store(ptr::from_ref(name.0).cast_mut(), Ordering::Relaxed);
            slot.end.store(start.saturating_add(len), Ordering::Release);
        }
        Self { slot: Some(index) }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(index) = self.slot else { return };
        if let (Some(slot), Some(taken)) = (TABLE.get(index), TAKEN.get(index)) {
            slot.end.store(0, Ordering::Release);
            taken.store(0, Ordering::Release);
        }
    }
}

/// What SIGBUS did before.
static BEFORE: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

fn install() {
    // SAFETY: `sigaction` is plain data for which zeros are a value. The handler has the signature
    // that SA_SIGINFO asks for and does only what a handler may; `before` is written by the kernel
    // before it is read, and leaked, so that the handler may read it at any time.
    unsafe {
        let before: &'static mut libc::sigaction = Box::leak(Box::new(std::mem::zeroed()));
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = fault;
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&raw mut action.sa_mask);
        // What was there is known before the handler can run.
        libc::sigaction(libc::SIGBUS, ptr::null(), before);
        BEFORE.store(before, Ordering::Release);
        libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut());
    }
}

/// The handler: reads atomics, writes to standard error, aborts. Nothing else is allowed here.
extern "C" fn fault(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid `siginfo_t`, and for SIGBUS it has an address.
    let address = unsafe { (*info).si_addr() } as usize;
    for slot in &TABLE {
        let end = slot.end.load(Ordering::Acquire);
        let start = slot.start.load(Ordering::Relaxed);
        if end == 0 || !(start..end).contains(&address) {
            continue;
        }
        let name = slot.name.load(Ordering::Relaxed);
        // SAFETY: a name is leaked before its slot is filled and never freed.
        let name: &[u8] = unsafe { name.as_ref() }.map_or(b"?", |name| name);
        let offset = slot.offset.load(Ordering::Relaxed) + (address - start);
        say(b"chainringd: the mapped file ");
        say(name);
        say(b" cannot be read at offset ");
        number(offset);
        say(b": the device failed, or the file was cut while it was in use. ");
        say(b"Look at the device and the kernel's log, then start the daemon again: ");
        say(b"it makes this file anew from the log.\n");
        // SAFETY: may be called in a signal handler.
        unsafe { libc::abort() }
    }
    // Not ours: as if this handler were not there.
    let before = BEFORE.load(Ordering::Acquire);
    // SAFETY: `before` was filled by `install` and lives for ever; `sigaction` may be called here.
    unsafe { libc::sigaction(libc::SIGBUS, before, ptr::null_mut()) };
}

/// Writes to standard error, past everything that buffers or locks.
fn say(text: &[u8]) {
    // SAFETY: the kernel reads as many bytes as there are; `write` may be called in a handler.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

/// Writes a number without allocating.
fn number(mut value: usize) {
    let mut digits = [0u8; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    say(digits.get(digits.len() - used..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use memmap2::MmapOptions;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Output};

    const FILE: &str = "CHAINRING_TEST_MAPPED_FILE";
    const WATCH: &str = "CHAINRING_TEST_WATCH";

    /// Maps a file and cuts it: what a child of the tests below does.
    #[test]
    #[ignore = "ends its process; the tests below run it in one of its own"]
    fn touches_a_page_that_is_gone() {
        let path = std::env::var(FILE).unwrap();
        let path = Path::new(&path);
        std::fs::write(path, vec![7; 3 * 4096]).unwrap();
        let file = std::fs::File::options()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let map = MmapOptions::new().map_raw_read_only(&file).unwrap();
        let start = map.as_ptr() as usize;
        let watched = Watched::new(start, 2 * 4096, FileName::new(path), 0);
        let at = if std::env::var(WATCH).is_ok() {
            5000
        } else {
            9000
        };
        // SAFETY: mapped, and nobody else has the file.
        let read = |at| unsafe { map.as_ptr().add(at).read_volatile() };
        assert_eq!(read(at), 7);
        file.set_len(0).unwrap();
        read(at);
        drop(watched);
        unreachable!("the page was there");
    }

    fn child(watch: bool) -> (Output, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.map");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "--nocapture"]);
        command.arg("io::mapfault::tests::touches_a_page_that_is_gone");
        command.env(FILE, &path).env_remove(WATCH);
        if watch {
            command.env(WATCH, "1");
        }
        (command.output().unwrap(), path.display().to_string())
    }

    #[test]
    fn a_fault_in_a_mapped_file_names_it_and_aborts() {
        let (output, path) = child(true);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{said}");
        let expected = format!("the mapped file {path} cannot be read at offset 5000: ");
        assert!(said.contains(&expected), "{said}");
    }

    #[test]
    fn a_fault_elsewhere_is_what_it_was() {
        let (output, _) = child(false);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.signal(), Some(libc::SIGBUS), "{said}");
        assert!(!said.contains("the mapped file"), "{said}");
    }

    #[test]
    fn slots_are_given_back() {
        let name = FileName::new(Path::new("x"));
        let first = Watched::new(1, 1, name, 0).slot;
        for _ in 0..2 * SLOTS {
            assert!(Watched::new(1, 1, name, 0).slot.is_some());
        }
        assert!(first.is_some());
    }
}
