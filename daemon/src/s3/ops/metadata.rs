//! What a request gives an object besides its bytes.

use super::Context;
use crate::io::{Clock, Disk};
use crate::namespace::Acl;
use crate::s3::error::Result;
use crate::s3::head::RequestHead;
use crate::s3::place::Place;
use crate::s3::stored;
use crate::s3::tagging;
use crate::store::meta::ObjectMeta;

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// Everything but the checksum, which comes with the body.
    pub(super) fn new_meta(&self, place: &Place) -> Result<ObjectMeta> {
        self.meta_of(&self.head, place)
    }

    /// The same, as this head says it. The canned list is that of [`Context::demands`].
    pub(super) fn meta_of<H: RequestHead>(&self, head: &H, place: &Place) -> Result<ObjectMeta> {
        let tags = match head.header("x-amz-tagging") {
            Some(tags) => tagging::of_header(tags)?,
            None => Vec::new(),
        };
        Ok(ObjectMeta {
            headers: stored::content(head),
            user: stored::user_metadata(head)?,
            tags,
            checksum: None,
            acl: self.demands.acl.unwrap_or_default(),
            owner: self.caller.author(place),
            rules: Acl::EMPTY,
        })
    }
}
