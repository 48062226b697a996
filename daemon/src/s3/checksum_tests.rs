//! Tests of checksums against published values and each other.

use super::*;
use crate::s3::head::PlainHead;
use proptest::prelude::*;

fn hash(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// Values over `123456789`, from the catalogue of CRCs and FIPS 180.
#[test]
fn check_values() {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let expected = [
        "cbf43926",
        "e3069283",
        "ae8b14860a799888",
        "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    ];
    for (algorithm, expected) in ALGORITHMS.into_iter().zip(expected) {
        assert_eq!(
            hex(hash(algorithm, b"123456789")),
            expected,
            "{algorithm:?}"
        );
        assert_eq!(by_name(name(algorithm)), Some(algorithm));
        assert_eq!(by_header(header(algorithm)), Some(algorithm));
    }
}

/// Composite and full-object values of three parts of 5 MiB of one letter each, as other
/// implementations show them.
#[test]
fn parts_of_five_mebibytes() {
    let parts: Vec<Vec<u8>> = b"ABC".iter().map(|b| vec![*b; 5 << 20]).collect();
    let of = |algorithm, kind| {
        let values: Vec<_> = parts.iter().map(|part| hash(algorithm, part)).collect();
        let value = match kind {
            ChecksumKind::Composite => composite(algorithm, values.iter().map(Vec::as_slice)),
            ChecksumKind::FullObject => {
                combine(algorithm, values.iter().map(|v| (v.as_slice(), 5 << 20))).unwrap()
            }
        };
        let checksum = Checksum {
            algorithm,
            kind,
            value,
        };
        encode(&checksum, 3)
    };
    use ChecksumKind::{Composite, FullObject};
    let sha256 = "uWBwpe1dxI4Vw8Gf0X9ynOdw/SS6VBzfWm9giiv1sf4=-3";
    assert_eq!(of(ChecksumAlgorithm::Sha256, Composite), sha256);
    let sha1 = "sizjvY4eud3MrcHdZM3cQ/ol39o=-3";
    assert_eq!(of(ChecksumAlgorithm::Sha1, Composite), sha1);
    assert_eq!(of(ChecksumAlgorithm::Crc32, FullObject), "WgDhBQ==");
    assert_eq!(of(ChecksumAlgorithm::Crc32c, FullObject), "xU+Krw==");
    assert_eq!(of(ChecksumAlgorithm::Crc64Nvme, FullObject), "i+6LR0y3eFo=");
}

#[test]
fn at_most_one_checksum_is_declared() {
    let head = PlainHead::new("PUT", "/b/k");
    assert_eq!(declared(&head).unwrap(), None);
    let one = head.clone().with("X-Amz-Checksum-CRC32", "AAAAAA==");
    let found = declared(&one).unwrap().unwrap();
    assert_eq!(found.source, Source::Header("AAAAAA==".to_owned()));
    let trailer = head.clone().with("x-amz-trailer", "x-amz-checksum-sha1");
    assert_eq!(declared(&trailer).unwrap().unwrap().source, Source::Trailer);
    let bad = [
        one.clone().with("x-amz-checksum-sha1", "x"),
        one.clone().with("x-amz-trailer", "x-amz-checksum-crc32"),
        one.with("x-amz-sdk-checksum-algorithm", "SHA1"),
        head.clone().with("x-amz-trailer", "x-amz-meta-a"),
        head.with("x-amz-sdk-checksum-algorithm", "MD4"),
    ];
    for head in bad {
        assert_eq!(declared(&head).unwrap_err().code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn kinds_fit_their_algorithms() {
    let upload = |algorithm: &str, kind: Option<&str>| {
        let mut head = PlainHead::new("POST", "/b/k?uploads");
        head = head.with("x-amz-checksum-algorithm", algorithm);
        if let Some(kind) = kind {
            head = head.with("x-amz-checksum-type", kind);
        }
        of_upload(&head).map(|c| c.unwrap().kind)
    };
    assert_eq!(upload("CRC32", None).unwrap(), ChecksumKind::Composite);
    let full = Some("FULL_OBJECT");
    assert_eq!(upload("CRC32C", full).unwrap(), ChecksumKind::FullObject);
    assert_eq!(upload("CRC64NVME", None).unwrap(), ChecksumKind::FullObject);
    for (algorithm, kind) in [
        ("SHA256", full),
        ("CRC64NVME", Some("COMPOSITE")),
        ("CRC32", Some("x")),
        ("x", None),
    ] {
        let error = upload(algorithm, kind).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn the_checksum_of_a_completed_upload() {
    let parts: Vec<Vec<u8>> = [&b"1234"[..], b"56789"]
        .iter()
        .map(|part| hash(ChecksumAlgorithm::Crc32, part))
        .collect();
    let parts = [(parts[0].as_slice(), 4), (parts[1].as_slice(), 5)];
    let upload = |kind| Checksum {
        algorithm: ChecksumAlgorithm::Crc32,
        kind,
        value: Vec::new(),
    };
    let full = upload(ChecksumKind::FullObject);
    let complete = |headers: &[(&str, &str)], announced| {
        let mut head = PlainHead::new("POST", "/b/k?uploadId=u");
        for (name, value) in headers {
            head = head.with(name, value);
        }
        of_object(&head, announced, &parts)
    };
    let right = ("x-amz-checksum-crc32", "y/Q5Jg==");
    let kind = ("x-amz-checksum-type", "FULL_OBJECT");
    let found = complete(&[right, kind], Some(&full)).unwrap().unwrap();
    assert_eq!(encode(&found, 2), "y/Q5Jg==");
    assert_eq!(complete(&[], None).unwrap(), None);
    let composite = upload(ChecksumKind::Composite);
    let found = complete(&[], Some(&composite)).unwrap().unwrap();
    assert!(encode(&found, 2).ends_with("-2"));
    for (headers, announced, code) in [
        (
            &[("x-amz-checksum-crc32", "bad")][..],
            Some(&full),
            ErrorCode::BadDigest,
        ),
        (
            &[("x-amz-checksum-sha1", "y/Q5Jg==")],
            Some(&full),
            ErrorCode::BadDigest,
        ),
        (&[right], Some(&composite), ErrorCode::BadDigest),
        (&[right], None, ErrorCode::InvalidRequest),
        (&[kind], Some(&composite), ErrorCode::InvalidRequest),
    ] {
        assert_eq!(
            complete(headers, announced).unwrap_err().code,
            code,
            "{headers:?}"
        );
    }
    let none = of_object(&PlainHead::new("POST", "/"), Some(&full), &[(&b""[..], 4)]);
    assert_eq!(none.unwrap_err().code, ErrorCode::InvalidPart);
}

#[test]
fn checksums_of_parts() {
    let value = [0; 4];
    let stored = Some((ChecksumAlgorithm::Crc32, &value[..]));
    let sent = |text: &str| [(ChecksumAlgorithm::Crc32, text.to_owned())];
    check_part(&[], None).unwrap();
    check_part(&sent("AAAAAA=="), stored).unwrap();
    for (text, stored) in [("AAAAAQ==", stored), ("x", stored), ("AAAAAA==", None)] {
        let error = check_part(&sent(text), stored).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidPart);
    }
}

proptest! {
    #[test]
    fn combining_equals_computing(parts: Vec<Vec<u8>>) {
        for algorithm in ALGORITHMS {
            let values: Vec<_> = parts.iter().map(|part| hash(algorithm, part)).collect();
            let lens = parts.iter().map(|part| part.len() as u64);
            let pairs = values.iter().map(Vec::as_slice).zip(lens);
            match combine(algorithm, pairs) {
                Some(combined) => prop_assert_eq!(combined, hash(algorithm, &parts.concat())),
                None => prop_assert!(crc_algorithm(algorithm).is_none()),
            }
        }
    }
}
