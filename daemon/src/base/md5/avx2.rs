//! Eight streams of MD5 in the lanes of AVX2 registers.
#![allow(unsafe_code, reason = "vector instructions")]

use super::{BLOCK, LANES, SINES};
use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_andnot_si256, _mm256_or_si256,
    _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_slli_epi32,
    _mm256_srli_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64, _mm256_xor_si256,
};

/// Proof that this processor has AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(());

impl Token {
    /// The proof, if it can be had.
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Mixes the blocks of each input, all of the same number, into the state of its lane.
    pub(super) fn compress(self, states: &mut [[u32; 4]; LANES], inputs: &[&[[u8; BLOCK]]; LANES]) {
        // SAFETY: a token is only made where the processor has AVX2.
        unsafe { compress(states, inputs) }
    }
}

#[target_feature(enable = "avx2")]
fn compress(states: &mut [[u32; 4]; LANES], inputs: &[&[[u8; BLOCK]]; LANES]) {
    let blocks = inputs.iter().map(|input| input.len()).min().unwrap_or(0);
    let mut state = [0, 1, 2, 3].map(|word| lanes(states.each_ref().map(|state| state[word])));
    for block in 0..blocks {
        mix(&mut state, &inputs.each_ref().map(|input| &input[block]));
    }
    for (word, vector) in state.into_iter().enumerate() {
        for (state, value) in states.iter_mut().zip(values(vector)) {
            state[word] = value;
        }
    }
}

#[target_feature(enable = "avx2")]
fn mix(state: &mut [__m256i; 4], blocks: &[&[u8; BLOCK]; LANES]) {
    let words = transposed(blocks);
    let [mut a, mut b, mut c, mut d] = *state;
    let ones = _mm256_set1_epi32(-1);
    macro_rules! f {
        ($x:ident, $y:ident, $z:ident) => {
            _mm256_xor_si256($z, _mm256_and_si256($x, _mm256_xor_si256($y, $z)))
        };
    }
    macro_rules! g {
        ($x:ident, $y:ident, $z:ident) => {
            _mm256_or_si256(_mm256_and_si256($x, $z), _mm256_andnot_si256($z, $y))
        };
    }
    macro_rules! h {
        ($x:ident, $y:ident, $z:ident) => {
            _mm256_xor_si256($x, _mm256_xor_si256($y, $z))
        };
    }
    macro_rules! i {
        ($x:ident, $y:ident, $z:ident) => {
            _mm256_xor_si256($y, _mm256_or_si256($x, _mm256_xor_si256($z, ones)))
        };
    }
    macro_rules! step {
        ($mix:ident, $a:ident, $b:ident, $c:ident, $d:ident, $word:expr, $sine:expr, $turn:expr) => {
            let input = _mm256_add_epi32(words[$word], _mm256_set1_epi32(SINES[$sine] as i32));
            let sum = _mm256_add_epi32(_mm256_add_epi32($a, input), $mix!($b, $c, $d));
            let turned = _mm256_or_si256(
                _mm256_slli_epi32::<$turn>(sum),
                _mm256_srli_epi32::<{ 32 - $turn }>(sum),
            );
            $a = _mm256_add_epi32(turned, $b);
        };
    }
    super::rounds!(step, a, b, c, d);
    for (word, add) in state.iter_mut().zip([a, b, c, d]) {
        *word = _mm256_add_epi32(*word, add);
    }
}

/// Word n of every block, for each n.
#[target_feature(enable = "avx2")]
fn transposed(blocks: &[&[u8; BLOCK]; LANES]) -> [__m256i; 16] {
    let low = square(blocks.map(|block| row(block, 0)));
    let high = square(blocks.map(|block| row(block, 1)));
    let mut words = [low[0]; 16];
    words[..8].copy_from_slice(&low);
    words[8..].copy_from_slice(&high);
    words
}

/// The first or second half of a block.
#[target_feature(enable = "avx2")]
fn row(block: &[u8; BLOCK], half: usize) -> __m256i {
    let mut words = [0; LANES];
    for (word, bytes) in words
        .iter_mut()
        .zip(block.as_chunks::<32>().0[half].as_chunks::<4>().0)
    {
        *word = u32::from_le_bytes(*bytes);
    }
    lanes(words)
}

/// Eight rows of eight words become eight columns.
#[target_feature(enable = "avx2")]
fn square(rows: [__m256i; 8]) -> [__m256i; 8] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    let (a0, a1) = (_mm256_unpacklo_epi32(r0, r1), _mm256_unpackhi_epi32(r0, r1));
    let (a2, a3) = (_mm256_unpacklo_epi32(r2, r3), _mm256_unpackhi_epi32(r2, r3));
    let (a4, a5) = (_mm256_unpacklo_epi32(r4, r5), _mm256_unpackhi_epi32(r4, r5));
    let (a6, a7) = (_mm256_unpacklo_epi32(r6, r7), _mm256_unpackhi_epi32(r6, r7));
    let (b0, b1) = (_mm256_unpacklo_epi64(a0, a2), _mm256_unpackhi_epi64(a0, a2));
    let (b2, b3) = (_mm256_unpacklo_epi64(a1, a3), _mm256_unpackhi_epi64(a1, a3));
    let (b4, b5) = (_mm256_unpacklo_epi64(a4, a6), _mm256_unpackhi_epi64(a4, a6));
    let (b6, b7) = (_mm256_unpacklo_epi64(a5, a7), _mm256_unpackhi_epi64(a5, a7));
    [
        _mm256_permute2x128_si256::<0x20>(b0, b4),
        _mm256_permute2x128_si256::<0x20>(b1, b5),
        _mm256_permute2x128_si256::<0x20>(b2, b6),
        _mm256_permute2x128_si256::<0x20>(b3, b7),
        _mm256_permute2x128_si256::<0x31>(b0, b4),
        _mm256_permute2x128_si256::<0x31>(b1, b5),
        _mm256_permute2x128_si256::<0x31>(b2, b6),
        _mm256_permute2x128_si256::<0x31>(b3, b7),
    ]
}

#[target_feature(enable = "avx2")]
fn lanes(words: [u32; LANES]) -> __m256i {
    let [a, b, c, d, e, f, g, h] = words.map(u32::cast_signed);
    _mm256_setr_epi32(a, b, c, d, e, f, g, h)
}

#[target_feature(enable = "avx2")]
fn values(vector: __m256i) -> [u32; LANES] {
    // SAFETY: both are 32 bytes of plain numbers.
    unsafe { std::mem::transmute(vector) }
}
