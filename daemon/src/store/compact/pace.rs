//! How fast things are moved: at least so fast that garbage does not grow without bounds, and no
//! faster, so that clients have the device.

use super::choice::Aim;
use std::cell::Cell;
use std::time::Duration;

/// Slowest, in bytes per second.
const RATE_MIN: u64 = 16 * 1024 * 1024;
/// Over how long the clients' writes are measured.
const WINDOW: Duration = Duration::from_millis(500);
/// Longest wait at once.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The pace of one shard.
pub(in crate::store) struct Pace {
    aim: Cell<Aim>,
    /// Bytes to move for each byte that clients write, in thousandths.
    ratio: Cell<u64>,
    /// When the measurement began, and what had been written and moved then.
    since: Cell<(Duration, u64)>,
    moved: Cell<u64>,
    /// Bytes per second that clients wrote lately.
    foreground: Cell<u64>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            aim: Cell::new(Aim::Modest),
            ratio: Cell::new(1000),
            since: Cell::new((Duration::ZERO, 0)),
            moved: Cell::new(0),
            foreground: Cell::new(0),
        }
    }
}

impl Pace {
    /// Before a pass: `live` of `total` bytes are alive. To keep up with clients that overwrite,
    /// live bytes have to be moved in the proportion in which they lie between the dead ones.
    pub(in crate::store) fn set(&self, aim: Aim, live: u64, total: u64) {
        self.aim.set(aim);
        let dead = total.saturating_sub(live).max(1);
        // Twice as fast as needed, so that it ends.
        let ratio = live.saturating_mul(2000) / dead;
        self.ratio.set(ratio.clamp(1000, 40_000));
    }

    /// From here on, until the next pass, nothing waits.
    pub(super) fn hurry(&self) {
        self.aim.set(Aim::Urgent);
    }

    /// How long to wait after `bytes` were moved. `written` is what the log wrote so far, moves
    /// included.
    pub(super) fn wait(&self, bytes: u64, written: u64, now: Duration) -> Duration {
        self.moved.set(self.moved.get() + bytes);
        let (since, before) = self.since.get();
        let elapsed = now.saturating_sub(since);
        if elapsed >= WINDOW {
            let theirs = written
                .saturating_sub(before)
                .saturating_sub(self.moved.get());
            let micros = u64::try_from(elapsed.as_micros())
                .unwrap_or(u64::MAX)
                .max(1);
            self.foreground
                .set(theirs.saturating_mul(1_000_000) / micros);
            self.since.set((now, written));
            self.moved.set(0);
        }
        if self.aim.get() != Aim::Modest {
            return Duration::ZERO;
        }
        let rate = RATE_MIN.max(self.foreground.get().saturating_mul(self.ratio.get()) / 1000);
        Duration::from_micros(bytes.saturating_mul(1_000_000) / rate).min(WAIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn an_idle_store_is_cleaned_slowly() {
        let pace = Pace::default();
        pace.set(Aim::Modest, 100, 200);
        assert_eq!(pace.wait(16 * MIB, 16 * MIB, Duration::ZERO), WAIT_MAX);
        assert_eq!(
            pace.wait(MIB, 17 * MIB, WINDOW),
            Duration::from_micros(62_500)
        );
    }

    #[test]
    fn writers_are_kept_up_with_and_need_knows_no_pause() {
        let pace = Pace::default();
        pace.set(Aim::Modest, 800, 1000);
        pace.wait(0, 0, WINDOW);
        // 100 MiB/s of clients, and four live bytes for every dead one.
        let wait = pace.wait(MIB, 51 * MIB, WINDOW * 2);
        assert_eq!(wait, Duration::from_micros(1_000_000 / 800));
        pace.set(Aim::Urgent, 800, 1000);
        assert_eq!(pace.wait(MIB, 52 * MIB, WINDOW * 2), Duration::ZERO);
    }
}
