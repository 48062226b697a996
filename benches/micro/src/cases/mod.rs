//! The benchmarks.

mod http;
mod index;
mod md5;
mod names;
mod records;
mod requests;
mod signatures;

/// A benchmark.
pub struct Case {
    /// Its name in the baseline.
    pub name: &'static str,
    /// What one call is.
    pub what: &'static str,
    /// Calls counted.
    pub calls: usize,
    /// Sets up, and counts so many calls.
    pub run: fn(usize),
}

/// All of them.
pub const ALL: &[Case] = &[
    case(
        "get-4k",
        "signed GET of 4 KiB through the whole service",
        200,
        requests::get,
    ),
    case(
        "get-4k-link",
        "the same through a link",
        200,
        requests::get_link,
    ),
    case(
        "head-4k",
        "signed HEAD through the whole service",
        200,
        requests::head,
    ),
    case(
        "list-1000",
        "page of 1,000 keys of 2,000, whole request",
        4,
        requests::list,
    ),
    case(
        "list-folders",
        "page of 100 folders, whole request",
        10,
        requests::list_folders,
    ),
    case(
        "http-bare",
        "HTTP around a GET with one header, no S3",
        1000,
        http::bare,
    ),
    case(
        "http-signed",
        "HTTP around a GET as boto3 sends it, no S3",
        1000,
        http::signed,
    ),
    case(
        "index-get",
        "look-up among 50,000 objects",
        2000,
        index::get,
    ),
    case(
        "index-missing",
        "look-up of what is not there",
        2000,
        index::missing,
    ),
    case("index-insert", "new key among 50,000", 2000, index::insert),
    case(
        "index-overwrite",
        "new value for a key",
        2000,
        index::overwrite,
    ),
    case("index-remove", "key of 50,000 goes", 2000, index::remove),
    case("index-scan-1000", "1,000 entries in order", 20, index::scan),
    case("md5-1x64k", "64 KiB of one stream", 4, md5::one),
    case("md5-4x64k", "64 KiB of each of 4 streams", 4, md5::four),
    case("md5-8x64k", "64 KiB of each of 8 streams", 4, md5::eight),
    case(
        "md5-16x64k",
        "64 KiB of each of 16 streams",
        4,
        md5::sixteen,
    ),
    case(
        "record-encode",
        "head of an object's record",
        1000,
        records::encode,
    ),
    case("record-decode", "the same back", 1000, records::decode),
    case("resolve-bucket", "name of a bucket", 1000, names::bucket),
    case("resolve-link", "name of a link", 1000, names::link),
    case(
        "resolve-chain-16",
        "last of a chain of 16 links",
        1000,
        names::chain,
    ),
    case(
        "resolve-prefix-link",
        "link that shows a prefix",
        1000,
        names::prefix_link,
    ),
    case(
        "resolve-missing",
        "name that is not there",
        1000,
        names::missing,
    ),
    case(
        "sigv4-header",
        "signature in the header",
        500,
        signatures::header,
    ),
    case(
        "sigv4-presigned",
        "signature in the query",
        500,
        signatures::presigned,
    ),
    case(
        "sigv4-new-key",
        "signature whose key is not in the cache",
        100,
        signatures::new_key,
    ),
];

const fn case(name: &'static str, what: &'static str, calls: usize, run: fn(usize)) -> Case {
    Case {
        name,
        what,
        calls,
        run,
    }
}
