//! Bytes from one object into another: read from whichever shard has them, written to the log of
//! the shard that is to own them, a few extents in memory at a time.

use crate::base::ShardId;
use crate::io::{Clock, Disk};
use crate::shard::{Core, Permit, Sink};
use crate::store::{BodyStream, NewBody, StoreError};
use std::rc::Rc;

/// Copies the `size` bytes of `stream` into the log of `shard` and returns what a record there may
/// point at. `tag` marks the extents. `look` sees every byte, in order.
pub async fn copy_bytes<D: Disk, C: Clock>(
    core: &Rc<Core<D, C>>,
    mut stream: BodyStream<D>,
    size: u64,
    shard: ShardId,
    tag: u128,
    mut look: impl FnMut(&[u8]),
) -> Result<(NewBody, Option<Permit>), StoreError> {
    let mut sink = Sink::new(core, shard, tag);
    let mut slot = sink.slot(Some(size)).await;
    let mut left = size;
    while let Some(bytes) = stream.next().await? {
        let mut chunk = &*bytes;
        look(chunk);
        while !chunk.is_empty() {
            if slot.room() == 0 {
                sink.push(slot).await?;
                slot = sink.slot(Some(left)).await;
            }
            let (now, later) = chunk.split_at(slot.room().min(chunk.len()));
            slot.buf.extend(now);
            left = left.saturating_sub(now.len() as u64);
            chunk = later;
        }
    }
    sink.push(slot).await?;
    sink.finish().await
}
