//! Whole requests, from their bytes to the answer's: HTTP, signature, names, rights, index, log.

use crate::counted::Counted;
use crate::replay::Replay;
use crate::sign;
use crate::world::{BUCKET, FOLDER, LINK, World};
use chainringd::io::sim;

const BYTES: usize = 4096;
/// Requests before anything is counted.
const WARM_UP: usize = 20;

fn path(bucket: &str) -> String {
    format!("/{bucket}/{}", key(123))
}

fn key(number: usize) -> String {
    format!("{FOLDER}a/path/object-{number:06}.bin")
}

/// What is asked of which store.
struct Scene<'s> {
    keys: Vec<String>,
    /// Of each object.
    bytes: usize,
    method: &'s str,
    path: &'s str,
    query: &'s str,
    /// Bytes that every answer has at least.
    answer_min: usize,
}

fn read(calls: usize, method: &str, bucket: &str, answer_min: usize) {
    let scene = Scene {
        keys: (100..200).map(key).collect(),
        bytes: BYTES,
        method,
        path: &path(bucket),
        query: "",
        answer_min,
    };
    scene.serve(calls);
}

fn page(calls: usize, keys: Vec<String>, query: &str, answer_min: usize) {
    let scene = Scene {
        keys,
        bytes: 100,
        method: "GET",
        path: &format!("/{BUCKET}"),
        query,
        answer_min,
    };
    scene.serve(calls);
}

pub fn get(calls: usize) {
    read(calls, "GET", BUCKET, BYTES);
}

pub fn get_link(calls: usize) {
    read(calls, "GET", LINK, BYTES);
}

pub fn head(calls: usize) {
    read(calls, "HEAD", BUCKET, 0);
}

pub fn list(calls: usize) {
    let keys = (0..2000).map(key).collect();
    page(
        calls,
        keys,
        "list-type=2&max-keys=1000",
        1000 * key(0).len(),
    );
}

pub fn list_folders(calls: usize) {
    let folder = |n: usize| format!("{FOLDER}{:04}/", n / 20);
    let keys = (0..2000).map(|n| format!("{}{n:06}", folder(n))).collect();
    let query = format!(
        "delimiter=%2F&list-type=2&prefix={}",
        FOLDER.replace('/', "%2F")
    );
    page(calls, keys, &query, 100 * folder(0).len());
}

impl Scene<'_> {
    /// Asks `calls` times. Every answer must be `200 OK`.
    fn serve(self, calls: usize) {
        sim::run(1, async {
            let request = sign::head(self.method, self.path, self.query);
            let World { server, service } = World::new(self.keys, self.bytes).await;
            let (stream, _) = Replay::new(&request, WARM_UP);
            server.serve(stream, &service).await;
            let (stream, answers) = Replay::new(&request, calls);
            Counted::new(server.serve(stream, &service)).await;
            assert_eq!(answers.good.get(), calls, "answers that are 200 OK");
            assert!(
                answers.bytes.get() >= calls * self.answer_min,
                "short answers"
            );
        });
    }
}
