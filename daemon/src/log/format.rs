//! The bytes of a segment. `docs/format/log.md` has the maps and the reasons.

use crate::base::Location;
use crate::base::limits::{BLOCK, BODY_CRC_BLOCK, EXTENT_HEAD, RECORD_BYTES_MAX};
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// First bytes of every segment.
const SEGMENT_MAGIC: [u8; 8] = *b"CHRLOG\r\n";
/// Version of the format written here.
const VERSION: u32 = 1;
/// First bytes of every record, after its checksum.
const RECORD_MAGIC: u16 = 0x1cc5;

/// Bytes of the block that begins a segment.
pub(super) const SEGMENT_HEAD: u32 = 4096;
/// Frames begin at multiples of this, whatever the device's block size.
pub(super) const SECTOR: u32 = 512;
/// Records begin at multiples of this.
pub(super) const ALIGN: u32 = 8;
/// Bytes of a record's checksum, its first field.
const CRC_BYTES: usize = 4;
/// Bytes of a record's header.
pub(super) const RECORD_HEAD: usize = size_of::<RecordHead>();
/// Bytes of the record that begins a batch.
pub(super) const BATCH_HEAD: usize = RECORD_HEAD + size_of::<BatchBody>();
/// Kinds from here on belong to the log itself.
pub(super) const KIND_RESERVED: u8 = 0xf0;
/// Kind of the record that begins a batch.
const KIND_BATCH: u8 = 0xf0;
/// Kind of the record that begins an extent.
const KIND_EXTENT: u8 = 0xf1;
/// Most body bytes an extent's header has room to describe.
pub(super) const EXTENT_BODY_LIMIT: usize =
    (EXTENT_HEAD - RECORD_HEAD - size_of::<ExtentBody>()) / 4 * BODY_CRC_BLOCK;

const _: () = assert!(RECORD_HEAD == 16 && BATCH_HEAD == 32 && BLOCK == SEGMENT_HEAD as usize);
const _: () = assert!(size_of::<SegmentHead>() == 56 && size_of::<ExtentBody>() == 32);

/// Begins a segment file.
#[derive(Clone, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct SegmentHead {
    magic: [u8; 8],
    version: U32,
    segment: U32,
    store: [u8; 16],
    shard: U16,
    reserved: U16,
    epoch: U32,
    bytes: U32,
    previous_end: U32,
    spare: U32,
    crc: U32,
}

/// Begins every record.
#[derive(Clone, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RecordHead {
    crc: U32,
    magic: U16,
    kind: u8,
    flags: u8,
    len: U32,
    epoch: U32,
}

/// Payload of the record that begins a batch.
#[derive(Clone, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct BatchBody {
    durable: U64,
    floor: U32,
    bytes: U32,
}

/// Payload of the record that begins an extent; a crc32 per body block follows.
#[derive(Clone, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ExtentBody {
    durable: U64,
    floor: U32,
    body_len: U32,
    tag: U128,
}

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentInfo {
    pub segment: u32,
    pub store: [u8; 16],
    pub shard: u16,
    /// Epoch in which the segment was put to use.
    pub epoch: u32,
    /// Length of the file.
    pub bytes: u32,
    /// Where the log ended in the segment before; 0 for the first segment.
    pub previous_end: u32,
}

impl SegmentInfo {
    /// Writes the header into the front of a block.
    pub(super) fn encode(&self, block: &mut [u8]) {
        let mut head = SegmentHead {
            magic: SEGMENT_MAGIC,
            version: VERSION.into(),
            segment: self.segment.into(),
            store: self.store,
            shard: self.shard.into(),
            reserved: 0.into(),
            epoch: self.epoch.into(),
            bytes: self.bytes.into(),
            previous_end: self.previous_end.into(),
            spare: 0.into(),
            crc: 0.into(),
        };
        head.crc = head_crc(&head).into();
        head.write_to_prefix(block)
            .expect("a block is longer than a header");
    }

    /// Reads a header; `None` when the bytes are not one.
    pub(super) fn decode(block: &[u8]) -> Option<Self> {
        let (head, _) = SegmentHead::read_from_prefix(block).ok()?;
        let valid = head.magic == SEGMENT_MAGIC
            && head.version.get() == VERSION
            && head.crc.get() == head_crc(&head);
        valid.then(|| Self {
            segment: head.segment.get(),
            store: head.store,
            shard: head.shard.get(),
            epoch: head.epoch.get(),
            bytes: head.bytes.get(),
            previous_end: head.previous_end.get(),
        })
    }
}

