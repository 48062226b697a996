//! What an operation answers, before it goes out.

use crate::base::Timestamp;
use crate::http::Rendered;
use crate::io::Disk;
use crate::s3::xml::listing::ListDocument;
use crate::s3::{stored, time};
use crate::store::BodyStream;
use std::borrow::Cow;
use std::rc::Rc;

/// The body of an answer.
pub enum Payload<D: Disk> {
    /// None.
    Empty,
    /// A document.
    Bytes(Vec<u8>),
    /// A document in two parts, of which the first is small.
    Parts(Vec<u8>, Vec<u8>),
    /// None, but the length that a GET would have (HEAD).
    Length(u64),
    /// So many bytes of an object.
    Stream(BodyStream<D>, u64),
}

/// The answer of an operation.
pub struct Response<D: Disk> {
    /// HTTP status.
    pub status: u16,
    /// Headers that were written before.
    pub rendered: Option<Rc<Rendered>>,
    /// Headers, beside those of the HTTP layer.
    pub headers: Vec<(Cow<'static, str>, Vec<u8>)>,
    /// The body.
    pub payload: Payload<D>,
}

impl<D: Disk> Response<D> {
    /// An answer without a body.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self {
            status,
            rendered: None,
            headers: Vec::new(),
            payload: Payload::Empty,
        }
    }

    /// 200 with an XML document.
    #[must_use]
    pub fn xml(document: Vec<u8>) -> Self {
        let mut response = Self::empty(200).with("Content-Type", "application/xml");
        response.payload = Payload::Bytes(document);
        response
    }

    /// 200 with a listing.
    #[must_use]
    pub fn listing(document: ListDocument) -> Self {
        let mut response = Self::xml(Vec::new());
        response.payload = Payload::Parts(document.head, document.rest);
        response
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into().into_bytes()));
        self
    }

    /// Adds a header whose value a client once sent, with the very bytes it sent.
    #[must_use]
    pub fn with_stored(mut self, name: impl Into<Cow<'static, str>>, value: &str) -> Self {
        self.headers.push((name.into(), stored::bytes(value)));
        self
    }

    /// Adds a header when there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds `ETag`, in quotes.
    #[must_use]
    pub fn with_etag(self, etag: impl std::fmt::Display) -> Self {
        self.with("ETag", format!("\"{etag}\""))
    }

    /// Adds `Last-Modified`.
    #[must_use]
    pub fn with_modified(self, modified: Timestamp) -> Self {
        self.with("Last-Modified", time::format_http(modified))
    }
}
