//! Hexadecimal digits without the machinery of formatting.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes two digits, lower case, for each byte, as far as there is room.
pub fn hex_into(bytes: &[u8], out: &mut [u8]) {
    let digit = |d: u8| DIGITS.get(usize::from(d)).copied().unwrap_or(b'0');
    for (byte, place) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        place.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_fits() {
        let mut out = [b'-'; 5];
        hex_into(&[0x0a, 0xf9, 1], &mut out);
        assert_eq!(&out, b"0af9-");
    }
}
