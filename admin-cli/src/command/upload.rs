//! `chainring upload ...`

use super::{Daemon, list_where};
use crate::address::{self, KeyAddress};
use crate::args::Listing;
use crate::error::Error;
use crate::output::{Output, bytes};
use crate::time;
use crate::view::UploadView;
use chainring_protocol::ResultCode;
use chainring_protocol::client::ClientError;
use chainring_protocol::message::{
    BucketName, Page, Paging, UploadAbort, UploadAborted, UploadInfo, UploadList,
};
use clap::Subcommand;

/// What to do with uploads.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the multipart uploads that are open
    ///
    /// In order of volume, bucket and key. The age of an upload is the time since its newest part
    /// came, or since it began when it has none.
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  chainring upload list\n  chainring upload list /vol1 --older-than 1d\n  chainring upload list /s3v/common-bucket --prefix backup/"
    )]
    List {
        /// Only those to buckets of this volume, /volume, or to this bucket, /volume/bucket
        #[arg(value_parser = place)]
        place: Option<Place>,
        /// Only those of at least this age, for example 90m, 24h, 7d
        #[arg(long, value_name = "DURATION", value_parser = time::seconds)]
        older_than: Option<u64>,
        /// Only those to keys that begin with this
        #[arg(
            long,
            short,
            value_name = "PREFIX",
            default_value = "",
            hide_default_value = true
        )]
        prefix: String,
        /// Only those after this one, /volume/bucket/key/UPLOAD-ID
        #[arg(
            long,
            short,
            value_name = "UPLOAD",
            default_value = "",
            hide_default_value = true
        )]
        start: String,
        /// At most so many [default: all]
        #[arg(long, short, value_name = "COUNT")]
        length: Option<u64>,
    },
    /// End an upload, or all that have not gone on for some time
    ///
    /// Their parts are gone, and do not count for the bucket any more. Uploads that nobody goes on
    /// with end by themselves: `chainringd --expire-uploads` and `chainring bucket update
    /// --expire-uploads` say after how long.
    #[command(
        after_help = "Examples:\n  chainring upload abort /vol1/bucket1/big.iso 6f1c...\n  chainring upload abort --older-than 7d\n  chainring upload abort --older-than 1h /vol1/bucket1"
    )]
    Abort {
        /// The key of the upload, /volume/bucket/key; with --older-than a volume or bucket
        #[arg(value_name = "PLACE", required_unless_present = "older_than")]
        place: Option<String>,
        /// The upload, as `upload list` shows it
        #[arg(value_name = "UPLOAD-ID", required_unless_present = "older_than")]
        id: Option<String>,
        /// All uploads of at least this age, for example 90m, 24h, 7d
        #[arg(long, value_name = "DURATION", value_parser = time::seconds, conflicts_with = "id")]
        older_than: Option<u64>,
    },
}

/// Where to look.
#[derive(Clone, Debug)]
pub enum Place {
    /// A volume.
    Volume(String),
    /// A bucket or link.
    Bucket(BucketName),
}

/// Parses `/volume` or `/volume/bucket`.
fn place(text: &str) -> Result<Place, String> {
    let bucket = address::bucket(text).map(Place::Bucket);
    bucket
        .or_else(|_| address::volume(text).map(Place::Volume))
        .map_err(|_| "a volume is written /volume, a bucket /volume/bucket".to_owned())
}

/// The question for one page.
fn question(place: Option<&Place>, older_than: Option<u64>, page: Paging) -> UploadList {
    UploadList {
        volume: match place {
            Some(Place::Volume(volume)) => Some(volume.clone()),
            _ => None,
        },
        bucket: match place {
            Some(Place::Bucket(bucket)) => Some(bucket.clone()),
            _ => None,
        },
        rested: older_than.map(|seconds| seconds.saturating_mul(1000)),
        page,
    }
}

/// What the next page comes after.
fn position(upload: &UploadInfo) -> String {
    let BucketName { volume, bucket } = &upload.bucket;
    format!("{volume}/{bucket}/{}/{}", upload.key, upload.id)
}

/// Does it.
pub fn run(command: Command, daemon: Daemon<'_>, output: &mut Output) -> Result<(), Error> {
    match command {
        Command::List {
            place,
            older_than,
            prefix,
            start,
            length,
        } => {
            let listing = Listing {
                prefix,
                start: start.trim_start_matches('/').to_owned(),
                length,
            };
            list_where(
                &listing,
                output,
                |page| Ok(daemon.call(&question(place.as_ref(), older_than, page))?),
                position,
                |upload| Some(UploadView::from(upload)),
                "no such uploads",
            )
        }
        Command::Abort {
            place: Some(key),
            id: Some(id),
            older_than: None,
        } => {
            let KeyAddress { bucket, key } = address::key(&key).map_err(Error::Usage)?;
            let had = daemon.call(&UploadAbort {
                bucket,
                key,
                id,
                rested: None,
            })?;
            output.say(&format!("ended an upload of {}", size(&had)))
        }
        Command::Abort {
            place: where_,
            older_than,
            ..
        } => {
            let where_ = where_.as_deref().map(place).transpose();
            abort_all(where_.map_err(Error::Usage)?, older_than, daemon, output)
        }
    }
}

/// Ends all uploads of an age. One that went on, or ended, meanwhile is left alone.
fn abort_all(
    place: Option<Place>,
    older_than: Option<u64>,
    daemon: Daemon<'_>,
    output: &mut Output,
) -> Result<(), Error> {
    let mut sum = UploadAborted { parts: 0, bytes: 0 };
    let (mut count, mut after) = (0u64, String::new());
    loop {
        let page = Paging {
            after,
            ..Paging::first()
        };
        let question = question(place.as_ref(), older_than, page);
        let Page { entries, more } = daemon.call(&question)?;
        after = entries.last().map_or_else(String::new, position);
        for upload in entries {
            let abort = UploadAbort {
                bucket: upload.bucket,
                key: upload.key,
                id: upload.id,
                rested: question.rested,
            };
            match daemon.call(&abort) {
                Ok(had) => {
                    count += 1;
                    sum.parts = sum.parts.saturating_add(had.parts);
                    sum.bytes = sum.bytes.saturating_add(had.bytes);
                }
                Err(ClientError::Refused(why)) if why.code == ResultCode::NoSuchMultipartUpload => {
                }
                Err(error) => return Err(error.into()),
            }
        }
        if !more {
            return output.say(&format!("ended {count} uploads of {}", size(&sum)));
        }
    }
}

fn size(had: &UploadAborted) -> String {
    format!("{} parts, {}", had.parts, bytes(had.bytes))
}
