//! Mailboxes between cores: no wake-up is lost, and closing keeps no message.

use chainring_loom::io::mailbox::mailbox;
use chainring_loom::run::every_order;
use loom::future::block_on;
use loom::thread;

/// A sender, and a receiver that sleeps as often as it can: every message is received, in order,
/// which it cannot be when a wake-up is lost.
#[test]
fn loom_no_wake_up_is_lost() {
    every_order("mailbox", 3, 5, || receive_from(&[&[1, 2]]));
}

#[test]
fn loom_no_wake_up_is_lost_between_senders() {
    every_order("mailbox-of-two", 2, 3, || receive_from(&[&[1], &[2]]));
}

fn receive_from(messages: &'static [&'static [u32]]) {
    let (sender, mut mailbox) = mailbox::<u32>();
    let threads = messages.iter().map(|messages| {
        let sender = sender.clone();
        thread::spawn(move || {
            messages
                .iter()
                .for_each(|m| assert!(sender.send(*m).is_ok()))
        })
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
    threads
        .into_iter()
        .for_each(|t| t.join().expect("it did not panic"));
}

/// A message is received or given up, never kept by a mailbox that is gone.
#[test]
fn loom_closing_keeps_nothing() {
    every_order("mailbox-closing", 4, 8, || {
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
