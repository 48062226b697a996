//! The MD5 of everything that this core receives at the moment, several bodies side by side.
//!
//! Bodies come in at their own pace and in pieces of any length. Who has a piece hands it in and gets
//! it back digested. A turn with few pieces costs what one with many costs, so the digester goes last:
//! everybody else of the core goes first, and while pieces keep coming it waits for more. Long pieces
//! are worth more: they wait for a moment for other long bodies that are being received. A large
//! body delays nobody by more than a turn.

use crate::base::AlignedBuf;
use crate::base::local::{Notify, Sender, oneshot};
use crate::base::md5::{Lanes, Md5};
use crate::io::runtime::yield_now;
use crate::io::{Clock, RealClock, sleep, spawn};
use futures_util::future::select;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// Most bytes of a stream that are digested before others get their turn: some tens of microseconds.
const TURN_BYTES: usize = 32 * 1024;
/// Up to this many bytes it costs more to wait for company than to digest them alone.
const ALONE_BYTES: usize = 256;
/// A body from here on is long.
const LONG_BYTES: usize = 256 * 1024;
/// How long long pieces wait for one more. To digest a mebibyte takes 2 to 3 ms.
const PATIENCE: Duration = Duration::from_millis(3);
/// How long a piece waits for others, at most.
const PATIENCE_MAX: Duration = Duration::from_millis(10);

/// Digests on behalf of all uploads of a core.
#[derive(Clone)]
pub struct Digester(Rc<State>);

struct State {
    lanes: Lanes,
    waiting: RefCell<VecDeque<Piece>>,
    working: Cell<bool>,
    /// Long bodies that are being received.
    expected: Cell<usize>,
    /// A piece came, or one that was expected will not come.
    news: Notify,
    /// When the last piece came.
    newest: Cell<Duration>,
}

/// Bytes on their way through the digest of their body.
struct Piece {
    md5: Md5,
    buf: AlignedBuf,
    /// Where the bytes begin that are still to be digested.
    from: usize,
    since: Duration,
    done: Sender<(Md5, AlignedBuf)>,
}

/// A piece that is being received. To be dropped before it is handed in.
pub struct Expected(Option<Rc<State>>);

impl Drop for Expected {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            state.expected.set(state.expected.get() - 1);
            state.news.notify();
        }
    }
}

impl Default for Digester {
    fn default() -> Self {
        Self::with(Lanes::best())
    }
}

impl Digester {
    /// A digester that computes in this way.
    #[must_use]
    pub fn with(lanes: Lanes) -> Self {
        Self(Rc::new(State {
            lanes,
            waiting: RefCell::default(),
            working: Cell::new(false),
            expected: Cell::new(0),
            news: Notify::new(),
            newest: Cell::default(),
        }))
    }

    /// A piece of so many bytes is about to be received: others may wait for it.
    #[must_use]
    pub fn expect(&self, bytes: usize) -> Expected {
        if bytes < LONG_BYTES {
            return Expected(None);
        }
        self.0.expected.set(self.0.expected.get() + 1);
        Expected(Some(self.0.clone()))
    }

    /// Digests the bytes of `buf` from `from` on and gives it back. `None` if the core is ending.
    pub async fn update(
        &self,
        mut md5: Md5,
        buf: AlignedBuf,
        from: usize,
    ) -> Option<(Md5, AlignedBuf)> {
        let bytes = buf.get(from..).unwrap_or_default();
        if bytes.len() <= ALONE_BYTES {
            md5.update(bytes);
            return Some((md5, buf));
        }
        let (done, digested) = oneshot();
        let since = RealClock.monotonic();
        self.0.newest.set(since);
        self.0.waiting.borrow_mut().push_back(Piece {
            md5,
            buf,
            from,
            since,
            done,
        });
        if self.0.working.replace(true) {
            self.0.news.notify();
        } else {
            spawn(work(self.0.clone()));
        }
        digested.receive().await
    }
}

/// Digests until nothing waits.
async fn work(state: Rc<State>) {
    let mut pieces = Vec::with_capacity(state.lanes.streams());
    loop {
        state.gather().await;
        {
            let mut waiting = state.waiting.borrow_mut();
            let count = waiting.len().min(state.lanes.streams());
            pieces.extend(waiting.drain(..count));
        }
        if pieces.is_empty() {
            state.working.set(false);
            return;
        }
        turn(state.lanes, &mut pieces);
        for piece in pieces.drain(..) {
            if piece.from < piece.buf.len() {
                // At the end of the line: short bodies do not wait for long ones.
                state.waiting.borrow_mut().push_back(piece);
            } else {
                piece.done.send((piece.md5, piece.buf));
            }
        }
    }
}

impl State {
    fn lanes_are_full(&self) -> bool {
        self.waiting.borrow().len() >= self.lanes.streams()
    }

    /// Lets everybody else go first, and more pieces come while there are lanes for them.
    async fn gather(&self) {
        loop {
            let before = self.waiting.borrow().len();
            yield_now().await;
            if self.lanes_are_full() {
                return;
            }
            if self.waiting.borrow().len() == before {
                break;
            }
        }
        while let Some(patience) = self.patience() {
            let (over, news) = (sleep(patience), self.news.changed(self.news.ticket()));
            select(pin!(over), pin!(news)).await;
        }
    }

    /// How long it is still worth while to wait: while pieces come, no longer than the least patient
    /// of them does, and only for bodies that are on their way.
    fn patience(&self) -> Option<Duration> {
        if self.expected.get() == 0 || self.lanes_are_full() {
            return None;
        }
        let now = RealClock.monotonic();
        let of_piece = |piece: &Piece| match piece.buf.len() - piece.from {
            LONG_BYTES.. => PATIENCE_MAX.checked_sub(now.saturating_sub(piece.since)),
            _ => None,
        };
        let waiting = self.waiting.borrow();
        let least = waiting.iter().map(of_piece).min().flatten()?;
        let least = least.min(PATIENCE.checked_sub(now.saturating_sub(self.newest.get()))?);
        (!least.is_zero()).then_some(least)
    }
}

fn turn(lanes: Lanes, pieces: &mut [Piece]) {
    let mut streams: Vec<(&mut Md5, &[u8])> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let Piece { md5, buf, from, .. } = piece;
        let to = buf.len().min(*from + TURN_BYTES);
        streams.push((md5, buf.get(*from..to).unwrap_or_default()));
        *from = to;
    }
    lanes.update(&mut streams);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::runtime::run;

    #[test]
    fn bodies_of_every_length_side_by_side() {
        let digests = run(async {
            let digester = Digester::default();
            let bodies = (0..40usize).map(|n| {
                let digester = digester.clone();
                async move {
                    let body: Vec<u8> = (0..n * n * 97)
                        .map(|at| (at * n).to_le_bytes()[0])
                        .collect();
                    let expected = Md5::digest(&body);
                    let mut md5 = Md5::new();
                    for piece in body.chunks(50_000) {
                        let buf = AlignedBuf::copy_of(piece);
                        let (next, buf) = digester.update(md5, buf, 0).await.unwrap();
                        assert_eq!(&buf[..piece.len()], piece);
                        md5 = next;
                    }
                    (md5.finish(), expected)
                }
            });
            futures_util::future::join_all(bodies).await
        });
        for (found, expected) in digests.unwrap() {
            assert_eq!(found, expected);
        }
    }
}
