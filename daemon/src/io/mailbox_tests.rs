//! No wake-up gets lost, with real threads and rings. `tests/interleavings/loom` has the same for every
//! order of what few threads do.

use super::*;
use crate::io::runtime::run;
use std::thread;

#[test]
fn a_burst_costs_one_wake() {
    use std::sync::atomic::AtomicUsize;
    use std::task::{Context, Wake};
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let (sender, mut mailbox) = mailbox();
    let mut batch = Vec::new();
    for round in 1..=3 {
        assert!(mailbox.poll_batch(&waker, &mut batch).is_pending());
        for number in 0..100 {
            sender.send(number).unwrap();
        }
        assert_eq!(count.0.load(Ordering::Relaxed), round);
        let polled = Box::pin(mailbox.recv_batch(&mut batch))
            .as_mut()
            .poll(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Ready(true));
        assert_eq!(batch.drain(..).len(), 100);
    }
    drop(sender);
    assert_eq!(mailbox.poll_batch(&waker, &mut batch), Poll::Ready(false));
}

/// Three threads send to one ring in bursts with pauses; each sender's order is kept.
#[test]
fn nothing_is_lost_between_threads() {
    const SENDERS: usize = 3;
    const EACH: u64 = 100_000;
    let (sender, mut mailbox) = mailbox();
    let threads = (0..SENDERS).map(|id| {
        let sender = sender.clone();
        thread::spawn(move || {
            for number in 0..EACH {
                sender.send((id, number)).unwrap();
                if number % 97 == 0 {
                    thread::yield_now();
                }
            }
        })
    });
    let threads: Vec<_> = threads.collect();
    drop(sender);
    let next = run(async move {
        let (mut next, mut batch) = ([0; SENDERS], Vec::new());
        while mailbox.recv_batch(&mut batch).await {
            for (id, number) in batch.drain(..) {
                assert_eq!(next[id], number);
                next[id] += 1;
            }
        }
        next
    })
    .unwrap();
    assert_eq!(next, [EACH; SENDERS]);
    threads.into_iter().for_each(|t| t.join().unwrap());
}

/// Ping-pong between two rings, so that both sleep and wake all the time: a lost wake-up
/// would hang it.
#[test]
fn two_rings_never_sleep_through_a_message() {
    const ROUNDS: u64 = 30_000;
    let (to_pong, mut pong) = mailbox::<u64>();
    let (to_ping, mut ping) = mailbox::<u64>();
    let other = thread::spawn(move || {
        run(async move {
            let mut batch = Vec::new();
            while pong.recv_batch(&mut batch).await {
                for number in batch.drain(..) {
                    let _ = to_ping.send(number + 1);
                }
            }
        })
        .unwrap();
    });
    run(async move {
        let mut batch = Vec::new();
        let mut number = 0;
        while number < ROUNDS {
            to_pong.send(number).unwrap();
            assert!(ping.recv_batch(&mut batch).await);
            assert_eq!(batch, [number + 1]);
            batch.clear();
            number += 1;
        }
    })
    .unwrap();
    other.join().unwrap();
}