fn head_crc(head: &SegmentHead) -> u32 {
    let bytes = head.as_bytes();
    crc32fast::hash(bytes.get(..bytes.len() - 4).unwrap_or_default())
}

/// What every checksum of a log is bound to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub store: [u8; 16],
    pub shard: u16,
}

impl Binding {
    /// Start value of the checksums of one epoch in one segment.
    pub(super) fn seed(&self, segment: u32, epoch: u32) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.store);
        hasher.update(&self.shard.to_le_bytes());
        hasher.update(&segment.to_le_bytes());
        hasher.update(&epoch.to_le_bytes());
        hasher.finalize()
    }
}

/// Checksum of a record at `offset`; `bytes` begins after the checksum's own field.
fn record_crc(seed: u32, offset: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(&offset.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// Bytes a record with this payload takes, with its padding.
pub(super) const fn record_size(payload: usize) -> usize {
    (RECORD_HEAD + payload).next_multiple_of(ALIGN as usize)
}

/// Fills in the header of the record whose header and payload are `record` and that goes to `offset`.
pub(super) fn seal_record(
    record: &mut [u8],
    seed: u32,
    offset: u32,
    epoch: u32,
    kind: u8,
    flags: u8,
) {
    let len = record.len().saturating_sub(RECORD_HEAD);
    let mut head = RecordHead {
        crc: 0.into(),
        magic: RECORD_MAGIC.into(),
        kind,
        flags,
        len: u32::try_from(len).expect("records are small").into(),
        epoch: epoch.into(),
    };
    head.write_to_prefix(record).expect("room for the header");
    head.crc = record_crc(seed, offset, record.get(CRC_BYTES..).unwrap_or_default()).into();
    head.write_to_prefix(record).expect("room for the header");
}

/// What the writer knew when it wrote a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameInfo {
    pub epoch: u32,
    /// Everything before this location was on stable media.
    pub durable: Location,
    /// Where the log ended, in this segment, when this epoch began; 0 when it began before.
    pub floor: u32,
    /// Block size of the device: the next frame begins at a multiple of it.
    pub block: u32,
}

impl FrameInfo {
    fn flags(&self) -> u8 {
        u8::try_from(self.block.trailing_zeros()).unwrap_or(12)
    }
}

/// Fills in the first record of a batch; `bytes` is the batch's length before its padding.
pub(super) fn seal_batch(
    batch: &mut [u8],
    seed: u32,
    offset: u32,
    frame: &FrameInfo,
    bytes: usize,
) {
    let body = BatchBody {
        durable: frame.durable.to_u64().into(),
        floor: frame.floor.into(),
        bytes: u32::try_from(bytes).expect("batches are small").into(),
    };
    let (head, _) = batch
        .split_at_mut_checked(BATCH_HEAD)
        .expect("a batch has room for its head");
    body.write_to_suffix(head).expect("room for the body");
    seal_record(head, seed, offset, frame.epoch, KIND_BATCH, frame.flags());
}

/// Fills in the header of an extent: `head` is the `EXTENT_HEAD` bytes before the body.
pub(super) fn seal_extent(
    head: &mut [u8],
    body: &[u8],
    seed: u32,
    offset: u32,
    frame: &FrameInfo,
    tag: u128,
) {
    head.fill(0);
    let fixed = ExtentBody {
        durable: frame.durable.to_u64().into(),
        floor: frame.floor.into(),
        body_len: u32::try_from(body.len()).expect("extents are small").into(),
        tag: tag.into(),
    };
    let table = RECORD_HEAD + size_of::<ExtentBody>();
    let len = table + body.len().div_ceil(BODY_CRC_BLOCK) * 4;
    let record = head.get_mut(..len).expect("extents are limited");
    let (front, crcs) = record.split_at_mut(table);
    fixed.write_to_suffix(front).expect("room for the body");
    for (slot, block) in crcs.chunks_exact_mut(4).zip(body.chunks(BODY_CRC_BLOCK)) {
        slot.copy_from_slice(&crc32fast::hash(block).to_le_bytes());
    }
    seal_record(
        record,
        seed,
        offset,
        frame.epoch,
        KIND_EXTENT,
        frame.flags(),
    );
}

/// A record whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub kind: u8,
    pub epoch: u32,
    flags: u8,
    pub payload: &'a [u8],
}

/// The outcome of looking for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// There is one, with so many bytes of payload.
    Valid(usize),
    /// It would have this many bytes, which is more than were given.
    Longer(usize),
    Invalid,
}

