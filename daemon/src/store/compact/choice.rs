//! Which segments are worth the work.

/// How much room is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// As little work as keeps the garbage within bounds.
    Modest,
    /// The device is nearly full: everything that gives room.
    Urgent,
    /// Every segment that has any garbage, on somebody's order.
    Everything,
}

/// A segment to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub number: u32,
    /// Bytes of its file.
    pub bytes: u64,
    /// Bytes alive.
    pub live: u64,
    /// Bytes that say that something ended, and are needed as long as older segments are there.
    pub ends: u64,
    /// Something in it waits for its record.
    pub held: bool,
}

impl Segment {
    fn kept(&self) -> u64 {
        (self.live + self.ends).min(self.bytes)
    }

    /// Share of the segment that has to be moved to free it, in thousandths.
    fn share(&self) -> u64 {
        self.kept() * 1000 / self.bytes.max(1)
    }
}

/// Garbage up to this share of the log is left alone, in thousandths: the log is then at most a fifth
/// larger than what it holds.
const GARBAGE: u64 = 200;
/// Segments that are alive up to here are cleaned in any case: every byte moved frees more than one.
const HALF: u64 = 500;
/// Segments that are alive beyond this are not worth it but in need.
const MOSTLY: u64 = 900;
/// Beyond this even in need not: to free one segment forty would be moved.
const NEARLY: u64 = 975;
/// Bytes moved in one pass; then everything is counted again.
const PASS_BYTES: u64 = 256 * 1024 * 1024;
/// The same in need: room is given back only by the count of the next pass, and writers wait for it.
const PASS_BYTES_IN_NEED: u64 = 64 * 1024 * 1024;
/// When what says that something ended is more than this part of the log, the oldest segment is
/// cleaned, however alive: nothing else lets these records go.
const ENDS_PART: u64 = 8;

/// The segments to clean, in this order. `room` are the bytes that the log can take before anything
/// is given back.
pub(super) fn choose(mut segments: Vec<Segment>, aim: Aim, room: u64) -> Vec<u32> {
    let ends: u64 = segments.iter().map(|s| s.ends).sum();
    let segment_bytes = segments.iter().map(|s| s.bytes).max().unwrap_or(0);
    let total: u64 = segments.iter().map(|s| s.bytes).sum();
    let kept: u64 = segments.iter().map(Segment::kept).sum();
    let mut garbage = total - kept;
    let oldest = segments.iter().min_by_key(|s| s.number).copied();
    let too_many_ends = ends > (total / ENDS_PART).max(segment_bytes);
    segments.retain(|s| !s.held);
    segments.sort_by_key(|s| (s.share(), s.number));
    let mut chosen = Vec::new();
    let mut moved = 0;
    if let Some(oldest) = oldest.filter(|s| too_many_ends && !s.held && s.kept() <= room) {
        chosen.push(oldest.number);
        moved += oldest.kept();
    }
    for segment in segments {
        let wanted = match aim {
            Aim::Everything => segment.kept() < segment.bytes,
            Aim::Urgent => segment.share() <= NEARLY,
            Aim::Modest => {
                segment.share() <= HALF
                    || (garbage * 1000 > total * GARBAGE && segment.share() <= MOSTLY)
            }
        };
        let most = match aim {
            Aim::Everything => room,
            _ if moved == 0 => room,
            Aim::Urgent => room.min(PASS_BYTES_IN_NEED),
            Aim::Modest => room.min(PASS_BYTES),
        };
        if !wanted || moved + segment.kept() > most {
            break;
        }
        if !chosen.contains(&segment.number) {
            chosen.push(segment.number);
            moved += segment.kept();
            garbage -= segment.bytes - segment.kept();
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u32, live: u64) -> Segment {
        Segment {
            number,
            bytes: 1000,
            live,
            ends: 0,
            held: false,
        }
    }

    #[test]
    fn the_emptiest_come_first_and_the_full_not_at_all() {
        let segments = [(1, 1000), (2, 10), (3, 480), (4, 990), (5, 0)];
        let segments: Vec<_> = segments.map(|(n, live)| segment(n, live)).into();
        assert_eq!(choose(segments.clone(), Aim::Modest, u64::MAX), [5, 2, 3]);
        assert_eq!(choose(segments.clone(), Aim::Urgent, u64::MAX), [5, 2, 3]);
        assert_eq!(choose(segments, Aim::Everything, u64::MAX), [5, 2, 3, 4]);
    }

    #[test]
    fn a_little_garbage_everywhere_is_left_alone_until_it_is_too_much() {
        let of = |live: u64| (1..=20).map(|n| segment(n, live)).collect::<Vec<_>>();
        assert_eq!(choose(of(850), Aim::Modest, u64::MAX), [0; 0]);
        let chosen = choose(of(700), Aim::Modest, u64::MAX);
        // A third of the garbage: then a fifth of the log is left.
        assert!((6..=8).contains(&chosen.len()), "{chosen:?}");
        assert_eq!(choose(of(850), Aim::Urgent, u64::MAX).len(), 20);
    }

    #[test]
    fn what_ended_is_no_garbage_until_the_oldest_segment_is_gone() {
        let mut segments: Vec<_> = (1..=10).map(|n| segment(n, 1000)).collect();
        let mut end = |n: usize| {
            segments[n].live = 0;
            segments[n].ends = 1000;
            choose(segments.clone(), Aim::Modest, u64::MAX)
        };
        assert_eq!(end(9), [0; 0]);
        assert_eq!(end(8), [1]);
    }

    #[test]
    fn no_more_is_moved_than_there_is_room_for() {
        let segments: Vec<_> = (1..=10).map(|n| segment(n, 600)).collect();
        assert_eq!(choose(segments.clone(), Aim::Urgent, 1300), [1, 2]);
        assert_eq!(choose(segments, Aim::Urgent, 500), [0; 0]);
    }

    #[test]
    fn a_segment_that_is_held_waits() {
        let held = Segment {
            held: true,
            ..segment(1, 0)
        };
        assert_eq!(choose(vec![held], Aim::Everything, u64::MAX), [0; 0]);
    }
}
