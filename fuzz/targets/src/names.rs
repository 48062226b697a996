//! Ranges, and every way in which a bucket or key is named.

use crate::canonical::decode;
use crate::input::Input;
use chainringd::namespace::{NAME_BYTES_MAX, Name, is_access_key};
use chainringd::s3::ops::Resumed;
use chainringd::s3::path::{CopySource, ResourcePath, check_bucket_name};
use chainringd::s3::range::{self, Requested};

/// `Range` and `x-amz-copy-source-range`, for objects of all sizes.
pub fn range(data: &[u8]) {
    let mut input = Input(data);
    let size = match input.byte() {
        255 => u64::MAX,
        few => u64::from(few),
    };
    let header = input.0;
    match range::parse(Some(header), size) {
        Ok(Requested::Bytes(bytes)) => {
            assert!(
                bytes.start < bytes.end && bytes.end <= size,
                "{bytes:?} of {size}"
            );
        }
        Ok(Requested::Whole) => {}
        Err(error) => assert_eq!(error.status(), 416),
    }
    if let Ok(bytes) = range::copy_source(Some(header), size) {
        assert!(
            bytes.start < bytes.end && bytes.end <= size,
            "{bytes:?} of {size}"
        );
        // What a copy takes, a read takes, and both mean the same.
        assert_eq!(
            range::parse(Some(header), size),
            Ok(Requested::Bytes(bytes))
        );
    }
}

/// `x-amz-copy-source`
pub fn copy_source(data: &[u8]) {
    let Ok(source) = CopySource::parse(data) else {
        return;
    };
    assert!(is_bucket(&source.bucket), "{}", source.bucket);
    let key = source.key().shown();
    assert!((1..=1024).contains(&key.len()));
    // Decoded once: what stands in the header is bucket, slash and key, encoded once.
    let mut again = format!("/{}/", source.bucket);
    key.bytes()
        .for_each(|byte| again.push_str(&format!("%{byte:02x}")));
    if let Some(version) = &source.version {
        again.push_str("?versionId=");
        version
            .bytes()
            .for_each(|byte| again.push_str(&format!("%{byte:02x}")));
    }
    assert_eq!(CopySource::parse(again.as_bytes()), Ok(source));
}

/// The rules of S3 for names of buckets, in other words than the daemon's.
fn is_bucket(name: &str) -> bool {
    let labels_are_good = name.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    (3..=63).contains(&name.len())
        && labels_are_good
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Targets and hosts of requests; names of everything.
pub fn paths(data: &[u8]) {
    let mut input = Input(data);
    let (host, path) = (input.line(), input.0);
    let domains = ["s3.localhost".to_owned()];
    if let Ok(resource) = ResourcePath::parse(path, host, &domains) {
        let bucket = resource.bucket();
        assert!(bucket.is_none_or(is_bucket), "{bucket:?}");
        if let Some(key) = resource.key() {
            let key = key.shown();
            assert!((1..=1024).contains(&key.len()));
            let decoded = decode(path, false).unwrap();
            assert!(decoded.ends_with(key.as_bytes()), "decoded more than once");
            let in_front = decoded.len() - key.len();
            let bucket = bucket.unwrap_or_default();
            let bare = decoded[..in_front]
                .strip_prefix(b"/")
                .unwrap_or(&decoded[..in_front]);
            assert!(bare.is_empty() || bare == format!("{bucket}/").as_bytes());
        }
    }
    let text = String::from_utf8_lossy(path);
    if check_bucket_name(&text).is_ok() {
        assert!(is_bucket(&text), "{text}");
        assert!(
            Name::bucket(&text).is_ok(),
            "S3 takes it and the namespace does not: {text}"
        );
    }
    for name in [Name::bucket(&text), Name::volume(&text), Name::user(&text)]
        .into_iter()
        .flatten()
    {
        assert_eq!(name.as_str(), text);
        assert!((1..=NAME_BYTES_MAX).contains(&text.len()) && !text.contains(['/', '\0']));
    }
    let _ = is_access_key(&text);
}

/// Tokens of listings have one form.
pub fn list_token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(token) = Resumed::parse(&text) {
        assert_eq!(token.token(), text);
    }
}
