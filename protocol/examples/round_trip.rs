//! Measures the admin round trip against a running daemon:
//! `cargo run --release -p chainring-protocol --example round_trip -- chainring-data/admin.sock`

#![allow(
    clippy::unwrap_used,
    reason = "a tool for developers, who read the panic"
)]

use chainring_protocol::client::Client;
use chainring_protocol::message::{VolumeCreate, VolumeDelete, VolumeInfoGet};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const ROUNDS: usize = 10_000;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let connect = || Client::connect(UnixStream::connect(&path).unwrap(), "round_trip").unwrap();
    let mut client = connect();
    let info = VolumeInfoGet {
        name: "s3v".to_owned(),
    };
    measure("volume info", ROUNDS, || drop(client.call(&info).unwrap()));
    measure("connect, hello, volume info", ROUNDS / 10, || {
        drop(connect().call(&info).unwrap());
    });
    let name = format!("round-trip-{}", std::process::id());
    measure("volume create and delete, durable", ROUNDS / 100, || {
        let create = VolumeCreate::new(name.as_str());
        let created = client.call(&create).unwrap();
        let name = created.name;
        client.call(&VolumeDelete { name }).unwrap();
    });
}

fn measure(what: &str, rounds: usize, mut round: impl FnMut()) {
    for _ in 0..rounds / 10 {
        round();
    }
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1000).copied();
    println!(
        "{what}: p50 {:?}, p99 {:?}, p99.9 {:?}",
        at(500).unwrap(),
        at(990).unwrap(),
        at(999).unwrap()
    );
}
