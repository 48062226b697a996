//! What a request gives an object besides its bytes.

use super::Context;
use crate::io::{Clock, Disk};
use crate::namespace::Acl;
use crate::s3::error::Result;
use crate::s3::place::Place;
use crate::s3::stored;
use crate::s3::tagging;
use crate::store::meta::ObjectMeta;

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// Everything but the checksum, which comes with the body.
    pub(super) fn new_meta(&self, place: &Place) -> Result<ObjectMeta> {
        let tags = match self.head.0.header("x-amz-tagging") {
            Some(tags) => tagging::of_header(tags)?,
            None => Vec::new(),
        };
        Ok(ObjectMeta {
            headers: stored::content(&self.head),
            user: stored::user_metadata(&self.head)?,
            tags,
            checksum: None,
            acl: self.demands.acl.unwrap_or_default(),
            owner: self.caller.author(place),
            rules: Acl::EMPTY,
        })
    }
}
