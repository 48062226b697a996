//! `/volume/bucket/key`, as `ozone sh` writes it; the first slash is optional.

use chainring_protocol::message::BucketName;

/// A key in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAddress {
    pub bucket: BucketName,
    pub key: String,
}

/// Parses `/volume`.
pub fn volume(text: &str) -> Result<String, String> {
    match trimmed(text).split('/').collect::<Vec<_>>()[..] {
        [volume] if !volume.is_empty() => Ok(volume.to_owned()),
        _ => Err("a volume is written /volume".to_owned()),
    }
}

/// Parses `/volume/bucket`.
pub fn bucket(text: &str) -> Result<BucketName, String> {
    match trimmed(text).split('/').collect::<Vec<_>>()[..] {
        [volume, bucket] if !volume.is_empty() && !bucket.is_empty() => {
            Ok(BucketName::new(volume, bucket))
        }
        _ => Err("a bucket is written /volume/bucket".to_owned()),
    }
}

/// Parses `/volume/bucket/key`. The key is everything after the bucket, slashes included.
pub fn key(text: &str) -> Result<KeyAddress, String> {
    let text = text.strip_prefix('/').unwrap_or(text);
    match text.splitn(3, '/').collect::<Vec<_>>()[..] {
        [volume, bucket, key] if !volume.is_empty() && !bucket.is_empty() && !key.is_empty() => {
            Ok(KeyAddress {
                bucket: BucketName::new(volume, bucket),
                key: key.to_owned(),
            })
        }
        _ => Err("a key is written /volume/bucket/key".to_owned()),
    }
}

/// Parses `/volume/bucket/prefix`, where the prefix is everything after the bucket, slashes
/// included.
pub fn prefix(text: &str) -> Result<KeyAddress, String> {
    key(text).map_err(|_| "a prefix is written /volume/bucket/prefix".to_owned())
}

/// Without the optional slash in front and one at the end.
fn trimmed(text: &str) -> &str {
    let text = text.strip_prefix('/').unwrap_or(text);
    text.strip_suffix('/').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slash_in_front_is_optional() {
        assert_eq!(volume("/vol1").as_deref(), Ok("vol1"));
        assert_eq!(volume("vol1/").as_deref(), Ok("vol1"));
        assert_eq!(bucket("/v/b"), Ok(BucketName::new("v", "b")));
        assert_eq!(bucket("v/b/"), Ok(BucketName::new("v", "b")));
    }

    #[test]
    fn a_key_keeps_its_slashes() {
        for (text, wanted) in [
            ("/v/b/k", "k"),
            ("v/b//k/", "/k/"),
            ("/v/b/a/../b", "a/../b"),
        ] {
            assert_eq!(key(text).unwrap().key, wanted);
        }
    }

    #[test]
    fn missing_and_surplus_parts_are_wrong_usage() {
        for text in ["", "/", "/v/b", "//"] {
            assert!(volume(text).is_err(), "{text}");
        }
        for text in ["", "/v", "/v/", "//b", "/v/b/k", "/v//"] {
            assert!(bucket(text).is_err(), "{text}");
        }
        for text in ["", "/v/b", "/v/b/", "//b/k", "/v//k"] {
            assert!(key(text).is_err(), "{text}");
        }
    }
}
