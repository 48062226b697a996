//! Header fields of a response: written straight into the connection's output buffer, and checked
//! there, whatever was checked before (a line end in a value would let a client forge headers for
//! another one).

use super::bytes::{is_text, is_token};

/// Names the server writes itself.
const RESERVED: [&str; 4] = ["connection", "content-length", "date", "transfer-encoding"];

/// Writes header fields. A bad name or value spoils the whole response: the client gets a bare 500.
pub struct FieldWriter<'o> {
    out: &'o mut Vec<u8>,
    is_bad: bool,
}

impl<'o> FieldWriter<'o> {
    pub(super) const fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, is_bad: false }
    }

    /// Writes a field. The names the server writes itself are refused: `Connection`,
    /// `Content-Length`, `Date`, `Transfer-Encoding`.
    pub fn field(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        let value = value.as_ref();
        let is_reserved = matches!(name.len(), 4 | 10 | 14 | 17)
            && RESERVED.iter().any(|r| r.eq_ignore_ascii_case(name));
        // Folds rather than stops at the first bad byte: so the loop becomes SIMD.
        let is_clean = value.iter().fold(true, |ok, byte| ok & is_text(*byte));
        if name.is_empty() || !name.bytes().all(is_token) || is_reserved || !is_clean {
            self.is_bad = true;
            return self;
        }
        self.put(name, value);
        self
    }

    /// Writes a field whose value is a number.
    pub fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.field(name, itoa::Buffer::new().format(value))
    }

    /// Writes fields that were written before.
    pub fn rendered(&mut self, fields: &Rendered) -> &mut Self {
        self.out.extend_from_slice(&fields.0);
        self
    }

    /// Whether a field was refused.
    pub(super) const fn is_bad(&self) -> bool {
        self.is_bad
    }

    /// Writes a field without looking at it.
    pub(super) fn put(&mut self, name: &str, value: &[u8]) {
        self.out.reserve(name.len() + value.len() + 4);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        self.out.extend_from_slice(value);
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Header fields that were checked and written once, to be sent many times.
#[derive(Debug)]
pub struct Rendered(Box<[u8]>);

impl Rendered {
    /// Writes fields; `None` when one of them is refused: see [`FieldWriter::field`].
    #[must_use]
    pub fn new(fields: impl Fields) -> Option<Self> {
        let mut out = Vec::new();
        let mut writer = FieldWriter::new(&mut out);
        fields.write(&mut writer);
        let is_bad = writer.is_bad();
        (!is_bad).then(|| Self(out.into_boxed_slice()))
    }
}

/// Something that can write header fields: a slice or array of name-value pairs, or a closure.
///
/// ```
/// use chainringd::http::{FieldWriter, Fields};
/// fn takes(_: impl Fields) {}
/// takes(&[("ETag", "\"abc\""), ("x-amz-version-id", "null")]);
/// takes(|out: &mut FieldWriter<'_>| {
///     out.field("ETag", b"\"abc\"").number("x-amz-mp-parts-count", 3);
/// });
/// ```
pub trait Fields {
    /// Writes the fields.
    fn write(self, out: &mut FieldWriter<'_>);
}

impl<F: FnOnce(&mut FieldWriter<'_>)> Fields for F {
    fn write(self, out: &mut FieldWriter<'_>) {
        self(out);
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Fields for &[(N, V)] {
    fn write(self, out: &mut FieldWriter<'_>) {
        for (name, value) in self {
            out.field(name.as_ref(), value);
        }
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const LEN: usize> Fields for &[(N, V); LEN] {
    fn write(self, out: &mut FieldWriter<'_>) {
        self.as_slice().write(out);
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Fields for &Vec<(N, V)> {
    fn write(self, out: &mut FieldWriter<'_>) {
        self.as_slice().write(out);
    }
}

impl Fields for () {
    fn write(self, _: &mut FieldWriter<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s25_a_line_end_never_leaves_in_a_header() {
        let bad: [(&str, &[u8]); 10] = [
            ("x", b"a\r\nset-cookie: b"),
            ("x", b"a\nb"),
            ("x", b"a\rb"),
            ("x", b"a\0b"),
            ("x", b"\x7f"),
            ("x y", b""),
            ("x:", b""),
            ("x\r\n", b""),
            ("", b""),
            ("Content-length", b"1"),
        ];
        for (name, value) in bad {
            let mut out = Vec::new();
            let mut writer = FieldWriter::new(&mut out);
            writer.field(name, value);
            assert!(writer.is_bad(), "{name:?}");
            assert!(out.is_empty());
        }
        assert!(Rendered::new(&[("x", "a\r\nb: c")]).is_none());
        let mut out = Vec::new();
        let mut writer = FieldWriter::new(&mut out);
        writer.field("x-amz-meta-a", "gr\u{fc}n\t1").number("n", 7);
        assert!(!writer.is_bad());
        assert_eq!(out, "x-amz-meta-a: gr\u{fc}n\t1\r\nn: 7\r\n".as_bytes());
    }
}
