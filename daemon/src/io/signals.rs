//! The signals that ask the daemon to end, as a future.
#![expect(
    unsafe_code,
    reason = "signal masks and signalfd have no safe interface here"
)]

use compio::driver::op::{Interest, PollOnce};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;

/// A signal that asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM, as a supervisor sends it.
    Terminate,
    /// SIGHUP: read the configuration again, open the log files anew.
    Reload,
}

/// Takes signals instead of being ended by them.
pub struct Signals(Arc<OwnedFd>);

impl Signals {
    /// Takes SIGINT, SIGTERM and SIGHUP from now on. Call it before any other thread exists: threads
    /// inherit what is held back.
    pub fn take() -> io::Result<Self> {
        let set = signal_set();
        // SAFETY: `set` is initialised; no old mask is asked for.
        let error =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        // SAFETY: `set` is initialised; -1 asks for a new descriptor.
        let fd =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new descriptor that nobody else has.
        Ok(Self(Arc::new(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// The next signal. Needs a runtime on the thread.
    pub async fn next(&self) -> io::Result<Signal> {
        loop {
            if let Some(signal) = self.read()? {
                return Ok(signal);
            }
            let poll = PollOnce::new(self.0.clone(), Interest::Readable);
            compio::runtime::submit(poll).await.0?;
        }
    }

    fn read(&self) -> io::Result<Option<Signal>> {
        let mut info = [0u8; size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.0, &mut info) {
            Ok(_) => {}
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // The number of the signal is the structure's first field.
        let number = info.first_chunk().map_or(0, |n| i32::from_ne_bytes(*n));
        Ok(match number {
            libc::SIGINT => Some(Signal::Interrupt),
            libc::SIGTERM => Some(Signal::Terminate),
            libc::SIGHUP => Some(Signal::Reload),
            _ => None,
        })
    }
}

fn signal_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set, `sigaddset` changes it; the numbers are valid.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for number in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(set.as_mut_ptr(), number);
        }
        set.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::runtime::run;

    /// Signals sent to this thread only, so that other tests do not notice.
    #[test]
    fn signals_arrive_in_a_future() {
        let signals = Signals::take().unwrap();
        let raise = |number| {
            // SAFETY: sends a signal that this thread holds back.
            assert_eq!(unsafe { libc::raise(number) }, 0);
        };
        run(async {
            raise(libc::SIGTERM);
            assert_eq!(signals.next().await.unwrap(), Signal::Terminate);
            crate::io::spawn(async move {
                crate::io::runtime::yield_now().await;
                // SAFETY: as above.
                unsafe { libc::raise(libc::SIGHUP) };
            });
            assert_eq!(signals.next().await.unwrap(), Signal::Reload);
        })
        .unwrap();
    }
}
