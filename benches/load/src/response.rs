//! Reads answers: finds the end of each and checks it. As little work as that takes, because the
//! client shares the machine with the server.

use crate::chunked::Chunked;
use crate::request::Expected;

/// What is wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// Not HTTP/1.1, or a form of body that this client does not read.
    #[error("unreadable answer: {0}")]
    Unreadable(String),
    /// An answer, but not the right one.
    #[error("status {status} instead of {expected}: {text}")]
    Status {
        /// What came.
        status: u16,
        /// What should have come.
        expected: u16,
        /// The beginning of the body, if it came with the head.
        text: String,
    },
    /// The right status with a wrong length.
    #[error("content length {length:?} instead of {expected}")]
    Length {
        /// What came.
        length: Option<u64>,
        /// What should have come.
        expected: u64,
    },
    /// More bytes than the answer has.
    #[error("{0} bytes after the end of an answer")]
    Excess(usize),
}

/// The answer that is being received.
#[derive(Debug, Default)]
pub struct Response {
    head: Vec<u8>,
    /// What is still to come; `None` until the head is complete.
    rest: Option<Rest>,
    /// Bytes of the body.
    length: u64,
}

/// The rest of a body.
#[derive(Debug)]
enum Rest {
    /// So many bytes.
    Bytes(u64),
    /// Chunks.
    Chunks(Chunked),
}

const HEAD_BYTES_MAX: usize = 16 * 1024;

impl Response {
    /// Takes what was received. Returns the length of the body once the answer is complete; the next
    /// one may begin then.
    pub fn take(&mut self, bytes: &[u8], expected: &Expected) -> Result<Option<u64>, Wrong> {
        let mut body = bytes;
        if self.rest.is_none() {
            let Some(at) = self.take_head(bytes, expected)? else {
                return Ok(None);
            };
            body = bytes.get(at..).unwrap_or_default();
        }
        let (is_complete, excess) = match &mut self.rest {
            Some(Rest::Bytes(rest)) => {
                let got = u64::try_from(body.len()).unwrap_or(u64::MAX);
                let excess = got.saturating_sub(*rest);
                *rest = rest.saturating_sub(got);
                (*rest == 0, usize::try_from(excess).unwrap_or(0))
            }
            Some(Rest::Chunks(chunks)) => {
                let used = chunks.take(body)?;
                self.length = chunks.length;
                (chunks.is_complete(), body.len() - used)
            }
            None => (false, 0),
        };
        if excess > 0 {
            return Err(Wrong::Excess(excess));
        }
        if !is_complete {
            return Ok(None);
        }
        self.rest = None;
        Ok(Some(self.length))
    }

    /// Returns where in `bytes` the body begins, once the head is complete.
    fn take_head(&mut self, bytes: &[u8], expected: &Expected) -> Result<Option<usize>, Wrong> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let Some(end) = find(&self.head, b"\r\n\r\n") else {
            if self.head.len() > HEAD_BYTES_MAX {
                return Err(Wrong::Unreadable("a head without an end".to_owned()));
            }
            return Ok(None);
        };
        self.head.truncate(end);
        let body = bytes.get(end + 4 - before..).unwrap_or_default();
        let rest = check(&self.head, expected, body)?;
        self.length = match rest {
            Rest::Bytes(length) => length,
            Rest::Chunks(_) => 0,
        };
        self.rest = Some(rest);
        self.head.clear();
        Ok(Some(end + 4 - before))
    }
}

/// Checks a head and returns what the body is.
fn check(head: &[u8], expected: &Expected, body: &[u8]) -> Result<Rest, Wrong> {
    let text = std::str::from_utf8(head).map_err(|e| Wrong::Unreadable(e.to_string()))?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Wrong::Unreadable(first.to_owned()))?;
    if status != expected.status {
        return Err(Wrong::Status {
            status,
            expected: expected.status,
            text: String::from_utf8_lossy(body.get(..400).unwrap_or(body)).into_owned(),
        });
    }
    let (mut length, mut is_chunked) = (None, false);
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_chunked = true;
        }
    }
    if let Some(wanted) = expected.length
        && length.unwrap_or_default() != wanted
    {
        return Err(Wrong::Length {
            length,
            expected: wanted,
        });
    }
    match length {
        _ if expected.bodiless => Ok(Rest::Bytes(0)),
        // Of objects a length is wanted, and it was compared.
        _ if is_chunked && expected.length.is_none() => Ok(Rest::Chunks(Chunked::default())),
        Some(length) => Ok(Rest::Bytes(length)),
        None if expected.length == Some(0) => Ok(Rest::Bytes(0)),
        None => Err(Wrong::Unreadable("no content length".to_owned())),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Expected = Expected {
        status: 200,
        length: Some(5),
        bodiless: false,
    };
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\nX: y\r\n\r\nhello";

    #[test]
    fn split_anywhere() {
        let mut response = Response::default();
        for at in 1..ANSWER.len() {
            let (first, second) = ANSWER.split_at(at);
            assert_eq!(response.take(first, &EXPECTED).unwrap(), None, "{at}");
            assert_eq!(response.take(second, &EXPECTED).unwrap(), Some(5), "{at}");
        }
    }

    #[test]
    fn wrong_answers() {
        let take = |bytes: &[u8]| Response::default().take(bytes, &EXPECTED).unwrap_err();
        let busy = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nbusy";
        assert!(matches!(take(busy), Wrong::Status { status: 503, text, .. } if text == "busy"));
        let short = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
        assert!(matches!(
            take(short),
            Wrong::Length {
                length: Some(4),
                ..
            }
        ));
        assert!(matches!(take(b"SSH-2.0\r\n\r\n"), Wrong::Unreadable(_)));
        assert!(matches!(
            take(&[ANSWER, b"HTTP"].concat()),
            Wrong::Excess(4)
        ));
    }

    #[test]
    fn the_answer_to_head_has_no_body() {
        let expected = Expected {
            bodiless: true,
            ..EXPECTED
        };
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let mut response = Response::default();
        assert_eq!(response.take(head, &expected).unwrap(), Some(0));
        assert_eq!(response.take(head, &expected).unwrap(), Some(0));
    }
}
