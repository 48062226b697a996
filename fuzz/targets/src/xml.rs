//! Documents of requests: what is understood keeps its limits, and written again it is understood as
//! the same.

use chainringd::s3::checksum;
use chainringd::s3::time::format_iso8601;
use chainringd::s3::xml::read::{self, Grantee};
use std::fmt::Write;

/// An element whose text is written as references only, which no reader can take for anything else.
fn element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>");
    for c in text.chars() {
        let _ = write!(out, "&#{};", u32::from(c));
    }
    let _ = write!(out, "</{name}>");
}

/// `Delete`
pub fn delete(data: &[u8]) {
    let Ok(document) = read::delete(data) else {
        return;
    };
    assert!((1..=1000).contains(&document.objects.len()));
    let mut out = format!("<Delete><Quiet>{}</Quiet>", document.quiet);
    for object in &document.objects {
        let key = object.key().shown();
        assert!((1..=1024).contains(&key.len()));
        out.push_str("<Object>");
        element(&mut out, "Key", key);
        if let Some(version) = &object.version {
            element(&mut out, "VersionId", version);
        }
        if let Some(etag) = &object.etag {
            element(&mut out, "ETag", etag);
        }
        if let Some(modified) = object.modified {
            element(&mut out, "LastModifiedTime", &format_iso8601(modified));
        }
        if let Some(size) = object.size {
            element(&mut out, "Size", &size.to_string());
        }
        out.push_str("</Object>");
    }
    out.push_str("</Delete>");
    assert_eq!(read::delete(out.as_bytes()), Ok(document), "{out}");
}

/// `CompleteMultipartUpload`
pub fn complete_upload(data: &[u8]) {
    let Ok(document) = read::complete_upload(data) else {
        return;
    };
    assert!((1..=10_000).contains(&document.parts.len()));
    let mut out = "<CompleteMultipartUpload>".to_owned();
    for part in &document.parts {
        assert!((1..=10_000).contains(&part.number));
        out.push_str("<Part>");
        element(&mut out, "PartNumber", &part.number.to_string());
        element(&mut out, "ETag", &part.etag);
        for (algorithm, value) in &part.checksums {
            element(&mut out, checksum::element(*algorithm), value);
        }
        out.push_str("</Part>");
    }
    out.push_str("</CompleteMultipartUpload>");
    assert_eq!(read::complete_upload(out.as_bytes()), Ok(document), "{out}");
}

/// `Tagging`
pub fn tagging(data: &[u8]) {
    let Ok(tags) = read::tagging(data) else {
        return;
    };
    let mut out = "<Tagging><TagSet>".to_owned();
    for (key, value) in &tags {
        out.push_str("<Tag>");
        element(&mut out, "Key", key);
        element(&mut out, "Value", value);
        out.push_str("</Tag>");
    }
    out.push_str("</TagSet></Tagging>");
    assert_eq!(read::tagging(out.as_bytes()).as_ref(), Ok(&tags), "{out}");
    if let Ok(kept) = chainringd::s3::tagging::of_object(tags) {
        assert!(kept.len() <= 10);
        let encoded = chainringd::s3::tagging::encode(&kept);
        assert_eq!(chainringd::s3::tagging::decode(&encoded), Some(kept));
    }
}

/// `AccessControlPolicy`
pub fn access_control(data: &[u8]) {
    let Ok(list) = read::access_control(data) else {
        return;
    };
    let mut out = "<AccessControlPolicy>".to_owned();
    if let Some(owner) = &list.owner {
        out.push_str("<Owner>");
        element(&mut out, "ID", owner);
        out.push_str("</Owner>");
    }
    out.push_str("<AccessControlList>");
    for grant in &list.grants {
        let (kind, name, text) = match &grant.grantee {
            Grantee::User(text) => ("CanonicalUser", "ID", text),
            Grantee::Group(text) => ("Group", "URI", text),
            Grantee::Email(text) => ("AmazonCustomerByEmail", "EmailAddress", text),
        };
        let _ = write!(out, "<Grant><Grantee xsi:type=\"{kind}\">");
        element(&mut out, name, text);
        out.push_str("</Grantee>");
        element(&mut out, "Permission", &grant.permission);
        out.push_str("</Grant>");
    }
    out.push_str("</AccessControlList></AccessControlPolicy>");
    assert_eq!(read::access_control(out.as_bytes()), Ok(list), "{out}");
}

/// `CreateBucketConfiguration`
pub fn location(data: &[u8]) {
    let Ok(region) = read::location_constraint(data) else {
        return;
    };
    let mut out = "<CreateBucketConfiguration>".to_owned();
    if let Some(region) = &region {
        element(&mut out, "LocationConstraint", region);
    }
    out.push_str("</CreateBucketConfiguration>");
    assert_eq!(
        read::location_constraint(out.as_bytes()),
        Ok(region),
        "{out}"
    );
}
