//! The MD5 of everything that this core receives at the moment, several bodies side by side.
//!
//! Bodies come in at their own pace and in pieces of any length. Who has a piece hands it in and gets
//! it back digested. Between two turns everybody else of the core gets theirs, so pieces that
//! arrive meanwhile join in, and a large body delays nobody by more than a turn.

use crate::base::AlignedBuf;
use crate::base::local::{Sender, oneshot};
use crate::base::md5::{LANES, Lanes, Md5};
use crate::io::runtime::yield_now;
use crate::io::spawn;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Most bytes of a stream that are digested before others get their turn: some tens of microseconds.
const TURN_BYTES: usize = 32 * 1024;
/// Up to this many bytes it costs more to wait for company than to digest them alone.
const ALONE_BYTES: usize = 256;

/// Digests on behalf of all uploads of a core.
#[derive(Clone)]
pub struct Digester(Rc<State>);

struct State {
    lanes: Lanes,
    waiting: RefCell<VecDeque<Piece>>,
    working: Cell<bool>,
}

/// Bytes on their way through the digest of their body.
struct Piece {
    md5: Md5,
    buf: AlignedBuf,
    /// Where the bytes begin that are still to be digested.
    from: usize,
    done: Sender<(Md5, AlignedBuf)>,
}

impl Default for Digester {
    fn default() -> Self {
        Self(Rc::new(State {
            lanes: Lanes::best(),
            waiting: RefCell::default(),
            working: Cell::new(false),
        }))
    }
}

impl Digester {
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
        self.0.waiting.borrow_mut().push_back(Piece {
            md5,
            buf,
            from,
            done,
        });
        if !self.0.working.replace(true) {
            spawn(work(self.0.clone()));
        }
        digested.receive().await
    }
}

/// Digests until nothing waits.
async fn work(state: Rc<State>) {
    loop {
        // Whoever is ready to hand something in does so now.
        yield_now().await;
        let mut pieces: Vec<Piece> = {
            let mut waiting = state.waiting.borrow_mut();
            let count = waiting.len().min(LANES);
            waiting.drain(..count).collect()
        };
        if pieces.is_empty() {
            state.working.set(false);
            return;
        }
        turn(state.lanes, &mut pieces);
        for piece in pieces {
            if piece.from < piece.buf.len() {
                // At the end of the line: short bodies do not wait for long ones.
                state.waiting.borrow_mut().push_back(piece);
            } else {
                piece.done.send((piece.md5, piece.buf));
            }
        }
    }
}

fn turn(lanes: Lanes, pieces: &mut [Piece]) {
    let mut streams: Vec<(&mut Md5, &[u8])> = Vec::with_capacity(LANES);
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
