//! The basis of all XML writers: escaping, elements, and keys under `encoding-type=url`.

use crate::s3::percent::{all, push_url_encoded};

/// The namespace of S3's documents.
pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Appends text, escaped. Control characters become character references, as AWS writes them, even
/// those that XML 1.0 has no way to write; clients that list such keys ask for `encoding-type=url`.
pub fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    // Nearly all text is like this.
    if all(bytes, |byte| is_plain(*byte)) {
        out.extend_from_slice(bytes);
        return;
    }
    for &byte in bytes {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            _ if is_plain(byte) => out.push(byte),
            control => out.extend_from_slice(format!("&#x{control:x};").as_bytes()),
        }
    }
}

/// Whether a byte stands for itself in text.
const fn is_plain(byte: u8) -> bool {
    let control = (byte < 0x20) & (byte != b'\t') & (byte != b'\n') | (byte == 0x7f);
    let markup = (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'"');
    !(control | markup)
}

/// Appends a key, prefix, marker or delimiter: percent-encoded or escaped.
pub fn push_key(out: &mut Vec<u8>, key: &str, url: bool) {
    if url {
        push_url_encoded(out, key.as_bytes());
    } else {
        escape(out, key);
    }
}

/// Writes one document.
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    url: bool,
}

impl<'a> Writer<'a> {
    /// Starts a document; `url` says whether keys are percent-encoded (`encoding-type=url`).
    pub fn document(out: &'a mut Vec<u8>, url: bool) -> Self {
        out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { out, url }
    }

    /// Writes an element in S3's namespace around what `inside` writes.
    pub fn root(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.begin_root(name);
        inside(self);
        self.close(name);
    }

    /// Writes the beginning of an element in S3's namespace.
    pub fn begin_root(&mut self, name: &str) {
        self.raw("<");
        self.raw(name);
        self.raw(" xmlns=\"");
        self.raw(NAMESPACE);
        self.raw("\">");
    }

    /// Writes an element around what `inside` writes.
    pub fn nest(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.open(name);
        inside(self);
        self.close(name);
    }

    /// Writes an element with text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.open(name);
        escape(self.out, text);
        self.close(name);
    }

    /// Writes an element with text when there is one.
    pub fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Writes an element with a number.
    pub fn number(&mut self, name: &str, number: u64) {
        self.open(name);
        self.out
            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.close(name);
    }

    /// Writes `true` or `false`.
    pub fn boolean(&mut self, name: &str, value: bool) {
        self.text(name, if value { "true" } else { "false" });
    }

    /// Writes an element with an entity tag, in quotes.
    pub fn etag(&mut self, etag: &str) {
        self.raw("<ETag>&quot;");
        escape(self.out, etag);
        self.raw("&quot;</ETag>");
    }

    /// Writes an element with a key, prefix, marker or delimiter, encoded as the client asked.
    pub fn key(&mut self, name: &str, key: &str) {
        self.open(name);
        push_key(self.out, key, self.url);
        self.close(name);
    }

    /// Writes text that is known to need no escaping.
    pub fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn open(&mut self, name: &str) {
        self.raw("<");
        self.raw(name);
        self.raw(">");
    }

    fn close(&mut self, name: &str) {
        self.raw("</");
        self.raw(name);
        self.raw(">");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_markup_and_control_characters() {
        let mut out = Vec::new();
        escape(&mut out, "a&b<c>\"d\"\r\u{1}\0\n\t\u{e4}'");
        let expected = "a&amp;b&lt;c&gt;&quot;d&quot;&#xd;&#x1;&#x0;\n\t\u{e4}'";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn keys_follow_the_encoding_type() {
        for (url, expected) in [
            (false, "<Key>a b/&#x1;</Key>"),
            (true, "<Key>a%20b/%01</Key>"),
        ] {
            let mut out = Vec::new();
            Writer { out: &mut out, url }.key("Key", "a b/\u{1}");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
