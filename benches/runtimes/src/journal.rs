//! Group commit, as far as it has nothing to do with a runtime: bodies collect in a batch while the one
//! before it is being written.

use crate::canned::BODY;
use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Bytes of the file, all of them written before.
pub const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A block as devices want it without a copy.
#[repr(C, align(4096))]
#[derive(Clone, Copy)]
struct Block([u8; BODY]);

/// Blocks one behind the other in memory.
#[derive(Default)]
pub struct Blocks(Vec<Block>);

impl Blocks {
    /// Their bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: a block is exactly its array, and a vector's elements lie one behind the other.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * BODY) }
    }
}

impl compio::buf::IoBuf for Blocks {
    fn as_init(&self) -> &[u8] {
        self.bytes()
    }
}

// SAFETY: moving the blocks does not move what the vector points to, and nothing changes them.
unsafe impl monoio::buf::IoBuf for Blocks {
    fn read_ptr(&self) -> *const u8 {
        self.bytes().as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.bytes().len()
    }
}

// SAFETY: as above.
unsafe impl tokio_uring::buf::IoBuf for Blocks {
    fn stable_ptr(&self) -> *const u8 {
        self.bytes().as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.bytes().len()
    }

    fn bytes_total(&self) -> usize {
        self.bytes().len()
    }
}

/// What is to be written and flushed, and who waits for it.
pub struct Batch<W> {
    /// The bodies.
    pub blocks: Blocks,
    /// Where in the file.
    pub at: u64,
    /// Who is to be answered then.
    pub waiting: Vec<W>,
}

/// Collects; `W` stands for who waits.
pub struct Collector<W> {
    blocks: Blocks,
    waiting: Vec<W>,
    at: u64,
}

impl<W> Default for Collector<W> {
    fn default() -> Self {
        Self {
            blocks: Blocks::default(),
            waiting: Vec::new(),
            at: 0,
        }
    }
}

impl<W> Collector<W> {
    /// Copies a body into the batch that collects.
    pub fn append(&mut self, body: &[u8], who: W) {
        let mut block = Block([0; BODY]);
        for (to, from) in block.0.iter_mut().zip(body) {
            *to = *from;
        }
        self.blocks.0.push(block);
        self.waiting.push(who);
    }

    /// What has collected, if anything has.
    pub fn take(&mut self) -> Option<Batch<W>> {
        let blocks = std::mem::take(&mut self.blocks);
        let bytes = blocks.bytes().len() as u64;
        if bytes == 0 {
            return None;
        }
        if self.at + bytes > FILE_BYTES {
            self.at = 0;
        }
        let at = self.at;
        self.at += bytes;
        let waiting = std::mem::take(&mut self.waiting);
        Some(Batch {
            blocks,
            at,
            waiting,
        })
    }
}

/// A collector between tasks of one thread.
#[derive(Clone, Default)]
pub struct Journal(Rc<Shared>);

#[derive(Default)]
struct Shared {
    collector: RefCell<Collector<oneshot::Sender<()>>>,
    writer: Cell<Option<Waker>>,
}

impl Journal {
    /// Hands a body in. What is returned resolves when it was flushed.
    pub fn append(&self, body: &[u8]) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.collector.borrow_mut().append(body, sender);
        if let Some(writer) = self.0.writer.take() {
            writer.wake();
        }
        receiver
    }

    /// Waits for something to write.
    pub async fn next(&self) -> Batch<oneshot::Sender<()>> {
        poll_fn(|cx| match self.0.collector.borrow_mut().take() {
            Some(batch) => Poll::Ready(batch),
            None => {
                self.0.writer.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

/// Tells those who wait.
pub fn answer(waiting: Vec<oneshot::Sender<()>>) {
    for who in waiting {
        // A connection that is gone needs no answer.
        let _ = who.send(());
    }
}
