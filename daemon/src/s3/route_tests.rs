//! Tests of the routing table, over the full list of S3's sub-resources.

use super::*;
use crate::s3::head::PlainHead;
use proptest::prelude::*;

const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];
const LEVELS: [Level; 3] = [Service, Bucket, Object];

/// Every sub-resource that S3 (and its close relatives) ever had.
const SUB_RESOURCES: &[&str] = &[
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "append",
    "attributes",
    "cors",
    "createSession",
    "delete",
    "encryption",
    "events",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "list-type",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "quota",
    "renameObject",
    "replication",
    "replication-metrics",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "usage",
    "versioning",
    "versions",
    "website",
];

fn find(level: Level, head: &PlainHead) -> Result<Operation> {
    let query = Query::parse(&head.query)?;
    route(head, level, &query)
}

fn find_target(level: Level, method: &str, target: &str) -> Result<Operation> {
    find(level, &PlainHead::new(method, target))
}

#[test]
fn every_row_of_the_table_is_reached_by_itself() {
    for (level, method, sub, operation) in TABLE {
        let mut head = PlainHead::new(method, "/");
        head.query = match *sub {
            "list-type" => b"list-type=2".to_vec(),
            "uploadId" => b"uploadId=u&partNumber=1".to_vec(),
            sub => sub.as_bytes().to_vec(),
        };
        match (operation, find(*level, &head)) {
            (Operation::PostObject, found) => {
                assert_eq!(found.unwrap_err().code, ErrorCode::MethodNotAllowed);
            }
            (_, found) => assert_eq!(found.unwrap(), *operation),
        }
    }
}

/// Over the full list of sub-resources, levels and methods: either the operation that the table
/// gives for exactly this sub-resource, or 501, never the operation of the bare resource.
#[test]
fn no_sub_resource_falls_through() {
    for level in LEVELS {
        for method in METHODS {
            for sub in SUB_RESOURCES {
                let target = match *sub {
                    "list-type" => "/?list-type=2".to_owned(),
                    "uploadId" => "/?partNumber=1&uploadId=u".to_owned(),
                    sub => format!("/?{sub}"),
                };
                let row = TABLE
                    .iter()
                    .find(|r| (r.0, r.1, r.2) == (level, method, *sub));
                match (find_target(level, method, &target), row) {
                    (Ok(operation), Some(row)) => assert_eq!(operation, row.3),
                    (Err(error), None) => {
                        assert_eq!(error.code, ErrorCode::NotImplemented, "{method} {target}");
                    }
                    (found, row) => panic!("{level:?} {method} {target}: {found:?} {row:?}"),
                }
                // A value or further parameters change nothing.
                if row.is_none() {
                    for target in [
                        format!("/?{sub}=1"),
                        format!("/?prefix=x&{sub}=&max-keys=1"),
                    ] {
                        if sub == &"list-type" {
                            continue;
                        }
                        let error = find_target(level, method, &target).unwrap_err();
                        assert_eq!(error.code, ErrorCode::NotImplemented);
                    }
                }
            }
        }
    }
}

#[test]
fn delete_bucket_with_cors_does_not_delete_the_bucket() {
    let error = find_target(Bucket, "DELETE", "/b?cors").unwrap_err();
    assert_eq!(
        (error.code, error.status()),
        (ErrorCode::NotImplemented, 501)
    );
}

#[test]
fn plain_parameters_are_no_sub_resources() {
    let cases = [
        (
            Bucket,
            "GET",
            "/b?prefix=a&marker=b&max-keys=1",
            Operation::ListObjects,
        ),
        (Bucket, "GET", "/b?list-type=1", Operation::ListObjects),
        (
            Bucket,
            "GET",
            "/b?list-type=2&x-id=ListObjectsV2",
            Operation::ListObjectsV2,
        ),
        (
            Object,
            "GET",
            "/b/k?response-expires=1&versionId=null",
            Operation::GetObject,
        ),
        (
            Object,
            "GET",
            "/b/k?partNumber=1&X-Amz-Signature=0",
            Operation::GetObject,
        ),
        (
            Object,
            "PUT",
            "/b/k?x-id=PutObject&x-amz-acl=private",
            Operation::PutObject,
        ),
        (
            Object,
            "GET",
            "/b/k?Signature=x&Expires=1&AWSAccessKeyId=y",
            Operation::GetObject,
        ),
    ];
    for (level, method, target, operation) in cases {
        assert_eq!(
            find_target(level, method, target).unwrap(),
            operation,
            "{target}"
        );
    }
}

#[test]
fn copies_and_parts() {
    let copy = |target: &str| {
        let head = PlainHead::new("PUT", target).with("X-Amz-Copy-Source", "b/k");
        find(Object, &head)
    };
    assert_eq!(copy("/b/k").unwrap(), Operation::CopyObject);
    let part = "/b/k?partNumber=1&uploadId=u";
    assert_eq!(copy(part).unwrap(), Operation::UploadPartCopy);
    for target in ["/b/k?partNumber=1", "/b/k?uploadId=u"] {
        let error = find_target(Object, "PUT", target).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
    }
    // An empty source is still a copy: the parser refuses it, PutObject never sees it.
    let head = PlainHead::new("PUT", "/b/k").with("x-amz-copy-source", "");
    assert_eq!(find(Object, &head).unwrap(), Operation::CopyObject);
}

#[test]
fn an_unordered_listing_has_no_delimiter() {
    let find =
        |query: &str| find_target(Bucket, "GET", &format!("/b?allow-unordered=true&{query}"));
    assert_eq!(find("prefix=a").unwrap(), Operation::ListObjects);
    let error = find("list-type=2&delimiter=%2F").unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidArgument);
}

#[test]
fn two_sub_resources_conflict() {
    let error = find_target(Bucket, "GET", "/b?acl&tagging").unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidArgument);
}

#[test]
fn methods_that_do_not_fit() {
    let cases = [
        (Service, "PUT"),
        (Service, "DELETE"),
        (Object, "POST"),
        (Bucket, "PATCH"),
    ];
    for (level, method) in cases {
        let error = find_target(level, method, "/").unwrap_err();
        assert_eq!(error.code, ErrorCode::MethodNotAllowed);
    }
    let form = PlainHead::new("POST", "/b").with("content-type", "multipart/form-data; boundary=x");
    assert_eq!(find(Bucket, &form).unwrap(), Operation::PostObject);
    assert_eq!(
        find(Object, &form).unwrap_err().code,
        ErrorCode::MethodNotAllowed
    );
}

#[test]
fn preflight_without_rules() {
    let error = find_target(Object, "OPTIONS", "/b/k").unwrap_err();
    assert_eq!(error.status(), 400);
    let head = PlainHead::new("OPTIONS", "/b/k")
        .with("Origin", "http://x")
        .with("Access-Control-Request-Method", "PUT");
    assert_eq!(find(Object, &head).unwrap_err().status(), 403);
}

proptest! {
    #[test]
    fn unknown_parameters_are_refused(name in "[a-wyzA-WYZ][a-zA-Z-]{0,20}") {
        prop_assume!(!OFFERED.contains(&name.as_str()) && !PARAMETERS.contains(&name.as_str()));
        prop_assume!(!SIGNATURE_V2.contains(&name.as_str()));
        for method in METHODS {
            let error = find_target(Bucket, method, &format!("/?{name}")).unwrap_err();
            prop_assert_eq!(error.code, ErrorCode::NotImplemented);
        }
    }
}
