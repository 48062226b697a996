//! Keys and values as the store makes them.

/// As many bytes as the store keeps per object: location, size, time, ETag.
pub type Value = [u8; 45];

/// A bijective mix of a number's bits, so that numbers in order give keys in no order.
pub fn mix(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Writes the index key of object `number` to `key`: kind, bucket, object key of 33 bytes, its
/// terminator, version; 52 bytes in all.
pub fn key(number: u64, key: &mut Vec<u8>) {
    let mixed = mix(number);
    key.clear();
    key.push(1);
    key.extend_from_slice(&(mixed % 4).to_be_bytes());
    key.extend_from_slice(b"data/");
    let folder = (mixed >> 8) % 1000;
    for digit in [folder / 100, folder / 10 % 10, folder % 10] {
        key.push(hex(digit));
    }
    key.push(b'/');
    for shift in (0..64).step_by(4) {
        key.push(hex(mixed >> shift & 15));
    }
    key.extend_from_slice(b".parquet");
    key.extend_from_slice(&[0; 10]);
}

/// Length of every key.
pub const KEY_LEN: usize = 52;

fn hex(digit: u64) -> u8 {
    let digit = u8::try_from(digit).unwrap_or(0);
    if digit < 10 {
        b'0' + digit
    } else {
        b'a' + digit - 10
    }
}

/// A value for object `number`.
pub fn value(number: u64) -> Value {
    let mut value = [0; 45];
    for (nth, bytes) in (0..).zip(value.chunks_mut(8)) {
        let random = mix(number ^ nth << 56).to_le_bytes();
        bytes.copy_from_slice(random.get(..bytes.len()).unwrap_or_default());
    }
    value
}

/// Numbers below a bound, in no order.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 += 1;
        mix(self.0 ^ 0x5555_0000_0000_0000) % bound.max(1)
    }
}
