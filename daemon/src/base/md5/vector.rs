//! MD5 of several streams in the lanes of vector registers, whatever the width of these is.
//!
//! The steps of one stream depend on each other, so even a full register leaves the processor idle most of
//! the time. [`compress`] therefore takes `K` registers' worth of streams at once, interleaved step by
//! step.

use super::{BLOCK, SINES};

/// Instructions on vectors of 32-bit words. A value of the type proves that the processor has them.
pub(super) trait Set: Copy {
    /// A vector.
    type V: Copy;
    /// Words in a vector.
    const LANES: usize;

    /// The same word in every lane.
    fn splat(self, word: u32) -> Self::V;
    /// A vector of the first words.
    fn load(self, words: &[u32; LANES_MAX]) -> Self::V;
    /// The words of a vector; those beyond its lanes are 0.
    fn store(self, vector: Self::V) -> [u32; LANES_MAX];
    /// Word n of the block at `at` of each input, for each n. There are as many inputs as lanes.
    fn words(self, inputs: &[&[[u8; BLOCK]]], at: usize, words: &mut [Self::V; 16]);
    /// The sum of each lane.
    fn add(self, x: Self::V, y: Self::V) -> Self::V;
    /// Turns each lane left by `LEFT` bits, which with `RIGHT` are 32.
    fn turn<const LEFT: u32, const RIGHT: u32>(self, x: Self::V) -> Self::V;
    /// `sum + f(x, y, z)` of RFC 1321, section 3.4, and so on.
    fn add_f(self, sum: Self::V, x: Self::V, y: Self::V, z: Self::V) -> Self::V;
    /// See [`Set::add_f`].
    fn add_g(self, sum: Self::V, x: Self::V, y: Self::V, z: Self::V) -> Self::V;
    /// See [`Set::add_f`].
    fn add_h(self, sum: Self::V, x: Self::V, y: Self::V, z: Self::V) -> Self::V;
    /// See [`Set::add_f`].
    fn add_i(self, sum: Self::V, x: Self::V, y: Self::V, z: Self::V) -> Self::V;
}

/// Lanes of the widest vector.
pub(super) const LANES_MAX: usize = 16;

/// Mixes the blocks of each input into the state beside it: of `K * S::LANES` streams, as many
/// blocks as the shortest has.
///
/// Loops count instead of iterating: what this calls must become part of it, or each instruction
/// would be a call.
#[inline(always)]
pub(super) fn compress<S: Set, const K: usize>(
    set: S,
    states: &mut [[u32; 4]],
    inputs: &[&[[u8; BLOCK]]],
) {
    let blocks = inputs.iter().map(|input| input.len()).min().unwrap_or(0);
    let mut state = [[set.splat(0); K]; 4];
    for word in 0..4 {
        for k in 0..K {
            let mut words = [0; LANES_MAX];
            for lane in 0..S::LANES {
                words[lane] = states[k * S::LANES + lane][word];
            }
            state[word][k] = set.load(&words);
        }
    }
    for at in 0..blocks {
        let mut words = [[set.splat(0); 16]; K];
        for k in 0..K {
            set.words(&inputs[k * S::LANES..(k + 1) * S::LANES], at, &mut words[k]);
        }
        mix(set, &mut state, &words);
    }
    for word in 0..4 {
        for k in 0..K {
            let words = set.store(state[word][k]);
            for lane in 0..S::LANES {
                states[k * S::LANES + lane][word] = words[lane];
            }
        }
    }
}

/// Mixes one block of every stream.
#[inline(always)]
fn mix<S: Set, const K: usize>(set: S, state: &mut [[S::V; K]; 4], words: &[[S::V; 16]; K]) {
    let [mut a, mut b, mut c, mut d] = *state;
    macro_rules! step {
        ($mix:ident, $a:ident, $b:ident, $c:ident, $d:ident, $word:expr, $sine:expr, $turn:expr) => {
            let sine = set.splat(SINES[$sine]);
            for k in 0..K {
                let sum = set.add($a[k], set.add(words[k][$word], sine));
                let sum = step!($mix, sum, $b[k], $c[k], $d[k]);
                $a[k] = set.add(set.turn::<$turn, { 32 - $turn }>(sum), $b[k]);
            }
        };
        (f, $sum:expr, $x:expr, $y:expr, $z:expr) => {
            set.add_f($sum, $x, $y, $z)
        };
        (g, $sum:expr, $x:expr, $y:expr, $z:expr) => {
            set.add_g($sum, $x, $y, $z)
        };
        (h, $sum:expr, $x:expr, $y:expr, $z:expr) => {
            set.add_h($sum, $x, $y, $z)
        };
        (i, $sum:expr, $x:expr, $y:expr, $z:expr) => {
            set.add_i($sum, $x, $y, $z)
        };
    }
    super::rounds!(step, a, b, c, d);
    for k in 0..K {
        state[0][k] = set.add(state[0][k], a[k]);
        state[1][k] = set.add(state[1][k], b[k]);
        state[2][k] = set.add(state[2][k], c[k]);
        state[3][k] = set.add(state[3][k], d[k]);
    }
}
