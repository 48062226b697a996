//! Eight streams of MD5 in the lanes of AVX2 registers, or twice eight.
#![allow(unsafe_code, reason = "vector instructions")]

use super::BLOCK;
use super::vector::{self, LANES_MAX, Set};
use std::arch::x86_64::{
    __m256i, _mm_cvtsi32_si128, _mm256_add_epi32, _mm256_and_si256, _mm256_andnot_si256,
    _mm256_loadu_si256, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi32,
    _mm256_sll_epi32, _mm256_srl_epi32, _mm256_storeu_si256, _mm256_unpackhi_epi32,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm256_xor_si256,
};

/// Proof that this processor has AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The proof, if it can be had.
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Mixes the blocks of each input into the state beside it, eight streams.
    pub(super) fn compress_8(self, states: &mut [[u32; 4]; 8], inputs: &[&[[u8; BLOCK]]; 8]) {
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe { compress_8(self, states, inputs) }
    }

    /// Mixes the blocks of each input into the state beside it, sixteen streams.
    pub(super) fn compress_16(self, states: &mut [[u32; 4]; 16], inputs: &[&[[u8; BLOCK]]; 16]) {
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe { compress_16(self, states, inputs) }
    }

    /// Eight words of each input, which begin at word `from` of its block at `at`: as eight vectors
    /// of one word each.
    #[inline(always)]
    pub(super) fn eight_words(
        self,
        inputs: &[&[[u8; BLOCK]]],
        at: usize,
        from: usize,
    ) -> [__m256i; 8] {
        let mut rows = [self.splat(0); 8];
        for lane in 0..8 {
            let half: &[u8] = &inputs[lane][at][from * 4..from * 4 + 32];
            // SAFETY: there are 32 bytes, and `self` proves that the processor has AVX2.
            rows[lane] = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
        }
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe { square(rows) }
    }
}

#[target_feature(enable = "avx2")]
fn compress_8(set: Avx2, states: &mut [[u32; 4]; 8], inputs: &[&[[u8; BLOCK]]; 8]) {
    vector::compress::<_, 1>(set, states, inputs);
}

#[target_feature(enable = "avx2")]
fn compress_16(set: Avx2, states: &mut [[u32; 4]; 16], inputs: &[&[[u8; BLOCK]]; 16]) {
    vector::compress::<_, 2>(set, states, inputs);
}

// SAFETY of every block here: `self` proves that the processor has AVX2.
impl Set for Avx2 {
    type V = __m256i;
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(self, word: u32) -> __m256i {
        // SAFETY: see above.
        unsafe { _mm256_set1_epi32(word.cast_signed()) }
    }

    #[inline(always)]
    fn load(self, words: &[u32; LANES_MAX]) -> __m256i {
        // SAFETY: see above; there are 64 bytes.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, vector: __m256i) -> [u32; LANES_MAX] {
        let mut words = [0; LANES_MAX];
        // SAFETY: see above; there is room for 64 bytes.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) };
        words
    }

    #[inline(always)]
    #[expect(clippy::manual_memcpy, reason = "see `vector::compress`")]
    fn words(self, inputs: &[&[[u8; BLOCK]]], at: usize, words: &mut [__m256i; 16]) {
        for half in 0..2 {
            let from = half * 8;
            let eight = self.eight_words(inputs, at, from);
            for n in 0..8 {
                words[from + n] = eight[n];
            }
        }
    }

    #[inline(always)]
    fn add(self, x: __m256i, y: __m256i) -> __m256i {
        // SAFETY: see above.
        unsafe { _mm256_add_epi32(x, y) }
    }

    #[inline(always)]
    fn turn<const LEFT: u32, const RIGHT: u32>(self, x: __m256i) -> __m256i {
        // SAFETY: see above.
        unsafe {
            // With a constant count these become shifts by an immediate.
            let left = _mm256_sll_epi32(x, _mm_cvtsi32_si128(LEFT.cast_signed()));
            let right = _mm256_srl_epi32(x, _mm_cvtsi32_si128(RIGHT.cast_signed()));
            _mm256_or_si256(left, right)
        }
    }

    #[inline(always)]
    fn add_f(self, sum: __m256i, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        // SAFETY: see above.
        unsafe {
            let chosen = _mm256_and_si256(x, _mm256_xor_si256(y, z));
            _mm256_add_epi32(sum, _mm256_xor_si256(z, chosen))
        }
    }

    #[inline(always)]
    fn add_g(self, sum: __m256i, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        // SAFETY: see above.
        unsafe {
            // The two sides have no bit in common, so adding them does as well, and lets the
            // processor begin before `x` is known.
            let sum = _mm256_add_epi32(sum, _mm256_andnot_si256(z, y));
            _mm256_add_epi32(sum, _mm256_and_si256(x, z))
        }
    }

    #[inline(always)]
    fn add_h(self, sum: __m256i, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        // SAFETY: see above.
        unsafe { _mm256_add_epi32(sum, _mm256_xor_si256(x, _mm256_xor_si256(y, z))) }
    }

    #[inline(always)]
    fn add_i(self, sum: __m256i, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        // SAFETY: see above.
        unsafe {
            let not_z = _mm256_xor_si256(z, _mm256_set1_epi32(-1));
            _mm256_add_epi32(sum, _mm256_xor_si256(y, _mm256_or_si256(x, not_z)))
        }
    }
}

/// Eight rows of eight words become eight columns.
#[inline]
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
