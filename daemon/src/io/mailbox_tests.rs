//! No wake-up gets lost: exhaustively in small (loom), and with real threads and rings.

use super::*;

/// Run with `RUSTFLAGS="--cfg chainring_loom" cargo test -p chainringd --lib loom_`.
#[cfg(chainring_loom)]
mod loom_model {
    use super::*;
    use loom::future::block_on;
    use loom::thread;

    /// A sender and a receiver that sleeps as often as it can: all interleavings with at most this
    /// many preemptions end with every message received in order, which they cannot when a wake-up
    /// is lost.
    #[test]
    fn loom_no_wake_up_is_lost() {
        check(3, &[&[1, 2]]);
    }

    #[test]
    fn loom_no_wake_up_is_lost_between_senders() {
        check(2, &[&[1], &[2]]);
    }

    fn check(preemptions: usize, messages: &'static [&'static [u32]]) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(preemptions);
        model.check(move || receive_from(messages));
    }

    fn receive_from(messages: &'static [&'static [u32]]) {
        let (sender, mut mailbox) = mailbox::<u32>();
        let threads = messages.iter().map(|messages| {
            let sender = sender.clone();
            thread::spawn(move || messages.iter().for_each(|m| sender.send(*m).unwrap()))
        });
        let threads: Vec<_> = threads.collect();
        drop(sender);
        block_on(async move {
            let mut got = Vec::new();
            while mailbox.recv_batch(&mut got).await {}
            if messages.len() > 1 {
                got.sort_unstable();
            }
            assert_eq!(got, messages.concat());
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
    }

    /// A message is received or given up, never kept by a mailbox that is gone.
    #[test]
    fn loom_closing_keeps_nothing() {
        loom::model(|| {
            let (sender, mailbox) = mailbox::<std::sync::Arc<()>>();
            let token = std::sync::Arc::new(());
            let sent = token.clone();
            let sending = thread::spawn(move || {
                let _ = sender.send(sent);
                sender
            });
            drop(mailbox);
            let _sender = sending.join().unwrap();
            assert_eq!(std::sync::Arc::strong_count(&token), 1);
        });
    }
}

#[cfg(not(chainring_loom))]
mod threads {
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
}
