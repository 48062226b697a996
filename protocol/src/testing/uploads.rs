//! Open uploads, which only [`FakeStore::add_upload`] begins.

use super::store::{FakeStore, Outcome, fail};
use crate::message::{Page, UploadAbort, UploadAborted, UploadInfo, UploadList};
use crate::result_code::ResultCode;

impl FakeStore {
    /// Begins an upload; to be called in order of bucket, key and id.
    pub fn add_upload(&mut self, upload: UploadInfo) {
        self.extras.uploads.push(upload);
    }

    pub(super) fn uploads(&self, call: &UploadList) -> Page<UploadInfo> {
        let wanted = |upload: &&UploadInfo| {
            let (place, key) = (&upload.bucket, &upload.key);
            let name = format!("{}/{}/{key}/{}", place.volume, place.bucket, upload.id);
            let volume = call.volume.as_ref();
            volume.is_none_or(|volume| *volume == place.volume)
                && call.bucket.as_ref().is_none_or(|bucket| bucket == place)
                && call.rested.is_none_or(|least| upload.rested >= least)
                && key.starts_with(&call.page.prefix)
                && name > call.page.after
        };
        let mut entries: Vec<_> = self.extras.uploads.iter().filter(wanted).cloned().collect();
        let limit = match call.page.limit {
            0 => 1000,
            limit => usize::from(limit),
        };
        let more = entries.len() > limit;
        entries.truncate(limit);
        Page { entries, more }
    }

    pub(super) fn abort_upload(&mut self, call: &UploadAbort) -> Outcome<UploadAborted> {
        let is_it = |upload: &UploadInfo| {
            (&upload.bucket, &upload.key, &upload.id) == (&call.bucket, &call.key, &call.id)
                && call.rested.is_none_or(|least| upload.rested >= least)
        };
        let Some(at) = self.extras.uploads.iter().position(is_it) else {
            return fail(ResultCode::NoSuchMultipartUpload, "no such upload");
        };
        let upload = self.extras.uploads.remove(at);
        Ok(UploadAborted {
            parts: upload.parts,
            bytes: upload.bytes,
        })
    }
}
