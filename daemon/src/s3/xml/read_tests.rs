//! Tests of the readers, with good documents, bad ones and arbitrary bytes.

use super::*;
use crate::base::limits::XML_BYTES_MAX;
use proptest::prelude::*;

fn code<T: std::fmt::Debug>(result: Result<T>) -> ErrorCode {
    result.unwrap_err().code
}

#[test]
fn a_completed_upload() {
    let document = br#"<?xml version="1.0" encoding="UTF-8"?>
        <CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
          <Part><ETag>"a1"</ETag><PartNumber>1</PartNumber></Part>
          <!-- second -->
          <Part><PartNumber>10000</PartNumber><ETag>&quot;b2&quot;</ETag>
            <ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>
        </CompleteMultipartUpload>"#;
    let found = complete_upload(document).unwrap();
    assert_eq!(found.parts.len(), 2);
    assert_eq!(
        (found.parts[0].number, found.parts[0].etag.as_str()),
        (1, "a1")
    );
    assert_eq!(found.parts[1].etag, "b2");
    let checksum = (ChecksumAlgorithm::Crc32, "AAAAAA==".to_owned());
    assert_eq!(found.parts[1].checksums, [checksum]);
}

#[test]
fn completed_uploads_that_are_not() {
    let wrap = |inside: &str| {
        let document = format!("<CompleteMultipartUpload>{inside}</CompleteMultipartUpload>");
        complete_upload(document.as_bytes())
    };
    for inside in [
        "",
        "<Part/>",
        "<Part><ETag>a</ETag></Part>",
        "<Part><PartNumber>1</PartNumber></Part>",
        "<Part><PartNumber>x</PartNumber><ETag>a</ETag></Part>",
        "<Part><PartNumber>-1</PartNumber><ETag>a</ETag></Part>",
        "<Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber><ETag>a</ETag></Part>",
        "<Part><PartNumber>1</PartNumber><ETag>a</ETag><Size>1</Size></Part>",
        "<Prt><PartNumber>1</PartNumber><ETag>a</ETag></Prt>",
        "text<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>",
    ] {
        assert_eq!(code(wrap(inside)), ErrorCode::MalformedXML, "{inside}");
    }
    for number in ["0", "10001"] {
        let inside = format!("<Part><PartNumber>{number}</PartNumber><ETag>a</ETag></Part>");
        assert_eq!(code(wrap(&inside)), ErrorCode::InvalidArgument);
    }
}

#[test]
fn objects_to_delete() {
    let document = b"<Delete><Quiet>true</Quiet>\
        <Object><Key> a&amp;b/../c&#x1;&#13; </Key><VersionId>null</VersionId></Object>\
        <Object><Key><![CDATA[<k>]]></Key><ETag>\"e\"</ETag><Size>0</Size>\
        <LastModifiedTime>Sun, 06 Nov 1994 08:49:37 GMT</LastModifiedTime></Object></Delete>";
    let found = delete(document).unwrap();
    assert!(found.quiet);
    assert_eq!(found.objects[0].key, " a&b/../c\u{1}\r ");
    assert_eq!(found.objects[0].version.as_deref(), Some("null"));
    let second = &found.objects[1];
    assert_eq!(
        (second.key.as_str(), second.etag.as_deref()),
        ("<k>", Some("e"))
    );
    assert_eq!(second.size, Some(0));
    assert_eq!(second.modified, Some(Timestamp(784_111_777_000)));
}

#[test]
fn s26_a_thousand_keys_and_no_more() {
    let document = |count: usize| {
        let objects = "<Object><Key>k</Key></Object>".repeat(count);
        delete(format!("<Delete>{objects}</Delete>").as_bytes())
    };
    assert_eq!(document(1000).unwrap().objects.len(), 1000);
    assert_eq!(code(document(1001)), ErrorCode::MalformedXML);
    assert_eq!(code(document(0)), ErrorCode::MalformedXML);
    let long = format!(
        "<Delete><Object><Key>{}</Key></Object></Delete>",
        "k".repeat(1025)
    );
    assert_eq!(code(delete(long.as_bytes())), ErrorCode::KeyTooLongError);
    let large = vec![b' '; XML_BYTES_MAX + 1];
    assert_eq!(code(delete(&large)), ErrorCode::MaxMessageLengthExceeded);
}

