//! Waiting for room in the log, first come first served, and the log's end for all who wait.

use super::state::{Blocked, State, Then};
use super::{Inner, Log, LogError};
use crate::io::{Clock, Disk};
use futures_util::future::select;
use std::pin::pin;
use std::time::Duration;

/// How long after a failed attempt the device is asked for space again.
const FULL_RETRY: Duration = Duration::from_secs(1);
/// How long a write waits on a full device when room is expected.
const FULL_PATIENCE: Duration = Duration::from_secs(20);

impl<D: Disk, C: Clock> Log<D, C> {
    /// Tries an allocation until it succeeds or never will, first come first served.
    pub(super) async fn allocate<T>(
        &self,
        mut attempt: impl FnMut(&mut State<D::File>) -> Result<T, Blocked>,
    ) -> Result<T, LogError> {
        let inner = &self.0;
        if inner.state.borrow().turns.is_empty() {
            match inner.attempt(&mut attempt) {
                Ok(value) => return Ok(value),
                Err(Blocked::Failed(error)) => return Err(error),
                Err(Blocked::NoSpare | Blocked::Rotating) => {}
            }
        }
        let turn = Turn::take(inner);
        let mut asked = false;
        loop {
            let ticket = inner.space.ticket();
            if turn.is_first() {
                match inner.attempt(&mut attempt) {
                    Ok(value) => return Ok(value),
                    Err(Blocked::Failed(error)) => return Err(error),
                    Err(Blocked::NoSpare) if asked && inner.full_since.get().is_some() => {
                        return Err(LogError::NoSpace);
                    }
                    Err(Blocked::NoSpare) => {
                        inner.ask_for_spare()?;
                        asked = true;
                    }
                    Err(Blocked::Rotating) => {}
                }
            }
            inner.space.changed(ticket).await;
        }
    }

    /// Until when a write that begins now waits for room; see [`Log::wait_for_room`].
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.0.clock.monotonic() + FULL_PATIENCE
    }

    /// Resolves at once unless the device is full and garbage is being removed from it: then when
    /// there is room, or at `until` in any case. To be called before an append, and with nothing held
    /// that those need who make room.
    pub async fn wait_for_room(&self, until: Duration) {
        let inner = &self.0;
        while self.lacks_room(until) {
            let changed = pin!(inner.space.changed(inner.space.ticket()));
            select(changed, pin!(inner.clock.sleep(FULL_RETRY))).await;
            // What it says is said to the append that follows.
            let _ = inner.ask_for_spare();
        }
    }

    /// Whether the device was found full and has given no room since.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.short.get()
    }

    /// Whether an append would be refused now, and should wait instead.
    #[must_use]
    pub fn lacks_room(&self, until: Duration) -> bool {
        let inner = &self.0;
        let short = inner.short.get() && !inner.state.borrow().has_room();
        short && inner.hope.get() && inner.clock.monotonic() < until
    }

    /// Whether room is expected when the device is full, because garbage is being removed.
    pub fn expect_room(&self, expected: bool) {
        self.0.hope.set(expected);
        if !expected {
            self.0.space.notify();
        }
    }

    /// Up to now, for [`Log::filled`].
    #[must_use]
    pub fn fillings(&self) -> u64 {
        self.0.full.ticket()
    }

    /// Resolves when the device was found full after this was said by [`Log::fillings`].
    pub async fn filled(&self, since: u64) {
        self.0.full.changed(since).await;
    }
}

impl<D: Disk, C: Clock> Inner<D, C> {
    /// Tries an allocation and starts what it made necessary.
    fn attempt<T>(
        &self,
        attempt: &mut impl FnMut(&mut State<D::File>) -> Result<T, Blocked>,
    ) -> Result<T, Blocked> {
        let mut state = self.state.borrow_mut();
        let before = state.segment;
        let result = attempt(&mut state);
        let (queued, rotated) = (!state.queue.is_empty(), state.segment != before);
        let opened = rotated.then(|| (state.segment, state.file.clone()));
        drop(state);
        if let Some((segment, file)) = opened {
            self.table.insert(segment, file);
            self.pace.rotated(self.clock.monotonic());
            self.prepare.notify();
        }
        if queued || rotated {
            self.work.notify();
        }
        result
    }

    /// Has a spare segment prepared, unless the device was full a moment ago.
    fn ask_for_spare(&self) -> Result<(), LogError> {
        if let Some(since) = self.full_since.get() {
            if self.clock.monotonic() < since + FULL_RETRY {
                return Err(LogError::NoSpace);
            }
            self.full_since.set(None);
        }
        self.prepare.notify();
        Ok(())
    }

    /// Ends the log: nothing is written any more, everybody who waits is told.
    pub(super) fn halt(&self, poison: Option<&LogError>) {
        let reason = poison.map(|error| error.to_string().into());
        let jobs = self.state.borrow_mut().stop(reason);
        for job in jobs {
            if let Then::Extent(sender, len) = job.then {
                let error = self.state.borrow().stopped().err();
                let mut buf = job.buf;
                buf.set_len(len);
                sender.send((Err(error.unwrap_or(LogError::Closed)), buf));
            }
        }
        for retiring in self.retiring.take() {
            retiring.sender.send(Err(LogError::Closed));
        }
        self.work.notify();
        self.space.notify();
        self.prepare.notify();
    }
}

/// A place in the queue for room in the log; given up when dropped.
struct Turn<'a, D: Disk, C: Clock> {
    inner: &'a Inner<D, C>,
    number: u64,
}

impl<'a, D: Disk, C: Clock> Turn<'a, D, C> {
    fn take(inner: &'a Inner<D, C>) -> Self {
        let mut state = inner.state.borrow_mut();
        let number = state.next_turn;
        state.next_turn += 1;
        state.turns.push_back(number);
        Self { inner, number }
    }

    fn is_first(&self) -> bool {
        self.inner.state.borrow().turns.front() == Some(&self.number)
    }
}

impl<D: Disk, C: Clock> Drop for Turn<'_, D, C> {
    fn drop(&mut self) {
        let number = self.number;
        self.inner.state.borrow_mut().turns.retain(|n| *n != number);
        self.inner.space.notify();
    }
}
