//! Which operation a request asks for: one table over method, resource level and sub-resource.
//! Whatever the table does not hold is refused; nothing falls through to a simpler operation.

use super::error::{ErrorCode, Result, S3Error};
use super::head::RequestHead;
use super::path::Level;
use super::query::Query;
use Level::{Bucket, Object, Service};

macro_rules! operations {
    ($($name:ident $access:ident $body:ident $doc:literal;)*) => {
        /// An operation of S3.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = $doc] $name,)*
        }

        impl Operation {
            /// Every operation there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in S3's API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Whether it reads or writes.
            #[must_use]
            pub const fn access(self) -> Access {
                match self { $(Self::$name => Access::$access,)* }
            }

            /// What kind of request body it takes.
            #[must_use]
            pub const fn body(self) -> BodyKind {
                match self { $(Self::$name => BodyKind::$body,)* }
            }
        }
    };
}

/// Whether an operation changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It changes nothing.
    Read,
    /// It changes something.
    Write,
}

/// What kind of request body an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// None; one that is sent is read (bounded), checked and dropped.
    None,
    /// A document of at most `XML_BYTES_MAX`.
    Xml,
    /// An object's or a part's content.
    Content,
}

operations! {
    ListBuckets Read None "`GET /`";
    CreateBucket Write Xml "`PUT /bucket`";
    HeadBucket Read None "`HEAD /bucket`";
    DeleteBucket Write None "`DELETE /bucket`";
    GetBucketLocation Read None "`GET /bucket?location`";
    GetBucketVersioning Read None "`GET /bucket?versioning`";
    GetBucketAcl Read None "`GET /bucket?acl`";
    PutBucketAcl Write Xml "`PUT /bucket?acl`";
    GetBucketTagging Read None "`GET /bucket?tagging`";
    PutBucketTagging Write Xml "`PUT /bucket?tagging`";
    DeleteBucketTagging Write None "`DELETE /bucket?tagging`";
    ListObjects Read None "`GET /bucket`";
    ListObjectsV2 Read None "`GET /bucket?list-type=2`";
    ListObjectVersions Read None "`GET /bucket?versions`";
    ListMultipartUploads Read None "`GET /bucket?uploads`";
    DeleteObjects Write Xml "`POST /bucket?delete`";
    PostObject Write Content "`POST /bucket` with a form";
    PutObject Write Content "`PUT /bucket/key`";
    CopyObject Write None "`PUT /bucket/key` with `x-amz-copy-source`";
    GetObject Read None "`GET /bucket/key`";
    HeadObject Read None "`HEAD /bucket/key`";
    DeleteObject Write None "`DELETE /bucket/key`";
    GetObjectAttributes Read None "`GET /bucket/key?attributes`";
    GetObjectAcl Read None "`GET /bucket/key?acl`";
    PutObjectAcl Write Xml "`PUT /bucket/key?acl`";
    GetObjectTagging Read None "`GET /bucket/key?tagging`";
    PutObjectTagging Write Xml "`PUT /bucket/key?tagging`";
    DeleteObjectTagging Write None "`DELETE /bucket/key?tagging`";
    CreateMultipartUpload Write None "`POST /bucket/key?uploads`";
    UploadPart Write Content "`PUT /bucket/key?partNumber&uploadId`";
    UploadPartCopy Write None "the same with `x-amz-copy-source`";
    CompleteMultipartUpload Write Xml "`POST /bucket/key?uploadId`";
    AbortMultipartUpload Write None "`DELETE /bucket/key?uploadId`";
    ListParts Read None "`GET /bucket/key?uploadId`";
}

/// Level, method, sub-resource (empty: none), operation. With a form or a copy source the operation
/// is made more exact by [`refine`].
const TABLE: &[(Level, &str, &str, Operation)] = &[
    (Service, "GET", "", Operation::ListBuckets),
    (Bucket, "PUT", "", Operation::CreateBucket),
    (Bucket, "HEAD", "", Operation::HeadBucket),
    (Bucket, "DELETE", "", Operation::DeleteBucket),
    (Bucket, "GET", "", Operation::ListObjects),
    (Bucket, "GET", "list-type", Operation::ListObjectsV2),
    (Bucket, "GET", "versions", Operation::ListObjectVersions),
    (Bucket, "GET", "location", Operation::GetBucketLocation),
    (Bucket, "GET", "versioning", Operation::GetBucketVersioning),
    (Bucket, "GET", "acl", Operation::GetBucketAcl),
    (Bucket, "PUT", "acl", Operation::PutBucketAcl),
    (Bucket, "GET", "tagging", Operation::GetBucketTagging),
    (Bucket, "PUT", "tagging", Operation::PutBucketTagging),
    (Bucket, "DELETE", "tagging", Operation::DeleteBucketTagging),
    (Bucket, "GET", "uploads", Operation::ListMultipartUploads),
    (Bucket, "POST", "delete", Operation::DeleteObjects),
    (Bucket, "POST", "", Operation::PostObject),
    (Object, "PUT", "", Operation::PutObject),
    (Object, "GET", "", Operation::GetObject),
    (Object, "HEAD", "", Operation::HeadObject),
    (Object, "DELETE", "", Operation::DeleteObject),
    (Object, "GET", "attributes", Operation::GetObjectAttributes),
    (Object, "GET", "acl", Operation::GetObjectAcl),
    (Object, "PUT", "acl", Operation::PutObjectAcl),
    (Object, "GET", "tagging", Operation::GetObjectTagging),
    (Object, "PUT", "tagging", Operation::PutObjectTagging),
    (Object, "DELETE", "tagging", Operation::DeleteObjectTagging),
    (Object, "POST", "uploads", Operation::CreateMultipartUpload),
    (Object, "PUT", "uploadId", Operation::UploadPart),
    (
        Object,
        "POST",
        "uploadId",
        Operation::CompleteMultipartUpload,
    ),
    (
        Object,
        "DELETE",
        "uploadId",
        Operation::AbortMultipartUpload,
    ),
    (Object, "GET", "uploadId", Operation::ListParts),
];