#[test]
fn tags() {
    let document = b"<Tagging><TagSet><Tag><Key>k</Key><Value>v &lt;</Value></Tag>\
        <Tag><Key>e</Key><Value/></Tag></TagSet></Tagging>";
    let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    assert_eq!(
        tagging(document).unwrap(),
        [pair("k", "v <"), pair("e", "")]
    );
    assert_eq!(tagging(b"<Tagging><TagSet/></Tagging>").unwrap(), []);
    for bad in [
        "<Tagging/>",
        "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key><b>k</b></Key><Value/></Tag></TagSet></Tagging>",
        "<Tagging><TagSet/><TagSet/></Tagging>",
        "<Tags><TagSet/></Tags>",
    ] {
        assert_eq!(
            code(tagging(bad.as_bytes())),
            ErrorCode::MalformedXML,
            "{bad}"
        );
    }
}

#[test]
fn regions() {
    let wrap = |inside: &str| {
        let document = format!("<CreateBucketConfiguration>{inside}</CreateBucketConfiguration>");
        location_constraint(document.as_bytes())
    };
    assert_eq!(wrap("").unwrap(), None);
    let region = wrap("<LocationConstraint>eu-west-1</LocationConstraint>").unwrap();
    assert_eq!(region.as_deref(), Some("eu-west-1"));
    assert_eq!(code(wrap("<Region/>")), ErrorCode::MalformedXML);
    assert_eq!(code(wrap("<Tags/>")), ErrorCode::NotImplemented);
}

#[test]
fn access_control_lists() {
    let document = br#"<AccessControlPolicy><Owner><ID>me</ID><DisplayName>Me</DisplayName></Owner>
        <AccessControlList>
          <Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
            xsi:type="CanonicalUser"><ID>me</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>
          <Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">
            <URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee>
            <Permission>READ</Permission></Grant>
        </AccessControlList></AccessControlPolicy>"#;
    let found = access_control(document).unwrap();
    assert_eq!(found.owner.as_deref(), Some("me"));
    assert_eq!(found.grants[0].grantee, Grantee::User("me".to_owned()));
    assert!(matches!(&found.grants[1].grantee, Grantee::Group(uri) if uri.ends_with("AllUsers")));
    let bad = b"<AccessControlPolicy><Owner/></AccessControlPolicy>";
    assert_eq!(code(access_control(bad)), ErrorCode::MalformedACLError);
}

#[test]
fn dtds_and_entities_are_refused() {
    for document in [
        "<!DOCTYPE Tagging [<!ENTITY x \"y\">]><Tagging><TagSet/></Tagging>",
        "<!DOCTYPE Tagging SYSTEM \"file:///etc/passwd\"><Tagging><TagSet/></Tagging>",
        "<Tagging><TagSet><Tag><Key>&x;</Key><Value/></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>&#xD800;</Key><Value/></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>&#+65;</Key><Value/></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>& </Key><Value/></Tag></TagSet></Tagging>",
    ] {
        assert_eq!(
            code(tagging(document.as_bytes())),
            ErrorCode::MalformedXML,
            "{document}"
        );
    }
}

#[test]
fn what_is_no_document() {
    for document in [
        "",
        " ",
        "x",
        "<Tagging>",
        "<Tagging><TagSet></Tagging>",
        "<Tagging><TagSet/></Tagging><Tagging/>",
        "<Tagging><TagSet/></Tagging>x",
        "<Tagging a><TagSet/></Tagging>",
        "<Tagging><TagSet/></Tagging><?xml version=\"1.0\"?>",
        "</Tagging>",
    ] {
        assert_eq!(
            code(tagging(document.as_bytes())),
            ErrorCode::MalformedXML,
            "{document}"
        );
    }
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert_eq!(code(tagging(deep.as_bytes())), ErrorCode::MalformedXML);
    assert_eq!(
        code(tagging(b"<Tagging>\xff</Tagging>")),
        ErrorCode::MalformedXML
    );
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>, text in "[<>/&;#x!A-D\\[\\]\"'= -]{0,60}") {
        for document in [&bytes[..], text.as_bytes()] {
            let _ = complete_upload(document);
            let _ = delete(document);
            let _ = tagging(document);
            let _ = location_constraint(document);
            let _ = access_control(document);
        }
    }

    /// What our own writer escapes, the reader gives back: any key can be deleted.
    #[test]
    fn any_key_can_be_named(key in any::<String>()) {
        prop_assume!((1..=1024).contains(&key.len()));
        let mut document = b"<Delete><Object><Key>".to_vec();
        crate::s3::xml::write::escape(&mut document, &key);
        document.extend_from_slice(b"</Key></Object></Delete>");
        prop_assert_eq!(&delete(&document).unwrap().objects[0].key, &key);
    }
}
