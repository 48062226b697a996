//! How a job gets to the core that owns a shard, and its answer back.
//!
//! Of what a core is, only this much is known here; so `tests/interleavings/shuttle` can run the same
//! code with cores that hold next to nothing, in thousands of orders.

use crate::base::ShardId;
use crate::io::mailbox::{Mailbox, Sender};
use crate::io::reply::reply;
use crate::io::spawn;
use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

/// Work for another core. It runs there as soon as its mailbox is looked at, and must not block.
pub type Job<T> = Box<dyn FnOnce(&Rc<T>) + Send>;

/// A core, as far as routing goes.
pub trait Routed: Sized + 'static {
    /// What owns a shard's data.
    type Store: 'static;

    /// The store of a shard, if this core owns it.
    fn store(&self, shard: ShardId) -> Option<Rc<Self::Store>>;

    /// The core that owns a shard.
    fn owner(&self, shard: ShardId) -> usize;

    /// By core: the way into its mailbox.
    fn inboxes(&self) -> &[Sender<Job<Self>>];

    /// So many jobs of others are about to be run.
    fn takes(&self, jobs: usize);
}

/// Runs `job` on the core that owns `shard`, with its store; `None` when that core is stopping. The
/// job goes on even when the caller stops waiting.
pub async fn on_shard<T, R, F, Fut>(here: &T, shard: ShardId, job: F) -> Option<R>
where
    T: Routed,
    R: Send + 'static,
    F: FnOnce(Rc<T::Store>) -> Fut + Send + 'static,
    Fut: Future<Output = R> + 'static,
{
    if let Some(store) = here.store(shard) {
        return Some(job(store).await);
    }
    on_core(here, here.owner(shard), move |core: &Rc<T>| {
        let store = core.store(shard);
        async move {
            match store {
                Some(store) => Some(job(store).await),
                None => None,
            }
        }
    })
    .await
    .flatten()
}

/// Runs `job` on another core; `None` when that core is stopping, or the job panicked.
pub async fn on_core<T, R, F, Fut>(here: &T, core: usize, job: F) -> Option<R>
where
    T: Routed,
    R: Send + 'static,
    F: FnOnce(&Rc<T>) -> Fut + Send + 'static,
    Fut: Future<Output = R> + 'static,
{
    let inbox = here.inboxes().get(core)?;
    let (reply, answer) = reply::<R>();
    let sent = inbox.send(Box::new(move |core: &Rc<T>| {
        let running = job(core);
        spawn(async move {
            // A job that panics must not drop its reply while unwinding: waking another core's
            // task then would abort the process. The reply is dropped here instead, and the
            // caller told that nothing comes.
            match AssertUnwindSafe(running).catch_unwind().await {
                Ok(result) => reply.send(result),
                Err(_) => tracing::error!("a job of another core panicked"),
            }
        });
    }));
    // A mailbox that is gone gives the job back: that core has stopped.
    sent.ok()?;
    answer.await
}

/// Takes jobs out of this core's mailbox until every sender is gone.
pub async fn serve<T: Routed>(core: Rc<T>, mut inbox: Mailbox<Job<T>>) {
    let mut batch = Vec::new();
    while inbox.recv_batch(&mut batch).await {
        core.takes(batch.len());
        for job in batch.drain(..) {
            job(&core);
        }
    }
}
