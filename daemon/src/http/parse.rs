//! Parsing of a request head, in one pass over the receive buffer; httparse finds the parts, this
//! file refuses what httparse is too kind to.

use super::FramingError;
use super::bytes::is_host;
use super::head::{Framing, HeadIndex, Span, Version, mark};
use super::meaning::Seen;
use super::scan::{Scan, expect_method};
use crate::base::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX};
use std::mem::MaybeUninit;

/// Length of ` HTTP/1.1`.
const VERSION_BYTES: usize = 9;

impl HeadIndex {
    /// Parses the head at the front of `bytes`, if its end is there, and returns its length.
    ///
    /// The result depends on the bytes of the head only, not on how many came at once: a buffer
    /// that ends as heads end is tried directly, anything doubtful takes the way of [`Scan`].
    pub(super) fn parse(
        &mut self,
        bytes: &[u8],
        scan: &mut Scan,
    ) -> Result<Option<usize>, FramingError> {
        expect_method(bytes)?;
        if bytes.ends_with(b"\r\n\r\n")
            && bytes.len() <= HTTP_HEAD_BYTES_MAX
            && let Ok(length) = self.parse_complete(bytes)
        {
            return Ok(Some(length));
        }
        let Some(length) = scan.find_end(bytes)? else {
            return Ok(None);
        };
        if length > HTTP_HEAD_BYTES_MAX {
            return Err(FramingError::HeadTooLarge);
        }
        let head = bytes.get(..length).unwrap_or(bytes);
        self.parse_complete(head).map(Some)
    }

    fn parse_complete(&mut self, bytes: &[u8]) -> Result<usize, FramingError> {
        let mut slots = [const { MaybeUninit::uninit() }; HTTP_HEADERS_MAX];
        let mut request = httparse::Request::new(&mut []);
        let parsed = request
            .parse_with_uninit_headers(bytes, &mut slots)
            .map_err(|error| match error {
                httparse::Error::TooManyHeaders => FramingError::HeadTooLarge,
                httparse::Error::Version if names_version(bytes) => {
                    FramingError::UnsupportedVersion
                }
                _ => FramingError::BadHead,
            })?;
        let httparse::Status::Complete(length) = parsed else {
            return Err(FramingError::BadHead);
        };
        let (Some(method), Some(target), Some(minor)) =
            (request.method, request.path, request.version)
        else {
            return Err(FramingError::BadHead);
        };
        self.method = Span::of(bytes, method.as_bytes());
        let target_span = Span::of(bytes, target.as_bytes());
        self.version = if minor == 0 {
            Version::Http10
        } else {
            Version::Http11
        };
        // httparse takes a bare LF for the end of a line. We do not.
        if self.method.start != 0 {
            return Err(FramingError::BadHead);
        }
        expect_line_end(bytes, usize::from(target_span.end) + VERSION_BYTES)?;
        let mut seen = Seen::default();
        self.headers.clear();
        self.marks = 0;
        for header in request.headers.iter() {
            let value = Span::of(bytes, header.value);
            expect_line_end(bytes, usize::from(value.end))?;
            let trimmed = Span::of(bytes, header.value.trim_ascii());
            self.headers
                .push((Span::of(bytes, header.name.as_bytes()), trimmed));
            self.marks |= mark(header.name.as_bytes());
            seen.note(header.name, trimmed.get(bytes))?;
        }
        if !bytes.get(..length).unwrap_or(&[]).ends_with(b"\r\n\r\n") {
            return Err(FramingError::BadHead);
        }
        self.split_target(bytes, method, target)?;
        self.decide(bytes, &seen)?;
        Ok(length)
    }

    fn split_target(
        &mut self,
        bytes: &[u8],
        method: &str,
        target: &str,
    ) -> Result<(), FramingError> {
        self.authority = None;
        let mut rest = target;
        if method == "CONNECT" || target.contains('#') {
            return Err(FramingError::BadTarget);
        }
        let is_asterisk = target == "*" && method == "OPTIONS";
        if !is_asterisk && !target.starts_with('/') {
            let (scheme, after) = target.split_once("://").ok_or(FramingError::BadTarget)?;
            if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
                return Err(FramingError::BadTarget);
            }
            let end = after.find(['/', '?']).unwrap_or(after.len());
            let (authority, tail) = after.split_at_checked(end).unwrap_or((after, ""));
            self.authority = Some(Span::of(bytes, authority.as_bytes()));
            rest = tail;
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        self.path = Span::of(bytes, path.as_bytes());
        self.query = query.map(|query| Span::of(bytes, query.as_bytes()));
        Ok(())
    }

    /// What the noted headers together mean for the connection.
    fn decide(&mut self, bytes: &[u8], seen: &Seen<'_>) -> Result<(), FramingError> {
        let is_11 = self.version == Version::Http11;
        match seen.host {
            None if is_11 => return Err(FramingError::BadHost),
            None => {}
            Some(host) => {
                let target = self.authority.map_or(host, |a| a.get(bytes));
                if !is_host(host) || !host.eq_ignore_ascii_case(target) {
                    return Err(FramingError::BadHost);
                }
            }
        }
        self.framing = match (seen.length, seen.is_chunked) {
            (Some(_), true) => return Err(FramingError::LengthAndEncoding),
            (None, true) if !is_11 => return Err(FramingError::BadTransferEncoding),
            (None, true) => Framing::Chunked,
            (Some(length), false) => Framing::Length(length),
            (None, false) => Framing::None,
        };
        self.keep_alive = !seen.closes && (is_11 || seen.keeps_alive);
        self.expects_continue = seen.expects_continue && is_11;
        Ok(())
    }
}

