//! Sixteen streams of MD5 in the lanes of AVX-512 registers, or twice sixteen.
#![allow(unsafe_code, reason = "vector instructions")]

use super::BLOCK;
use super::avx2::Avx2;
use super::vector::{self, LANES_MAX, Set};
use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_castsi256_si512, _mm512_inserti64x4, _mm512_loadu_si512,
    _mm512_rolv_epi32, _mm512_set1_epi32, _mm512_storeu_si512, _mm512_ternarylogic_epi32,
};

/// Proof that this processor has AVX-512 and AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(Avx2);

impl Avx512 {
    /// The proof, if it can be had.
    pub(super) fn detect() -> Option<Self> {
        let avx2 = Avx2::detect()?;
        std::arch::is_x86_feature_detected!("avx512f").then_some(Self(avx2))
    }

    /// Mixes the blocks of each input into the state beside it, sixteen streams.
    pub(super) fn compress_16(self, states: &mut [[u32; 4]; 16], inputs: &[&[[u8; BLOCK]]; 16]) {
        // SAFETY: `self` proves that the processor has AVX-512 and AVX2.
        unsafe { compress_16(self, states, inputs) }
    }

    /// Mixes the blocks of each input into the state beside it, thirty-two streams.
    pub(super) fn compress_32(self, states: &mut [[u32; 4]; 32], inputs: &[&[[u8; BLOCK]]; 32]) {
        // SAFETY: `self` proves that the processor has AVX-512 and AVX2.
        unsafe { compress_32(self, states, inputs) }
    }
}

#[target_feature(enable = "avx2,avx512f")]
fn compress_16(set: Avx512, states: &mut [[u32; 4]; 16], inputs: &[&[[u8; BLOCK]]; 16]) {
    vector::compress::<_, 1>(set, states, inputs);
}

#[target_feature(enable = "avx2,avx512f")]
fn compress_32(set: Avx512, states: &mut [[u32; 4]; 32], inputs: &[&[[u8; BLOCK]]; 32]) {
    vector::compress::<_, 2>(set, states, inputs);
}

/// What `vpternlog` is told to compute a function: its bit `4x + 2y + z` is the function of these
/// three bits. Where each of the arguments holds one of its bits eight times, in that order, the
/// function computes the table itself.
const fn table(of: u8) -> i32 {
    of as i32
}

const X: u8 = 0b1111_0000;
const Y: u8 = 0b1100_1100;
const Z: u8 = 0b1010_1010;
const F: i32 = table((X & Y) | (!X & Z));
const G: i32 = table((X & Z) | (Y & !Z));
const H: i32 = table(X ^ Y ^ Z);
const I: i32 = table(Y ^ (X | !Z));

// SAFETY of every block here: `self` proves that the processor has AVX-512.
impl Set for Avx512 {
    type V = __m512i;
    const LANES: usize = 16;

    #[inline(always)]
    fn splat(self, word: u32) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_set1_epi32(word.cast_signed()) }
    }

    #[inline(always)]
    fn load(self, words: &[u32; LANES_MAX]) -> __m512i {
        // SAFETY: see above; there are 64 bytes.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, vector: __m512i) -> [u32; LANES_MAX] {
        let mut words = [0; LANES_MAX];
        // SAFETY: see above; there is room for 64 bytes.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) };
        words
    }

    /// By way of the half-width transposition, which tests on any machine cover.
    #[inline(always)]
    fn words(self, inputs: &[&[[u8; BLOCK]]], at: usize, words: &mut [__m512i; 16]) {
        for half in 0..2 {
            let from = half * 8;
            let low = self.0.eight_words(&inputs[..8], at, from);
            let high = self.0.eight_words(&inputs[8..], at, from);
            for n in 0..8 {
                // SAFETY: see above.
                words[from + n] =
                    unsafe { _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low[n]), high[n]) };
            }
        }
    }

    #[inline(always)]
    fn add(self, x: __m512i, y: __m512i) -> __m512i {
        // SAFETY: see above.
        unsafe { _mm512_add_epi32(x, y) }
    }

    #[inline(always)]
    fn turn<const LEFT: u32, const RIGHT: u32>(self, x: __m512i) -> __m512i {
        // SAFETY: see above. With a constant count this becomes a turn by an immediate.
        unsafe { _mm512_rolv_epi32(x, _mm512_set1_epi32(LEFT.cast_signed())) }
    }

    #[inline(always)]
    fn add_f(self, sum: __m512i, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        // SAFETY: see above.
        self.add(sum, unsafe { _mm512_ternarylogic_epi32::<F>(x, y, z) })
    }

    #[inline(always)]
    fn add_g(self, sum: __m512i, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        // SAFETY: see above.
        self.add(sum, unsafe { _mm512_ternarylogic_epi32::<G>(x, y, z) })
    }

    #[inline(always)]
    fn add_h(self, sum: __m512i, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        // SAFETY: see above.
        self.add(sum, unsafe { _mm512_ternarylogic_epi32::<H>(x, y, z) })
    }

    #[inline(always)]
    fn add_i(self, sum: __m512i, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        // SAFETY: see above.
        self.add(sum, unsafe { _mm512_ternarylogic_epi32::<I>(x, y, z) })
    }
}
