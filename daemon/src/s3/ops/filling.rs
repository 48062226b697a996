//! The buffers that a body's content is received into, one after the other: each is filled from the
//! socket, digested where it lies, and handed to the shard that writes it.

use super::receive::{Received, body_error};
use super::{Context, extent_tag, key_error};
use crate::base::limits::EXTENT_HEAD;
use crate::base::md5::Md5;
use crate::base::{AlignedBuf, BucketId};
use crate::http::{Exchange, Stream};
use crate::io::{Clock, Disk};
use crate::s3::body::Body;
use crate::s3::error::{ErrorCode, Result};
use crate::s3::keys::Key;
use crate::shard::{Digester, Expected, Sink, Slot};

/// The content of one body, as far as it has come.
pub(super) struct Filling<'a, D: Disk, C: Clock> {
    sink: Sink<'a, D, C>,
    key: &'a Key<'a>,
    digester: &'a Digester,
    slot: Slot,
    /// Others may wait for what is being received here.
    expected: Expected,
    md5: Md5,
}

impl<'a, D: Disk, C: Clock> Filling<'a, D, C> {
    /// A buffer for content of a key, of which at most `left` bytes come.
    pub(super) async fn begin(
        context: &'a Context<'_, D, C>,
        bucket: BucketId,
        key: &'a Key<'a>,
        left: Option<u64>,
    ) -> Self {
        let shard = context.core.shard_of(bucket, key.as_bytes());
        let sink = Sink::new(context.core, shard, extent_tag(bucket, key));
        let digester = context.core.digester();
        let slot = sink.slot(left).await;
        Self {
            sink,
            key,
            digester,
            expected: digester.expect(slot.room()),
            slot,
            md5: Md5::new(),
        }
    }

    /// Bytes that still fit into the buffer.
    pub(super) fn room(&self) -> usize {
        self.slot.room()
    }

    /// What is in the buffer.
    pub(super) fn content(&self) -> &[u8] {
        self.slot.buf.get(EXTENT_HEAD..).unwrap_or_default()
    }

    /// Takes away what is in the buffer beyond `len` bytes.
    pub(super) fn cut(&mut self, len: usize) {
        let len = EXTENT_HEAD + len.min(self.content().len());
        self.slot.buf.set_len(len);
    }

    /// Puts bytes into the buffer, which has room for them.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.slot.buf.extend(bytes);
    }

    /// Receives at most `most` bytes into the buffer: how many; 0 at the end of the body.
    pub(super) async fn fill<S: Stream>(
        &mut self,
        exchange: &mut Exchange<'_, S>,
        most: u64,
    ) -> Result<usize> {
        let at = self.slot.buf.len();
        let max = self.room().min(usize::try_from(most).unwrap_or(usize::MAX));
        let buf = std::mem::replace(&mut self.slot.buf, AlignedBuf::empty());
        let (result, buf) = exchange.read_into(buf, at, max).await;
        self.slot.buf = buf;
        result.map_err(body_error)
    }

    /// Hands the buffer in and goes on with another one.
    pub(super) async fn next(mut self, left: Option<u64>) -> Result<Self> {
        drop(self.expected);
        let (md5, slot) = digest(self.digester, self.md5, self.slot).await?;
        let pushed = self.sink.push(slot).await;
        pushed.map_err(|error| key_error(&error, self.key))?;
        let slot = self.sink.slot(left).await;
        Ok(Self {
            expected: self.digester.expect(slot.room()),
            slot,
            md5,
            ..self
        })
    }

    /// All content came: checks what was promised of it, and hands the last buffer in.
    pub(super) async fn finish(mut self, body: Body) -> Result<Received> {
        let key = self.key;
        let failed = |error| key_error(&error, key);
        drop(self.expected);
        let (md5, slot) = digest(self.digester, self.md5, self.slot).await?;
        let md5 = md5.finish();
        let digested = body.finish(Some(md5))?;
        self.sink.push(slot).await.map_err(failed)?;
        let (new_body, permit) = self.sink.finish().await.map_err(failed)?;
        Ok(Received {
            body: new_body,
            size: digested.length,
            md5,
            checksum: digested.checksum,
            permit,
        })
    }
}

/// Digests all content of a buffer.
async fn digest(digester: &Digester, md5: Md5, slot: Slot) -> Result<(Md5, Slot)> {
    let Slot { buf, permit } = slot;
    let digested = digester.update(md5, buf, EXTENT_HEAD).await;
    let (md5, buf) = digested.ok_or(ErrorCode::ServiceUnavailable)?;
    Ok((md5, Slot { buf, permit }))
}
