//! Tests of paths, bucket names and copy sources.

use super::*;
use proptest::prelude::*;

fn parse(path: &str) -> Result<ResourcePath<'_>> {
    ResourcePath::parse(path.as_bytes(), b"localhost:9878", &[])
}

fn object<'a>(bucket: &'a str, key: &'a str) -> ResourcePath<'a> {
    ResourcePath::Object {
        bucket: bucket.into(),
        key: key.into(),
    }
}

#[test]
fn path_style() {
    assert_eq!(parse("/").unwrap(), ResourcePath::Service);
    for path in ["/bucket", "/bucket/", "/b%75cket"] {
        let bucket = "bucket".into();
        assert_eq!(parse(path).unwrap(), ResourcePath::Bucket { bucket });
    }
    assert_eq!(parse("/bucket/a%20b+c").unwrap(), object("bucket", "a b+c"));
}

#[test]
fn s24_keys_of_any_kind_round_trip() {
    for key in [
        "..",
        ".",
        "../../etc/passwd",
        "//",
        "/a",
        "a//b",
        "a/",
        "\\",
        "\0",
        "\u{1}\r\n",
    ] {
        let mut path = b"/bucket/".to_vec();
        crate::s3::percent::push_url_encoded(&mut path, key.as_bytes());
        let parsed = ResourcePath::parse(&path, b"", &[]).unwrap();
        assert_eq!(parsed, object("bucket", key));
    }
    assert_eq!(
        parse("/bucket//a/../b").unwrap(),
        object("bucket", "/a/../b")
    );
}

#[test]
fn s24_overlong_and_broken_utf8_are_refused() {
    for path in [
        "/bucket/%c0%ae",
        "/bucket/%ff",
        "/%c0%ae/x",
        "/bucket/%e0%80%af",
    ] {
        assert_eq!(
            parse(path).unwrap_err().code,
            ErrorCode::InvalidURI,
            "{path}"
        );
    }
}

#[test]
fn s06_a_key_is_decoded_exactly_once() {
    assert_eq!(parse("/bucket/a%252Fb").unwrap(), object("bucket", "a%2Fb"));
    assert_eq!(parse("/bucket/a%2Fb").unwrap(), object("bucket", "a/b"));
    // An encoded slash cannot move the border between bucket and key.
    assert_eq!(
        parse("/bucket%2Fa/b").unwrap_err().code,
        ErrorCode::InvalidBucketName
    );
    assert_eq!(
        parse("/%2E%2E/b").unwrap_err().code,
        ErrorCode::InvalidBucketName
    );
}

#[test]
fn key_length_is_counted_in_decoded_bytes() {
    let longest = format!("/bucket/{}", "%C3%A4".repeat(512));
    assert_eq!(parse(&longest).unwrap().key().unwrap().shown().len(), 1024);
    let error = parse(&format!("{longest}a")).unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyTooLongError);
}

#[test]
fn virtual_host_style() {
    let domains = ["s3.example.com".to_owned(), "localhost".to_owned()];
    let parse = |host: &str, path: &'static str| {
        ResourcePath::parse(path.as_bytes(), host.as_bytes(), &domains).unwrap()
    };
    assert_eq!(
        parse("bucket.s3.example.com", "/a/b"),
        object("bucket", "a/b")
    );
    assert_eq!(
        parse("my.bucket.S3.example.COM:9878", "//a"),
        object("my.bucket", "/a")
    );
    assert_eq!(parse("Bucket.localhost", "/").level(), Level::Bucket);
    assert_eq!(parse("s3.example.com", "/bucket/a"), object("bucket", "a"));
    assert_eq!(parse("other.org", "/bucket/a"), object("bucket", "a"));
    assert_eq!(
        parse("evils3.example.com", "/bucket/a"),
        object("bucket", "a")
    );
    let bad = ResourcePath::parse(b"/", b"_x.localhost", &domains).unwrap_err();
    assert_eq!(bad.code, ErrorCode::InvalidBucketName);
}

#[test]
fn bucket_names() {
    let longest = "a".repeat(63);
    for name in ["abc", "a-b", "a.b.c", "0123", &longest, "1.2.3.4.5"] {
        assert!(check_bucket_name(name).is_ok(), "{name}");
    }
    let too_long = "a".repeat(64);
    for name in [
        "",
        "a",
        "aa",
        &too_long,
        "Abc",
        "a_b",
        "_abc",
        "abc-",
        "-abc",
        ".abc",
        "a..b",
        "a.-b",
        "a-.b",
        "192.168.5.123",
        "xn--abc",
        "abc-s3alias",
        "a/b",
        "a b",
        "ab\u{e4}",
        "..",
    ] {
        let error = check_bucket_name(name).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidBucketName, "{name}");
    }
}

#[test]
fn copy_sources() {
    let source = |raw: &str| CopySource::parse(raw.as_bytes()).unwrap();
    let expected = CopySource {
        bucket: "bucket".to_owned(),
        key: "a b+c".to_owned(),
        version: None,
    };
    assert_eq!(source("/bucket/a%20b+c"), expected);
    assert_eq!(source("bucket/a b+c"), expected);
    assert_eq!(source("bucket%2Fa%20b%2Bc"), expected);
    assert_eq!(source("bucket/../x").key, "../x");
    assert_eq!(source("bucket//x").key, "/x");
    assert_eq!(source("bucket/%3FversionId").key, "?versionId");
    assert_eq!(source("bucket/x?versionId").key, "x?versionId");
    assert_eq!(source("bucket/a%2525").key, "a%25");
    let versioned = source("bucket/a?b?versionId=v%201");
    assert_eq!(versioned.key, "a?b");
    assert_eq!(versioned.version.as_deref(), Some("v 1"));
}

#[test]
fn s10_strange_copy_sources_are_typed_errors() {
    let code = |raw: &[u8]| CopySource::parse(raw).unwrap_err().code;
    for raw in [
        "",
        "/",
        "//",
        "bucket",
        "/bucket/",
        "bucket/a%zz",
        "?versionId=",
        "bucket/%ff",
    ] {
        assert_eq!(code(raw.as_bytes()), ErrorCode::InvalidArgument, "{raw}");
    }
    assert_eq!(code(b"bucket/a?versionId="), ErrorCode::InvalidArgument);
    assert_eq!(code(b"../../x"), ErrorCode::InvalidBucketName);
    assert_eq!(
        code(b"arn:aws:s3:us-east-1:1:accesspoint/x"),
        ErrorCode::NotImplemented
    );
}

proptest! {
    #[test]
    fn any_key_round_trips(key in "\\PC{1,200}") {
        prop_assume!(key.len() <= KEY_BYTES_MAX);
        let mut path = b"/bucket/".to_vec();
        crate::s3::percent::push_url_encoded(&mut path, key.as_bytes());
        prop_assert_eq!(ResourcePath::parse(&path, b"", &[]).unwrap(), object("bucket", &key));
        prop_assert_eq!(CopySource::parse(&path).unwrap().key, key);
    }

    #[test]
    fn any_bytes_never_panic(path: Vec<u8>, host: Vec<u8>) {
        let domains = ["example.com".to_owned()];
        let _ = ResourcePath::parse(&path, &host, &domains);
        let _ = CopySource::parse(&path);
    }
}
