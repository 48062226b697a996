//! Values of single headers: conditions, checksums, tags, dates, what must not be overlooked.

use crate::input::Input;
use chainringd::s3::head::PlainHead;
use chainringd::s3::time::{
    format_amz, format_http, format_iso8601, parse_amz, parse_http, parse_iso8601,
};
use chainringd::s3::{checksum, conditions, headers, tagging};

const NAMES: &[&str] = &[
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-if-match-size",
    "x-amz-if-match-last-modified-time",
    "x-amz-checksum-crc32",
    "x-amz-checksum-sha256",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-type",
    "x-amz-trailer",
    "x-amz-acl",
    "x-amz-storage-class",
    "x-amz-expected-bucket-owner",
    "x-amz-server-side-encryption",
    "x-amz-tagging",
];

/// Years before this one have four digits, as the formats want them.
const YEAR_10000_MS: u64 = 253_402_300_800_000;

/// Lines of a number that says which header, and its value.
pub fn values(data: &[u8]) {
    let mut input = Input(data);
    let mut head = PlainHead::new("PUT", "/b/k");
    while !input.0.is_empty() && head.headers.len() < 8 {
        let name = NAMES[usize::from(input.byte()) % NAMES.len()];
        head = head.with(name, input.line().trim_ascii());
    }
    let etag = "d41d8cd98f00b204e9800998ecf8427e";
    let modified = chainringd::base::Timestamp(1_700_000_000_000);
    let _ = conditions::read(&head, etag, modified);
    let _ = conditions::copy_source(&head, etag, modified);
    let _ = conditions::write(&head);
    let _ = checksum::declared(&head);
    let _ = checksum::of_upload(&head);
    let _ = checksum::kind_of(&head);
    let _ = checksum::trailers(&head).count();
    let _ = headers::demands(&head);
    for (_, value) in &head.headers {
        if let Ok(tags) = tagging::of_header(value) {
            assert!(tags.len() <= 10);
            assert_eq!(tagging::of_object(tags.clone()), Ok(tags));
        }
        dates(&String::from_utf8_lossy(value));
    }
}

/// A date that is understood means the same when it is written out.
fn dates(text: &str) {
    if let Some(time) = parse_amz(text) {
        assert_eq!(format_amz(time), text);
    }
    if let Some(time) = parse_iso8601(text).filter(|time| time.0 < YEAR_10000_MS) {
        assert_eq!(parse_iso8601(&format_iso8601(time)), Some(time), "{text}");
    }
    if let Some(time) = parse_http(text).filter(|time| time.0 < YEAR_10000_MS) {
        assert_eq!(parse_http(&format_http(time)), Some(time), "{text}");
    }
}
