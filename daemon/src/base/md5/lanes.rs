//! Which way of computing this processor has, and which stream is in which lane.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
use super::{BLOCK, INITIAL, Md5, as_length, scalar};

/// Streams that are advanced side by side at most, on any processor.
const STREAMS_MAX: usize = 32;
/// With fewer streams than this, one after the other is faster.
const LANES_WORTH: usize = 2;

/// A way to advance several streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes(Way);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// One after the other.
    Scalar,
    /// Eight or sixteen at a time.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// Sixteen or thirty-two at a time.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

/// A stream and what it is to be advanced by.
type Stream<'s, 'b> = (&'s mut Md5, &'b [u8]);

impl Lanes {
    /// One stream after the other, as every processor can.
    pub const SCALAR: Self = Self(Way::Scalar);

    /// The fastest way that this processor has.
    #[must_use]
    pub fn best() -> Self {
        Self::all().next().unwrap_or(Self::SCALAR)
    }

    /// Every way that this processor has, the fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = {
            let wide = Avx512::detect().map(|set| Self(Way::Avx512(set)));
            let narrow = Avx2::detect().map(|set| Self(Way::Avx2(set)));
            wide.into_iter().chain(narrow)
        };
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = std::iter::empty();
        vectors.chain([Self::SCALAR])
    }

    /// So many streams are advanced side by side at most.
    #[must_use]
    pub const fn streams(self) -> usize {
        match self.0 {
            Way::Scalar => 1,
            #[cfg(target_arch = "x86_64")]
            Way::Avx2(_) => 16,
            #[cfg(target_arch = "x86_64")]
            Way::Avx512(_) => STREAMS_MAX,
        }
    }

    /// Advances each stream by its bytes.
    pub fn update(self, streams: &mut [Stream<'_, '_>]) {
        // What does not begin or end with a block is not worth a lane.
        for (state, bytes) in streams.iter_mut() {
            *bytes = state.fill_partial(bytes);
        }
        self.side_by_side(streams);
        for (state, bytes) in streams {
            state.keep(bytes);
        }
    }

    /// Consumes all whole blocks. A stream that ends early gives its lane to the next one.
    fn side_by_side(self, streams: &mut [Stream<'_, '_>]) {
        let mut waiting = streams
            .iter_mut()
            .filter(|(_, bytes)| bytes.len() >= BLOCK)
            .collect::<Vec<_>>();
        // The longest last, to be taken first: the short ones fill the lanes beside them.
        waiting.sort_by_key(|(_, bytes)| bytes.len());
        let mut running: Vec<&mut Stream<'_, '_>> = Vec::with_capacity(self.streams());
        loop {
            running.retain(|(_, bytes)| bytes.len() >= BLOCK);
            while running.len() < self.streams() {
                let Some(next) = waiting.pop() else { break };
                running.push(next);
            }
            match running.len() {
                0 => return,
                1..LANES_WORTH => one_by_one(&mut running),
                _ => self.advance(&mut running),
            }
        }
    }

    /// Advances all streams by as many blocks as the shortest has.
    fn advance(self, running: &mut [&mut Stream<'_, '_>]) {
        let blocks = running.iter().map(|(_, bytes)| bytes.len() / BLOCK).min();
        let blocks = blocks.unwrap_or(0);
        let mut states = [INITIAL; STREAMS_MAX];
        // Lanes without a stream of their own do the first one's work again.
        let first = running.first().map_or(&[][..], |stream| stream.1);
        let mut inputs = [head(first, blocks); STREAMS_MAX];
        for ((state, input), (md5, bytes)) in states.iter_mut().zip(&mut inputs).zip(&*running) {
            *state = md5.state;
            *input = head(bytes, blocks);
        }
        match self.0 {
            Way::Scalar => return one_by_one(running),
            #[cfg(target_arch = "x86_64")]
            Way::Avx2(set) => match running.len() {
                0..=8 => set.compress_8(part(&mut states), part_of(&inputs)),
                _ => set.compress_16(part(&mut states), part_of(&inputs)),
            },
            #[cfg(target_arch = "x86_64")]
            Way::Avx512(set) => match running.len() {
                0..=16 => set.compress_16(part(&mut states), part_of(&inputs)),
                _ => set.compress_32(&mut states, &inputs),
            },
        }
        for (state, (md5, bytes)) in states.iter().zip(running) {
            md5.state = *state;
            md5.length += (blocks * BLOCK) as u64;
            *bytes = bytes.get(blocks * BLOCK..).unwrap_or_default();
        }
    }
}

/// The first blocks of a stream.
fn head(bytes: &[u8], blocks: usize) -> &[[u8; BLOCK]] {
    bytes.as_chunks().0.get(..blocks).unwrap_or_default()
}

#[cfg(target_arch = "x86_64")]
fn part<const N: usize>(states: &mut [[u32; 4]; STREAMS_MAX]) -> &mut [[u32; 4]; N] {
    states.first_chunk_mut().expect("no more than there are")
}

#[cfg(target_arch = "x86_64")]
fn part_of<'i, 'b, const N: usize>(
    inputs: &'i [&'b [[u8; BLOCK]]; STREAMS_MAX],
) -> &'i [&'b [[u8; BLOCK]]; N] {
    inputs.first_chunk().expect("no more than there are")
}

/// Advances all streams by all their blocks.
fn one_by_one(running: &mut [&mut Stream<'_, '_>]) {
    for (md5, bytes) in running {
        let (blocks, tail) = bytes.as_chunks::<BLOCK>();
        scalar::compress(&mut md5.state, blocks);
        md5.length += as_length(blocks.as_flattened());
        *bytes = tail;
    }
}