/// Sub-resources that some operation of the table answers.
const OFFERED: &[&str] = &[
    "acl",
    "attributes",
    "delete",
    "list-type",
    "location",
    "tagging",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
];

/// Parameters that only say more about an operation.
const PARAMETERS: &[&str] = &[
    "allow-unordered",
    "bucket-region",
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "marker",
    "max-buckets",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "partNumber",
    "prefix",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    "versionId",
];

/// Parameters of the old signature, which the verifier refuses with a better message than ours.
const SIGNATURE_V2: &[&str] = &["AWSAccessKeyId", "Expires", "Signature"];

/// Finds the operation. Any sub-resource or parameter we do not know is refused with 501, because
/// doing something simpler instead can be wrong in the worst way: a server that takes
/// `DELETE /bucket?cors` for `DELETE /bucket` deletes the bucket.
pub fn route<H: RequestHead>(head: &H, level: Level, query: &Query<'_>) -> Result<Operation> {
    let method = head.method();
    if method == "OPTIONS" {
        return Err(preflight(head));
    }
    if !matches!(method, "GET" | "HEAD" | "PUT" | "POST" | "DELETE") {
        return Err(ErrorCode::MethodNotAllowed.into());
    }
    let mut sub = "";
    for (name, value) in query.iter() {
        // `list-type` other than 2 is version 1, as is none.
        let ignored = PARAMETERS.contains(&name)
            || SIGNATURE_V2.contains(&name)
            || name.get(..2).is_some_and(|p| p.eq_ignore_ascii_case("x-"))
            || (name == "list-type" && value != "2" && level == Bucket);
        if ignored {
            continue;
        }
        let Some(offered) = OFFERED.iter().find(|offered| **offered == name) else {
            return Err(S3Error::not_implemented(&format!("The parameter {name}")));
        };
        if !sub.is_empty() && sub != *offered {
            let both = format!("Conflicting query string parameters: {sub}, {name}");
            return Err(S3Error::argument("ResourceType", *offered, both));
        }
        sub = offered;
    }
    let row = TABLE
        .iter()
        .find(|row| row.0 == level && row.1 == method && row.2 == sub);
    match row {
        Some((.., operation)) => refine(*operation, head, query),
        None if sub.is_empty() => Err(ErrorCode::MethodNotAllowed.into()),
        None => Err(S3Error::not_implemented(&format!("{method} with {sub}"))),
    }
}

/// Tells apart what level, method and sub-resource cannot.
fn refine<H: RequestHead>(operation: Operation, head: &H, query: &Query<'_>) -> Result<Operation> {
    let copy = head.header("x-amz-copy-source").is_some();
    let part = query.has("partNumber");
    match operation {
        Operation::PutObject if part => Err(S3Error::argument(
            "partNumber",
            query.get("partNumber").unwrap_or_default(),
            "A part number needs an upload id.",
        )),
        Operation::PutObject if copy => Ok(Operation::CopyObject),
        Operation::UploadPart if !part => Err(S3Error::argument(
            "partNumber",
            "",
            "This operation does not accept an upload id without a part number.",
        )),
        // Ours is ordered all the same, but common prefixes need an order, so this is refused.
        Operation::ListObjects | Operation::ListObjectsV2
            if query.get("allow-unordered") == Some("true")
                && query.get("delimiter").is_some_and(|d| !d.is_empty()) =>
        {
            Err(S3Error::argument(
                "allow-unordered",
                "true",
                "An unordered listing cannot have a delimiter.",
            ))
        }
        Operation::UploadPart if copy => Ok(Operation::UploadPartCopy),
        Operation::PostObject => {
            let form = head
                .header_str("content-type")
                .and_then(|value| value.split(';').next())
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("multipart/form-data"));
            if form {
                Ok(operation)
            } else {
                Err(ErrorCode::MethodNotAllowed.into())
            }
        }
        other => Ok(other),
    }
}

/// The answer to a CORS preflight: no bucket has CORS rules.
fn preflight<H: RequestHead>(head: &H) -> S3Error {
    if head.header("origin").is_none() {
        return S3Error::new(
            ErrorCode::BadRequest,
            "Insufficient information. Origin request header needed.",
        );
    }
    if head.header("access-control-request-method").is_none() {
        return S3Error::new(
            ErrorCode::BadRequest,
            "Invalid Access-Control-Request-Method: null",
        );
    }
    ErrorCode::AccessForbidden.into()
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