/// Whether the request line is well-formed but for its version.
fn names_version(bytes: &[u8]) -> bool {
    let line = bytes.split(|b| *b == b'\r').next().unwrap_or(&[]);
    let mut words = line.split(|b| *b == b' ').skip(2);
    let version = words.next().unwrap_or(&[]);
    version.starts_with(b"HTTP/") && words.next().is_none()
}

/// A value ends where its line does, but for white space.
fn expect_line_end(bytes: &[u8], value_end: usize) -> Result<(), FramingError> {
    let mut rest = bytes.get(value_end..).unwrap_or(&[]);
    while let [b' ' | b'\t', tail @ ..] = rest {
        rest = tail;
    }
    if rest.starts_with(b"\r\n") {
        Ok(())
    } else {
        Err(FramingError::BadHead)
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{Head, lower_names};
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Result<Option<usize>, FramingError> {
        HeadIndex::default().parse(bytes, &mut Scan::default())
    }

    #[test]
    fn indexes_a_head_as_sent() {
        let bytes = b"PUT /b/k%2f?x=1&y?= HTTP/1.1\r\nHost: h:9\r\nX-A: \t one \r\nx-a:two\r\nA-Name-Of-More-Than-Thirty-Two-Bytes: V\r\n\
            Content-Length: 12\r\nempty:\r\n\r\nbody";
        let mut index = HeadIndex::default();
        let length = index.parse(bytes, &mut Scan::default()).unwrap().unwrap();
        assert_eq!(length, bytes.len() - 4);
        let mut bytes = bytes[..length].to_vec();
        lower_names(&mut bytes, &index);
        let head = Head::new(&bytes, &index);
        assert_eq!(head.method(), b"PUT");
        assert_eq!(head.raw_path(), b"/b/k%2f");
        assert_eq!(head.raw_query(), Some(&b"x=1&y?="[..]));
        assert_eq!(head.header("x-a"), Some(&b"one"[..]));
        let both: Vec<_> = head.headers_named("x-a").collect();
        assert_eq!(both, [&b"one"[..], b"two"]);
        assert_eq!(head.header("empty"), Some(&b""[..]));
        assert_eq!(head.content_length(), Some(12));
        assert_eq!(head.headers().count(), 6);
        assert_eq!(head.headers().next().unwrap().0, b"host");
        assert_eq!(head.header("x-b"), None);
        assert_eq!(
            head.header("a-name-of-more-than-thirty-two-bytes"),
            Some(&b"V"[..])
        );
    }

    #[test]
    fn takes_absolute_targets() {
        for (target, path, query) in [
            ("http://h/a/b?c", "/a/b", Some("c")),
            ("HTTPS://H", "/", None),
            ("http://h?x", "/", Some("x")),
        ] {
            let bytes = format!("GET {target} HTTP/1.1\r\nhost: h\r\n\r\n");
            let mut index = HeadIndex::default();
            index.parse(bytes.as_bytes(), &mut Scan::default()).unwrap();
            let head = Head::new(bytes.as_bytes(), &index);
            assert_eq!(head.raw_path(), path.as_bytes());
            assert_eq!(head.raw_query(), query.map(str::as_bytes));
        }
    }

    #[test]
    fn a_head_of_the_limit_passes_and_one_more_byte_does_not() {
        let start = "GET / HTTP/1.1\r\nhost: h\r\nx: ";
        let fill = HTTP_HEAD_BYTES_MAX - start.len() - 4;
        let fits = format!("{start}{}\r\n\r\n", "a".repeat(fill));
        assert_eq!(parse(fits.as_bytes()), Ok(Some(HTTP_HEAD_BYTES_MAX)));
        let over = format!("{start}{}\r\n\r\n", "a".repeat(fill + 1));
        assert_eq!(parse(over.as_bytes()), Err(FramingError::HeadTooLarge));
        let headers = "a:\r\n".repeat(HTTP_HEADERS_MAX - 1);
        let fits = format!("GET / HTTP/1.1\r\nhost: h\r\n{headers}\r\n");
        assert_eq!(parse(fits.as_bytes()), Ok(Some(fits.len())));
        let over = format!("GET / HTTP/1.1\r\nhost: h\r\na:\r\n{headers}\r\n");
        assert_eq!(parse(over.as_bytes()), Err(FramingError::HeadTooLarge));
    }

    proptest! {
        /// Whatever the bytes, feeding them one by one ends as giving them at once.
        #[test]
        fn piecemeal_is_as_at_once(
            parts in prop::collection::vec(prop::sample::select(vec![
                "GET", "ALONGERMETHODTHANTHEREIS", " ", "/", "?", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0", "\r\n", "\n", "\r",
                "host: h", "host : h", "a: b", ":", "\t", "x", "\0", "content-length: 5",
                "transfer-encoding: chunked", "\r\n\r\n", "http://h/",
            ]), 0..14),
        ) {
            let bytes = parts.concat().into_bytes();
            let at_once = parse(&bytes);
            let mut index = HeadIndex::default();
            let mut scan = Scan::default();
            let mut piecemeal = Ok(None);
            for end in 0..=bytes.len() {
                piecemeal = index.parse(&bytes[..end], &mut scan);
                if !matches!(piecemeal, Ok(None)) { break; }
            }
            prop_assert_eq!(piecemeal, at_once);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
