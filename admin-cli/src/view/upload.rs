//! Multipart uploads.

use crate::output::{Shown, bytes};
use crate::time::{duration, iso_8601};
use chainring_protocol::message::UploadInfo;
use serde::Serialize;

/// An open upload.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadView {
    volume_name: String,
    bucket_name: String,
    key_name: String,
    upload_id: String,
    creation_time: String,
    modification_time: String,
    age_ms: u64,
    parts: u32,
    data_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_time: Option<String>,
}

impl From<UploadInfo> for UploadView {
    fn from(upload: UploadInfo) -> Self {
        Self {
            volume_name: upload.bucket.volume,
            bucket_name: upload.bucket.bucket,
            key_name: upload.key,
            upload_id: upload.id,
            creation_time: iso_8601(upload.started),
            modification_time: iso_8601(upload.active),
            age_ms: upload.rested,
            parts: upload.parts,
            data_size: upload.bytes,
            expiry_time: upload.expires.map(iso_8601),
        }
    }
}

impl UploadView {
    fn place(&self) -> String {
        format!(
            "/{}/{}/{}",
            self.volume_name, self.bucket_name, self.key_name
        )
    }

    fn expires(&self) -> String {
        self.expiry_time
            .clone()
            .unwrap_or_else(|| "never".to_owned())
    }
}

impl Shown for UploadView {
    const COLUMNS: &'static [&'static str] =
        &[">AGE", ">PARTS", ">BYTES", "EXPIRES", "UPLOAD-ID", "KEY"];

    fn row(&self) -> Vec<String> {
        vec![
            duration(self.age_ms),
            self.parts.to_string(),
            bytes(self.data_size),
            self.expires(),
            self.upload_id.clone(),
            self.place(),
        ]
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        vec![
            ("key", self.place()),
            ("upload", self.upload_id.clone()),
            ("began", self.creation_time.clone()),
            ("newest part", self.modification_time.clone()),
            ("parts", self.parts.to_string()),
            ("bytes", bytes(self.data_size)),
            ("expires", self.expires()),
        ]
    }
}
