//! What the S3 layer reads of a request's head. The HTTP layer's exchange implements it; tests use
//! [`PlainHead`].

/// A request's head, as received.
pub trait RequestHead {
    /// The method, for example `GET`.
    fn method(&self) -> &str;
    /// The path as sent: percent-encoded, without the query.
    fn raw_path(&self) -> &[u8];
    /// What follows the `?` of the target as sent; empty when there is none.
    fn raw_query(&self) -> &[u8];
    /// Every header in the order received; names in lower case, values without surrounding blanks.
    fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])>;

    /// The first header of this name, which is in lower case.
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers()
            .find(|(n, _)| *n == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The first header of this name when it is UTF-8; what is not is treated as absent by callers
    /// for whom a strange value equals none.
    fn header_str(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|v| std::str::from_utf8(v).ok())
    }

    /// How many headers have this name, which is in lower case.
    fn header_count(&self, name: &str) -> usize {
        self.headers()
            .filter(|(n, _)| *n == name.as_bytes())
            .count()
    }
}

/// A head that owns its parts.
#[derive(Clone, Debug, Default)]
pub struct PlainHead {
    /// The method.
    pub method: String,
    /// The raw path.
    pub path: Vec<u8>,
    /// The raw query.
    pub query: Vec<u8>,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl PlainHead {
    /// A head with a `target` of path and query, and no header.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.as_bytes().to_vec(),
            query: query.as_bytes().to_vec(),
            headers: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
        self
    }

    /// Replaces every header of that name by one.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers
            .push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
    }
}

impl RequestHead for PlainHead {
    fn method(&self) -> &str {
        &self.method
    }
    fn raw_path(&self) -> &[u8] {
        &self.path
    }
    fn raw_query(&self) -> &[u8] {
        &self.query
    }
    fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_slice()))
    }
}
