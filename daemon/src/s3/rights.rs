//! What each operation needs: one table, beside the one of [`super::route`]. No operation asks for
//! anything else, and none is done before this was asked: see [`super::access`].

use super::route::Operation;
use crate::namespace::Right;

/// The right that an operation needs, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// None: the answer holds what is the caller's own.
    Nothing,
    /// On the volume that is the caller's namespace.
    Volume(Right),
    /// On the name itself, bucket or link, never on what a link leads to.
    Name(Right),
    /// On the bucket, through all the links on the way.
    Bucket(Right),
    /// On the object: what the bucket gives holds for all objects, lists of prefixes and the
    /// object's own list add to it.
    Object(Right),
    /// The same, and the object's canned list adds to it, too.
    Content,
    /// On the object: `Write`; or `Create`, with which nothing is replaced and nobody else's upload
    /// touched.
    Put,
}

/// What an operation needs. There is no default arm: a new operation does not compile until it has
/// its row.
#[must_use]
pub const fn needs(operation: Operation) -> Need {
    match operation {
        Operation::ListBuckets => Need::Nothing,
        Operation::CreateBucket => Need::Volume(Right::Create),
        Operation::DeleteBucket => Need::Name(Right::Delete),

        Operation::HeadBucket => Need::Bucket(Right::List),
        Operation::GetBucketLocation => Need::Bucket(Right::List),
        Operation::ListObjects => Need::Bucket(Right::List),
        Operation::ListObjectsV2 => Need::Bucket(Right::List),
        Operation::ListObjectVersions => Need::Bucket(Right::List),
        Operation::ListMultipartUploads => Need::Bucket(Right::List),
        Operation::GetBucketVersioning => Need::Bucket(Right::Read),
        Operation::GetBucketTagging => Need::Bucket(Right::Read),
        Operation::GetBucketAcl => Need::Bucket(Right::ReadAcl),
        Operation::PutBucketAcl => Need::Bucket(Right::WriteAcl),
        // Whoever may only write objects must not change what the bucket is.
        Operation::PutBucketTagging => Need::Bucket(Right::WriteAcl),
        Operation::DeleteBucketTagging => Need::Bucket(Right::WriteAcl),

        Operation::GetObject => Need::Content,
        Operation::HeadObject => Need::Content,
        Operation::GetObjectAttributes => Need::Content,
        Operation::GetObjectTagging => Need::Object(Right::Read),
        Operation::PutObjectTagging => Need::Object(Right::Write),
        Operation::DeleteObjectTagging => Need::Object(Right::Write),
        Operation::GetObjectAcl => Need::Object(Right::ReadAcl),
        Operation::PutObjectAcl => Need::Object(Right::WriteAcl),
        Operation::DeleteObject => Need::Object(Right::Delete),
        Operation::DeleteObjects => Need::Object(Right::Delete),

        Operation::PostObject => Need::Put,
        Operation::PutObject => Need::Put,
        Operation::CopyObject => Need::Put,
        Operation::CreateMultipartUpload => Need::Put,
        Operation::UploadPart => Need::Put,
        Operation::UploadPartCopy => Need::Put,
        Operation::CompleteMultipartUpload => Need::Put,
        Operation::AbortMultipartUpload => Need::Put,
        Operation::ListParts => Need::Put,
    }
}

/// What a copy needs of its source, beside what it needs of its target.
pub const SOURCE: Need = Need::Content;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::route::Access;

    /// Reading needs no right to change anything, and changing does.
    #[test]
    fn what_is_needed_fits_what_is_done() {
        for operation in Operation::ALL {
            let need = needs(*operation);
            let changes = match need {
                Need::Nothing | Need::Content => false,
                Need::Volume(right) | Need::Name(right) | Need::Bucket(right) => changes(right),
                Need::Object(right) => changes(right),
                Need::Put => true,
            };
            // The parts of an upload are its uploader's business, not every reader's.
            let expected =
                *operation == Operation::ListParts || operation.access() == Access::Write;
            assert_eq!(changes, expected, "{operation:?} needs {need:?}");
        }
    }

    const fn changes(right: Right) -> bool {
        !matches!(right, Right::Read | Right::List | Right::ReadAcl)
    }
}
