//! The clock and the entropy of the real world.

use super::disk::Clock;
use super::runtime;
use crate::base::Timestamp;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The clocks of the system. Sleeping needs a runtime on the thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_micros() / 1000)
    }

    fn now_micros(&self) -> u64 {
        // A clock set before 1970 is as wrong as one set to 1970.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> Duration {
        START.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        runtime::sleep(duration).await;
    }
}

/// Fills `bytes` from the kernel's cryptographic generator.
///
/// # Panics
/// When the kernel has none to give, which no supported kernel does: going on with guessable
/// secrets would be worse.
pub fn entropy(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        panic!("no entropy: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_differs() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        entropy(&mut a);
        entropy(&mut b);
        assert_ne!(a, b);
    }

    #[test]
    fn clocks_make_sense() {
        let before = RealClock.monotonic();
        assert!(RealClock.now() > Timestamp(1_700_000_000_000));
        assert!(RealClock.monotonic() >= before);
    }
}