/// Looks for a record of `segment` at `offset`, where `bytes` begins.
pub(super) fn check(binding: &Binding, segment: u32, offset: u32, bytes: &[u8]) -> Checked {
    let Ok((head, rest)) = RecordHead::ref_from_prefix(bytes) else {
        return Checked::Invalid;
    };
    let len = usize::try_from(head.len.get()).unwrap_or(usize::MAX);
    if head.magic.get() != RECORD_MAGIC || len > RECORD_BYTES_MAX {
        return Checked::Invalid;
    }
    if rest.len() < len {
        return Checked::Longer(RECORD_HEAD + len);
    }
    let seed = binding.seed(segment, head.epoch.get());
    let covered = bytes.get(CRC_BYTES..RECORD_HEAD + len).unwrap_or_default();
    match record_crc(seed, offset, covered) == head.crc.get() {
        true => Checked::Valid(len),
        false => Checked::Invalid,
    }
}

/// The record at the front of `bytes`, of which [`check`] said that it is valid.
pub(super) fn view(bytes: &[u8], len: usize) -> Option<Found<'_>> {
    let (head, rest) = RecordHead::ref_from_prefix(bytes).ok()?;
    Some(Found {
        kind: head.kind,
        epoch: head.epoch.get(),
        flags: head.flags,
        payload: rest.get(..len)?,
    })
}

/// [`check`] and [`view`] in one.
pub(super) fn parse<'a>(
    binding: &Binding,
    segment: u32,
    offset: u32,
    bytes: &'a [u8],
) -> Result<Found<'a>, Checked> {
    match check(binding, segment, offset, bytes) {
        Checked::Valid(len) => view(bytes, len).ok_or(Checked::Invalid),
        other => Err(other),
    }
}

/// What a valid record is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    /// Begins a batch of this many bytes, before its padding.
    Batch(FrameInfo, u32),
    Extent(FrameInfo, ExtentInfo<'a>),
    Record(u8, &'a [u8]),
}

/// What an extent's header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExtentInfo<'a> {
    pub body_len: u32,
    pub tag: u128,
    crcs: &'a [u8],
}

impl ExtentInfo<'_> {
    /// Whether body block `index` has these bytes.
    pub(super) fn verify(&self, index: usize, block: &[u8]) -> bool {
        let stored = self.crcs.chunks_exact(4).nth(index);
        stored.is_some_and(|stored| stored == crc32fast::hash(block).to_le_bytes())
    }

    /// Bytes of the extent with its header and padding.
    pub(super) fn size(&self, block: u32) -> u32 {
        extent_size(self.body_len, block)
    }
}

/// Bytes of an extent with its header and padding.
pub(super) const fn extent_size(body_len: u32, block: u32) -> u32 {
    SEGMENT_HEAD + body_len.next_multiple_of(block)
}
const _: () = assert!(EXTENT_HEAD == SEGMENT_HEAD as usize);

impl<'a> Found<'a> {
    /// Interprets the record; `None` when a record of the log itself is not well-formed.
    pub(super) fn item(&self) -> Option<Item<'a>> {
        match self.kind {
            KIND_BATCH => {
                let body = BatchBody::read_from_bytes(self.payload).ok()?;
                let frame = self.frame(body.durable.get(), body.floor.get())?;
                let bytes = body.bytes.get();
                (bytes as usize >= BATCH_HEAD).then_some(Item::Batch(frame, bytes))
            }
            KIND_EXTENT => {
                let (body, crcs) = ExtentBody::read_from_prefix(self.payload).ok()?;
                let frame = self.frame(body.durable.get(), body.floor.get())?;
                let body_len = body.body_len.get();
                let blocks = (body_len as usize).div_ceil(BODY_CRC_BLOCK);
                (crcs.len() == blocks * 4 && body_len as usize <= EXTENT_BODY_LIMIT).then_some(
                    Item::Extent(
                        frame,
                        ExtentInfo {
                            body_len,
                            tag: body.tag.get(),
                            crcs,
                        },
                    ),
                )
            }
            kind if kind < KIND_RESERVED => Some(Item::Record(kind, self.payload)),
            _ => None,
        }
    }

    /// Bytes the record takes, with its padding.
    pub(super) fn size(&self) -> u32 {
        u32::try_from(record_size(self.payload.len())).expect("records are small")
    }

    fn frame(&self, durable: u64, floor: u32) -> Option<FrameInfo> {
        let block = 1u32.checked_shl(u32::from(self.flags))?;
        (SECTOR..=SEGMENT_HEAD)
            .contains(&block)
            .then_some(FrameInfo {
                epoch: self.epoch,
                durable: Location::from_u64(durable),
                floor,
                block,
            })
    }
}
