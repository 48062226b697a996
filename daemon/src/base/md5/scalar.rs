//! MD5 of one stream: RFC 1321, section 3.4, with the steps written out by a macro.

use super::{BLOCK, SINES};

/// Mixes whole blocks into the state.
pub(super) fn compress(state: &mut [u32; 4], blocks: &[[u8; BLOCK]]) {
    for block in blocks {
        compress_one(state, block);
    }
}

fn compress_one(state: &mut [u32; 4], block: &[u8; BLOCK]) {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d] = *state;
    macro_rules! step {
        ($mix:ident, $a:ident, $b:ident, $c:ident, $d:ident, $word:expr, $sine:expr, $turn:expr) => {
            $a = $a
                .wrapping_add(words[$word])
                .wrapping_add(SINES[$sine])
                .wrapping_add($mix($b, $c, $d))
                .rotate_left($turn)
                .wrapping_add($b);
        };
    }
    super::rounds!(step, a, b, c, d);
    for (word, add) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(add);
    }
}

const fn f(x: u32, y: u32, z: u32) -> u32 {
    z ^ (x & (y ^ z))
}

const fn g(x: u32, y: u32, z: u32) -> u32 {
    // The two sides have no bit in common, so adding them would do as well and lets the processor
    // begin before `x` is known.
    (x & z) | (y & !z)
}

const fn h(x: u32, y: u32, z: u32) -> u32 {
    x ^ y ^ z
}

const fn i(x: u32, y: u32, z: u32) -> u32 {
    y ^ (x | !z)
}
