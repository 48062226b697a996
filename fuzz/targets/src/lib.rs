//! What the fuzzer feeds: one function for each parser of bytes from outside, which panics when
//! something is wrong. The engine (`fuzz/engine`) calls them with what it makes up, `cargo test` with
//! the corpora (`fuzz/corpus`), so a failure once found stays found.
//!
//! Wherever there is one, a target has an oracle beside "does not panic": a second implementation, a
//! round trip, or the rule that cutting the input differently changes nothing.

#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a target is a test: a panic is its finding"
)]

mod admin;
mod canonical;
mod chunks;
mod corpus;
mod edits;
mod forms;
mod headers;
mod http;
mod hyper;
mod index;
mod input;
mod log;
mod names;
mod records;
mod seal;
mod sigv4;
mod xml;

pub use corpus::{corpus, escape, unescape};

/// A target: its name, and what is done with an input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name, which is also that of its corpus.
    pub name: &'static str,
    /// Panics when the input shows a fault.
    pub run: fn(&[u8]),
    /// Longest input worth trying, in bytes.
    pub bytes_max: usize,
}

const fn target(name: &'static str, run: fn(&[u8]), bytes_max: usize) -> Target {
    Target {
        name,
        run,
        bytes_max,
    }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("http_head", http::head, 2048),
    target("http_chunked", http::chunked, 1024),
    target("aws_chunked_signed", chunks::signed, 256),
    target("aws_chunked_unsigned_trailer", chunks::unsigned, 512),
    target("sigv4_header", sigv4::header, 512),
    target("sigv4_query", sigv4::query, 512),
    target("post_form", forms::form, 2048),
    target("post_policy", forms::policy, 1024),
    target("xml_delete", xml::delete, 2048),
    target("xml_complete_mpu", xml::complete_upload, 2048),
    target("xml_tagging", xml::tagging, 2048),
    target("xml_acl", xml::access_control, 2048),
    target("xml_location", xml::location, 1024),
    target("header_values", headers::values, 512),
    target("range_header", names::range, 128),
    target("copy_source", names::copy_source, 1200),
    target("key_and_bucket_names", names::paths, 1200),
    target("list_token", names::list_token, 256),
    target("admin_frame", admin::frame, 512),
    target("admin_request", admin::request, 1024),
    target("log_record", records::log_record, 1024),
    target("namespace_record", records::namespace_record, 1024),
    target("segment_scan", log::segment_scan, 256),
    target("index_page", index::checkpoint_page, 256),
    target("index_map_page", index::map_page, 256),
];

/// The target of a name.
#[must_use]
pub fn by_name(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
