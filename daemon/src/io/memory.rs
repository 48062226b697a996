//! Giving memory back to the system without giving up its place.
#![expect(unsafe_code, reason = "the system takes pages away from under us")]

use rustix::mm::{Advice, madvise};

/// Takes the memory behind `pieces` away, at once: they read as zeros when they are used again, or
/// as before if the system kept them. Does nothing unless each piece begins where the one before
/// it ends, and the first at a page.
pub fn release(pieces: &mut [&mut [u8]]) {
    let mut end = None;
    for piece in &*pieces {
        let range = piece.as_ptr_range();
        if end.is_some_and(|end| end != range.start) {
            return;
        }
        end = Some(range.end);
    }
    let len: usize = pieces.iter().map(|piece| piece.len()).sum();
    let Some(first) = pieces.first_mut() else {
        return;
    };
    if len == 0 || !len.is_multiple_of(rustix::param::page_size()) {
        return;
    }
    // SAFETY: all bytes in the range belong to the pieces, which are borrowed exclusively, and any
    // bytes are right in them. A failure, also for a start within a page, leaves them as they are.
    let _ = unsafe { madvise(first.as_mut_ptr().cast(), len, Advice::LinuxDontNeed) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use memmap2::MmapMut;

    #[test]
    fn only_pieces_without_gaps_are_released() {
        let mut map = MmapMut::map_anon(3 * rustix::param::page_size()).unwrap();
        map.fill(7);
        let (first, rest) = map.split_at_mut(100);
        let (second, third) = rest.split_at_mut(5000);
        release(&mut [first, third]);
        release(&mut [second, third]);
        release(&mut []);
        assert!(map.iter().all(|byte| *byte == 7));
        let (first, second) = map.split_at_mut(100);
        release(&mut [first, second]);
        assert!(map.iter().all(|byte| *byte == 0));
    }
}
