//! Verification of signatures, from a parsed head.

use crate::counted::repeat;
use crate::sign::{self, ACCESS_KEY, REGION, SECRET};
use crate::world::NOW;
use chainringd::s3::head::{PlainHead, RequestHead};
use chainringd::s3::query::Query;
use chainringd::s3::sigv4::Verifier;

const PATH: &str = "/bucket/some/key/with/a/path/object-000123.bin";

fn header_signed() -> PlainHead {
    let head = PlainHead::new("GET", PATH);
    let headers = sign::headers("GET", PATH, "");
    headers
        .into_iter()
        .fold(head, |head, (name, value)| head.with(name, value))
}

pub fn header(calls: usize) {
    verify(&header_signed(), calls, false);
}

pub fn presigned(calls: usize) {
    let target = format!("{PATH}?{}", sign::presigned("GET", PATH));
    verify(
        &PlainHead::new("GET", &target).with("Host", sign::host()),
        calls,
        false,
    );
}

pub fn new_key(calls: usize) {
    verify(&header_signed(), calls, true);
}

/// With `fresh`, each call meets a verifier that knows no key yet.
fn verify(head: &PlainHead, calls: usize, fresh: bool) {
    let kept = Verifier::new(REGION);
    repeat(calls, |_| {
        let new = fresh.then(|| Verifier::new(REGION));
        let verifier = new.as_ref().unwrap_or(&kept);
        let query = Query::parse(head.raw_query()).expect("a query");
        let verified = verifier.verify(head, &query, NOW, |access_key| {
            (access_key == ACCESS_KEY).then_some(((), SECRET))
        });
        verified.expect("the signature is good")
    });
}
