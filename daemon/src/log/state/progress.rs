//! What was written, what was flushed, who may go on: the second half of [`State`].

use super::{Job, State, Step};
use crate::base::Location;
use crate::log::format::{BATCH_HEAD, SEGMENT_HEAD};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

impl<F: Clone> State<F> {
    /// A rotation took place: the old segment is flushed, the new one's header too.
    pub(in crate::log) fn rotated(&mut self, segment: u32, span: u64, now: Duration) {
        self.rotating = false;
        self.active = segment;
        let start = Location {
            segment,
            offset: SEGMENT_HEAD,
        };
        self.complete(span, now);
        self.flushed(start);
    }

    /// The next write that may begin, if there is one.
    pub(in crate::log) fn next_job(&mut self) -> Option<Job<F>> {
        if self.stopped_hard() {
            return None;
        }
        if self.queue.is_empty() && self.batch_due() {
            self.close_batch();
        }
        if self.queue.front()?.at.segment != self.active {
            return None;
        }
        self.queue.pop_front()
    }

    fn stopped_hard(&self) -> bool {
        self.poison.is_some()
    }

    /// Whether the batch should go although it has room: somebody waits for it, and neither a write
    /// nor a flush is under way that would give it time to collect more.
    fn batch_due(&self) -> bool {
        let Some(batch) = &self.batch else {
            return false;
        };
        let start = self.at(batch.start);
        let hold = self.interval.is_none() && (self.flushing || self.flush_due());
        self.batches_in_flight == 0 && !hold && self.waiters.iter().any(|(at, _)| *at > start)
    }

    /// Whether somebody waits for what a flush would make durable.
    fn flush_due(&self) -> bool {
        let in_reach = |at: Location| at > self.durable && at <= self.written;
        in_reach(self.flush_wanted)
            || (self.interval.is_none() && self.waiters.iter().any(|(at, _)| in_reach(*at)))
    }

    /// A write completed.
    pub(in crate::log) fn complete_job(&mut self, span: u64, batch: bool, now: Duration) {
        if batch {
            self.batches_in_flight -= 1;
        }
        self.complete(span, now);
    }

    fn complete(&mut self, span: u64, now: Duration) {
        let index = usize::try_from(span - self.first_span).expect("few writes at once");
        if let Some(span) = self.spans.get_mut(index) {
            span.done = true;
        }
        while let Some(span) = self.spans.pop_front_if(|span| span.done) {
            self.first_span += 1;
            if self.written == self.durable {
                self.dirty_since = now;
            }
            self.written = span.end;
        }
        if self.interval.is_some() {
            self.wake(self.written);
        }
    }

    /// What the flusher should do next.
    pub(in crate::log) fn flush_step(&mut self, now: Duration) -> Step<F> {
        if self.stopped_hard() {
            return Step::Stop;
        }
        if let Some(rotation) = self.rotation.take_if(|r| r.old_end == self.written) {
            self.flushing = true;
            return Step::Rotate(rotation);
        }
        let dirty = self.written > self.durable;
        let due = self.interval.map(|interval| self.dirty_since + interval);
        let overdue = dirty && due.is_some_and(|due| now >= due);
        // Before a rotation everything written is in the old segment, and so is the flush.
        if self.flush_due() || overdue {
            self.flushing = true;
            let file = match &self.rotation {
                Some(rotation) => rotation.old_file.clone(),
                None => self.file.clone(),
            };
            return Step::Flush(file, self.written);
        }
        match due {
            Some(due) if dirty => Step::WaitUntil(due),
            _ if self.closed => Step::Stop,
            _ => Step::Wait,
        }
    }

    /// A flush that began when everything before `upto` was written has succeeded.
    pub(in crate::log) fn flushed(&mut self, upto: Location) {
        self.flushing = false;
        self.counts.flushes += 1;
        self.durable = self.durable.max(upto);
        if self.interval.is_none() {
            self.wake(self.durable);
        }
    }

    /// Whether everything before `target` is as safe as the log promises.
    pub(in crate::log) fn reached(&self, target: Location) -> bool {
        match self.interval {
            None => self.durable >= target,
            Some(_) => self.written >= target,
        }
    }

    /// Whether something is under way whose end looks after new waiters anyway.
    pub(in crate::log) const fn busy(&self) -> bool {
        self.flushing || self.batches_in_flight > 0
    }

    pub(in crate::log) fn wait(&mut self, target: Location, waker: &Waker) {
        let known = |(at, w): &(Location, Waker)| *at == target && w.will_wake(waker);
        if !self.waiters.last().is_some_and(known) {
            self.waiters.push((target, waker.clone()));
        }
    }

    fn wake(&mut self, upto: Location) {
        self.waiters.retain(|(at, waker)| {
            if *at <= upto {
                waker.wake_by_ref();
            }
            *at > upto
        });
    }

    /// Whether a mark is wanted: all is durable and the last frame is none.
    pub(in crate::log) fn mark_wanted(&self) -> bool {
        let idle = self.batch.is_none() && self.durable == self.at(self.next) && !self.rotating;
        idle && self.marked != self.next && !self.closed && self.poison.is_none()
    }

    /// Queues an empty batch: it tells recovery that everything before it was flushed.
    pub(in crate::log) fn mark(&mut self) {
        if self.mark_wanted() && self.next + self.block <= self.bytes {
            self.open_batch(BATCH_HEAD);
            self.close_batch();
            self.flush_wanted = self.at(self.next);
        }
        self.marked = self.next;
    }

    /// Stops the log for good. Returns the writes that will not happen.
    pub(in crate::log) fn stop(&mut self, poison: Option<Arc<str>>) -> VecDeque<Job<F>> {
        if self.poison.is_none() {
            self.poison = poison;
        }
        self.closed = true;
        for (_, waker) in self.waiters.drain(..) {
            waker.wake();
        }
        std::mem::take(&mut self.queue)
    }
}
