//! What is counted: instructions between entering and leaving [`counted_region`], which callgrind
//! knows by name.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The pattern that makes callgrind count in [`counted_region`] and in what it calls, and nowhere
/// else.
pub const PATTERN: &str = "*counted_region*";

/// Calls before anything is counted: caches fill, tables are made.
const WARM_UP: usize = 20;

/// Callgrind counts while `part` runs.
#[inline(never)]
pub fn counted_region(part: &mut dyn FnMut()) {
    part();
    // Without something behind it the call would be a jump, and this function left at once.
    black_box(());
}

/// Counts `calls` calls, after some that are not counted. Calls are numbered.
pub fn repeat<R>(calls: usize, mut call: impl FnMut(usize) -> R) {
    for n in 0..WARM_UP {
        black_box(call(n));
    }
    counted_region(&mut || {
        for n in WARM_UP..WARM_UP + calls {
            black_box(call(n));
        }
    });
}

/// Counts what a future does itself: not the executor, nor what other tasks do meanwhile.
pub struct Counted<F>(Pin<Box<F>>);

impl<F: Future> Counted<F> {
    /// A future to be counted.
    pub fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut polled = Poll::Pending;
        counted_region(&mut || polled = self.0.as_mut().poll(cx));
        polled
    }
}
