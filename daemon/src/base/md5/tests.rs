//! Every way of computing gives what another implementation of MD5 gives.

use super::*;
use md5::Digest;
use proptest::prelude::*;

fn reference(message: &[u8]) -> [u8; 16] {
    md5::Md5::digest(message).into()
}

fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length)
        .map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed) ^ (at >> 8) as u8)
        .collect()
}

/// RFC 1321, section A.5.
#[test]
fn the_vectors_of_the_rfc() {
    let vectors = [
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a",
        ),
    ];
    for (message, digest) in vectors {
        let found: String = Md5::digest(message.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(found, digest, "{message:?}");
    }
}

/// Digests all messages side by side.
fn digests(lanes: Lanes, messages: &[Vec<u8>]) -> Vec<[u8; 16]> {
    let mut states = vec![Md5::new(); messages.len()];
    let mut streams: Vec<_> = states
        .iter_mut()
        .zip(messages)
        .map(|(state, message)| (state, &message[..]))
        .collect();
    lanes.update(&mut streams);
    states.into_iter().map(Md5::finish).collect()
}

#[test]
fn every_length_alone_and_in_every_lane() {
    for length in 0..=4 * BLOCK {
        let messages: Vec<_> = (0..33).map(|n| pattern(length + n, n as u8)).collect();
        let expected: Vec<_> = messages.iter().map(|m| reference(m)).collect();
        for lanes in Lanes::all() {
            assert_eq!(digests(lanes, &messages), expected, "{lanes:?}, {length}");
        }
        assert_eq!(Md5::digest(&messages[0]), expected[0]);
    }
}

#[test]
fn every_number_of_streams() {
    for count in 0..70 {
        let messages: Vec<_> = (0..count)
            .map(|n| pattern((n * 7919) % 1000 + 130, n as u8))
            .collect();
        let expected: Vec<_> = messages.iter().map(|m| reference(m)).collect();
        for lanes in Lanes::all() {
            assert_eq!(digests(lanes, &messages), expected, "{lanes:?}, {count}");
        }
    }
}

proptest! {
    /// Any number of streams, each in pieces of any length, in rounds of any mix.
    #[test]
    fn any_mix_of_streams_and_pieces(
        pieces in prop::collection::vec(
            prop::collection::vec((0usize..20, 0usize..2000), 0..6), 0..40),
    ) {
        for lanes in Lanes::all() {
            let messages: Vec<Vec<Vec<u8>>> = pieces
                .iter()
                .zip(0u8..)
                .map(|(pieces, seed)| {
                    pieces.iter().map(|&(few, many)| pattern(few * many / 7, seed)).collect()
                })
                .collect();
            let mut states = vec![Md5::new(); messages.len()];
            for round in 0..6 {
                let mut streams: Vec<_> = states
                    .iter_mut()
                    .zip(&messages)
                    .filter_map(|(state, pieces)| Some((state, &pieces.get(round)?[..])))
                    .collect();
                lanes.update(&mut streams);
            }
            for (state, pieces) in states.into_iter().zip(&messages) {
                prop_assert_eq!(state.finish(), reference(&pieces.concat()));
            }
        }
    }
}

/// What it costs: `cargo test --release -p chainringd --lib -- --ignored --nocapture what_md5_costs`
#[test]
#[ignore = "a measurement"]
fn what_md5_costs() {
    for lanes in Lanes::all() {
        for (count, length) in [1, 2, 4, 6, 8, 12, 16, 24, 32]
            .into_iter()
            .flat_map(|count| [(count, 4096), (count, 1 << 20)])
        {
            let messages: Vec<_> = (0..count).map(|n| pattern(length, n as u8)).collect();
            let bytes = count * length;
            let rounds = (64 << 20) / bytes;
            let start = std::time::Instant::now();
            for _ in 0..rounds {
                std::hint::black_box(digests(lanes, &messages));
            }
            let nanoseconds = start.elapsed().as_nanos() as f64;
            let rate = (rounds * bytes) as f64 / nanoseconds;
            println!("{lanes:?}: {count} streams of {length} B: {rate:.2} GB/s");
        }
    }
}
