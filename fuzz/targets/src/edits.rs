//! Inputs that are changes of something valid. A fuzzer that begins with noise never gets behind the
//! first checksum; one that edits what is right does.

/// Bytes of one edit in a script: position (2), kind, value.
const EDIT: usize = 4;

/// Applies a script to a copy of `base`. Any bytes are a script.
pub fn apply(base: &[u8], script: &[u8]) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for edit in script.chunks_exact(EDIT) {
        let (position, kind, value) = (u16::from_le_bytes([edit[0], edit[1]]), edit[2], edit[3]);
        let at = usize::from(position) % (bytes.len() + 1);
        let run = usize::from(value % 64) + 1;
        let end = bytes.len().min(at + run);
        match kind % 6 {
            0 => bytes.insert(at, value),
            1 => drop(bytes.drain(at..end)),
            // A piece again: a chunk or a line twice.
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            // Two pieces in the place of one another.
            3 => {
                let half = (end - at) / 2;
                bytes[at..end].rotate_left(half);
            }
            4 if at < bytes.len() => bytes[at] = value,
            _ if at < bytes.len() => bytes[at] ^= 1 << (value % 8),
            _ => {}
        }
    }
    bytes
}

/// Writes over an image: each edit has a position (3 bytes) and four bytes for it. The length stays.
pub fn overwrite(image: &mut [u8], script: &[u8]) {
    for edit in script.chunks_exact(7) {
        let position = u32::from_le_bytes([edit[0], edit[1], edit[2], 0]);
        let at = position as usize % image.len();
        for (to, from) in image[at..].iter_mut().zip(&edit[3..]) {
            *to = *from;
        }
    }
}
