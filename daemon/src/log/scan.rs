//! A window over a segment file for reading it front to back in bounded pieces.

use super::LogError;
use super::format::{self, Binding, Checked, Found, RECORD_HEAD};
use crate::base::AlignedBuf;
use crate::base::limits::BLOCK;
use crate::io::{DiskFile, IoError, IoErrorKind};

/// Longest read ahead.
const STEP_MAX: usize = 1024 * 1024;
/// First read after a jump: what was skipped is mostly followed by something small.
const STEP_MIN: usize = 16 * 1024;
/// Unreadable blocks tolerated per segment; with more of them the device counts as broken.
const UNREADABLE_MAX: usize = 16;

/// Reads pieces of a segment. Blocks that the device cannot read appear as zeros, which are no valid
/// record: they are handled as damage, not as the end of the world.
pub(super) struct Window<F> {
    file: F,
    pub segment: u32,
    binding: Binding,
    /// Bytes of the file that can be read.
    pub bytes: u32,
    buf: AlignedBuf,
    start: usize,
    step: usize,
    /// Blocks the device could not read, and why.
    pub unreadable: Vec<(u32, IoError)>,
}

impl<F: DiskFile> Window<F> {
    pub(super) fn new(file: F, segment: u32, binding: Binding) -> Self {
        let whole = file.len() - file.len() % file.block_size() as u64;
        Self {
            bytes: u32::try_from(whole).unwrap_or(!4095),
            file,
            segment,
            binding,
            buf: AlignedBuf::with_capacity(0),
            start: 0,
            step: STEP_MIN,
            unreadable: Vec::new(),
        }
    }

    /// The bytes from `at` on: at least `len` of them unless the segment ends before.
    pub(super) async fn bytes(&mut self, at: u32, len: usize) -> Result<&[u8], LogError> {
        let at = at as usize;
        let end = (at + len).min(self.bytes as usize);
        let have = self.start..self.start + self.buf.len();
        if at < have.start || end > have.end {
            let onward = (have.start..=have.end).contains(&at) && !have.is_empty();
            self.step = if onward {
                (self.step * 2).min(STEP_MAX)
            } else {
                STEP_MIN
            };
            self.fill(at, end).await?;
        }
        Ok(self
            .buf
            .get(at.saturating_sub(self.start)..)
            .unwrap_or_default())
    }

    async fn fill(&mut self, at: usize, end: usize) -> Result<(), LogError> {
        let start = at - at % BLOCK;
        let end = end
            .max(start + self.step)
            .next_multiple_of(BLOCK)
            .min(self.bytes as usize);
        self.start = start;
        self.buf.set_len(0);
        if start >= end {
            return Ok(());
        }
        let mut buf = std::mem::replace(&mut self.buf, AlignedBuf::with_capacity(0));
        if buf.capacity() < end - start {
            buf = AlignedBuf::with_capacity(end - start);
        }
        let (result, buf) = self.file.read_at(start as u64, end - start, buf).await;
        self.buf = match result {
            Ok(()) => buf,
            Err(error) => self.piecewise(start, end, error).await?,
        };
        Ok(())
    }

    /// Reads what can be read, block by block.
    async fn piecewise(
        &mut self,
        start: usize,
        end: usize,
        error: IoError,
    ) -> Result<AlignedBuf, LogError> {
        if error.kind != IoErrorKind::Other {
            return Err(error.into());
        }
        let mut whole = AlignedBuf::zeroed(end - start);
        for (block, target) in (start..end).step_by(BLOCK).zip(whole.chunks_mut(BLOCK)) {
            let buf = AlignedBuf::with_capacity(target.len());
            let (result, buf) = self.file.read_at(block as u64, target.len(), buf).await;
            match result {
                Ok(()) => target.copy_from_slice(&buf),
                Err(error) if self.unreadable.len() >= UNREADABLE_MAX => return Err(error.into()),
                Err(error) => {
                    let block = u32::try_from(block).unwrap_or(u32::MAX);
                    self.unreadable.push((block, error));
                }
            }
        }
        Ok(whole)
    }

    /// The record at `at`, if there is a valid one that ends within the segment.
    pub(super) async fn record(&mut self, at: u32) -> Result<Option<Found<'_>>, LogError> {
        let (segment, binding) = (self.segment, self.binding);
        let mut len = RECORD_HEAD;
        loop {
            let bytes = self.bytes(at, len).await?;
            match format::check(&binding, segment, at, bytes) {
                Checked::Valid(payload) => {
                    let bytes = self.bytes(at, RECORD_HEAD + payload).await?;
                    return Ok(format::view(bytes, payload));
                }
                // More than the window held; if it still is too long the segment ends before it.
                Checked::Longer(needed) if needed > len => len = needed,
                Checked::Longer(_) | Checked::Invalid => return Ok(None),
            }
        }
    }
}
