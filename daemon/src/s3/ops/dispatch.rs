//! From an operation to the function that does it.

use super::receive::Incoming;
use super::{Context, Response};
use crate::http::Stream;
use crate::io::{Clock, Disk};
use crate::s3::error::Result;
use crate::s3::route::Operation;

/// Does the operation. There is no default arm: a new operation does not compile until it has its
/// place here.
pub async fn dispatch<D: Disk, C: Clock, S: Stream>(
    context: &Context<'_, D, C>,
    body: Incoming<'_, '_, S>,
) -> Result<Response<D>> {
    let operation = context.operation;
    match operation {
        Operation::PutObject => return context.put_object(body).await,
        Operation::UploadPart => return context.upload_part(body).await,
        Operation::PostObject => return Box::pin(context.post_object(body)).await,
        _ => {}
    }
    // Held until the operation is done with it.
    let (document, _permit) = body.document(context).await?;
    match operation {
        Operation::GetObject => context.get_object().await,
        Operation::HeadObject => context.head_object().await,
        // Apart, so that the most frequent ones do not carry the state of all the others around.
        _ => Box::pin(rest(context, &document)).await,
    }
}

/// Does the operations that are not done above.
async fn rest<D: Disk, C: Clock>(
    context: &Context<'_, D, C>,
    document: &[u8],
) -> Result<Response<D>> {
    match context.operation {
        Operation::ListBuckets => context.list_buckets(),
        Operation::CreateBucket => context.create_bucket(document).await,
        Operation::HeadBucket => context.head_bucket(),
        Operation::DeleteBucket => context.delete_bucket().await,
        Operation::GetBucketLocation => context.get_bucket_location(),
        Operation::GetBucketVersioning => context.get_bucket_versioning(),
        Operation::GetBucketAcl => context.get_bucket_acl(),
        Operation::PutBucketAcl => context.put_bucket_acl(document).await,
        Operation::GetBucketTagging => context.get_bucket_tagging(),
        Operation::PutBucketTagging => context.put_bucket_tagging(document).await,
        Operation::DeleteBucketTagging => context.delete_bucket_tagging().await,
        Operation::ListObjects => context.list_objects(),
        Operation::ListObjectsV2 => context.list_objects_v2(),
        Operation::ListObjectVersions => context.list_object_versions(),
        Operation::ListMultipartUploads => context.list_multipart_uploads(),
        Operation::DeleteObjects => context.delete_objects(document).await,
        Operation::CopyObject => context.copy_object().await,
        Operation::DeleteObject => context.delete_object().await,
        Operation::GetObjectAttributes => context.get_object_attributes().await,
        Operation::GetObjectAcl => context.get_object_acl().await,
        Operation::PutObjectAcl => context.put_object_acl(document).await,
        Operation::GetObjectTagging => context.get_object_tagging().await,
        Operation::PutObjectTagging => context.put_object_tagging(document).await,
        Operation::DeleteObjectTagging => context.delete_object_tagging().await,
        Operation::CreateMultipartUpload => context.create_multipart_upload().await,
        Operation::UploadPartCopy => context.upload_part_copy().await,
        Operation::CompleteMultipartUpload => context.complete_multipart_upload(document).await,
        Operation::AbortMultipartUpload => context.abort_multipart_upload().await,
        Operation::ListParts => context.list_parts().await,
        Operation::PostObject
        | Operation::PutObject
        | Operation::UploadPart
        | Operation::GetObject
        | Operation::HeadObject => {
            unreachable!("returned above")
        }
    }
}
