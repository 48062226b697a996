//! The request head as handlers see it: a run of bytes and offsets into it. No header is copied or
//! allocated. `parse.rs` fills the offsets in.

use crate::base::limits::HTTP_HEAD_BYTES_MAX;

/// The version of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

/// A range of the head's bytes. Heads have at most 32 KiB, so 16 bits do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) start: u16,
    pub(super) end: u16,
}

const _: () = assert!(HTTP_HEAD_BYTES_MAX <= u16::MAX as usize);

impl Span {
    /// Where `part` lies inside `whole`; `part` must be a slice of it.
    pub(super) fn of(whole: &[u8], part: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        let narrow = |at: usize| u16::try_from(at.min(whole.len())).unwrap_or(u16::MAX);
        Self {
            start: narrow(start),
            end: narrow(start.wrapping_add(part.len())),
        }
    }

    pub(super) const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    pub(super) fn get(self, whole: &[u8]) -> &[u8] {
        whole
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or(&[])
    }
}

/// What a head says about the body that follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes; 0 when nothing was said.
    #[default]
    None,
    Length(u64),
    Chunked,
}

/// The index of a parsed head. Kept by the connection and filled anew for each request.
#[derive(Debug, Default)]
pub(super) struct HeadIndex {
    pub(super) method: Span,
    pub(super) path: Span,
    pub(super) query: Option<Span>,
    pub(super) authority: Option<Span>,
    pub(super) version: Version,
    pub(super) headers: Vec<(Span, Span)>,
    /// A bit for each header there is: see [`mark`].
    pub(super) marks: u64,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

/// A bit that stands for a header's name in any case. Different names may share one: a bit that is
/// not set says for sure that a header is not there, as most that are looked for are not.
pub(super) const fn mark(name: &[u8]) -> u64 {
    match name {
        [first, .., last] => {
            let (first, last) = (first.to_ascii_lowercase(), last.to_ascii_lowercase());
            1 << ((name.len() as u64 * 7 + first as u64 * 3 + last as u64) % 64)
        }
        [only] => 1 << (only.to_ascii_lowercase() % 64),
        [] => 1,
    }
}

/// Writes the names of headers in lower case, so that they need no folding when they are compared.
pub(super) fn lower_names(head: &mut [u8], index: &HeadIndex) {
    for (name, _) in &index.headers {
        if let Some(name) = head.get_mut(usize::from(name.start)..usize::from(name.end)) {
            name.make_ascii_lowercase();
        }
    }
}

/// A request's head. Cheap to copy; outlives the reading of the body.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    bytes: &'a [u8],
    index: &'a HeadIndex,
}

impl<'a> Head<'a> {
    pub(super) const fn new(bytes: &'a [u8], index: &'a HeadIndex) -> Self {
        Self { bytes, index }
    }

    /// The method, as sent.
    #[must_use]
    pub fn method(&self) -> &'a [u8] {
        self.index.method.get(self.bytes)
    }

    /// The path exactly as sent, not decoded; begins with `/` (or is `*` with OPTIONS). The path of
    /// an absolute target that has none is `/`.
    #[must_use]
    pub fn raw_path(&self) -> &'a [u8] {
        match self.index.path.get(self.bytes) {
            b"" => b"/",
            path => path,
        }
    }

    /// What followed the first `?` of the target, exactly as sent; `None` when there was none.
    #[must_use]
    pub fn raw_query(&self) -> Option<&'a [u8]> {
        Some(self.index.query?.get(self.bytes))
    }

    /// The version of the request.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.index.version
    }

    /// The value of the first header of that name (in lower case), without the white space around
    /// it.
    #[must_use]
    // The mark of a name that is known to the compiler is then known, too.
    #[inline(always)]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        debug_assert!(!name.bytes().any(|b| b.is_ascii_uppercase()), "{name}");
        if self.index.marks & mark(name.as_bytes()) == 0 {
            return None;
        }
        self.first_named(name)
    }

    #[inline(never)]
    fn first_named(&self, name: &str) -> Option<&'a [u8]> {
        self.headers_named(name).next()
    }

    /// The values of all headers of that name (in lower case), in order.
    pub fn headers_named<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let (wanted, bytes) = (name.as_bytes(), self.bytes);
        self.index
            .headers
            .iter()
            .filter(move |(name, _)| name.len() == wanted.len() && name.get(bytes) == wanted)
            .map(move |(_, value)| value.get(bytes))
    }

    /// All headers in order: name in lower case, value without the white space around it.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let bytes = self.bytes;
        self.index
            .headers
            .iter()
            .map(move |(name, value)| (name.get(bytes), value.get(bytes)))
    }

    /// The body's length as the head declares it: 0 without a body, `None` when it is chunked.
    #[must_use]
    pub const fn content_length(&self) -> Option<u64> {
        match self.index.framing {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        }
    }

    /// Whether the body is in the chunked coding.
    #[must_use]
    pub const fn is_chunked(&self) -> bool {
        matches!(self.index.framing, Framing::Chunked)
    }
}
