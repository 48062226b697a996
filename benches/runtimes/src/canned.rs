//! The HTTP that all candidates share but those that bring their own: `httparse`, and two answers.

use std::sync::LazyLock;

/// Bytes of a body.
pub const BODY: usize = 4096;
/// Room for a request's head and body.
pub const ROOM: usize = 16 * 1024;

const HEADERS_MAX: usize = 16;

static GET: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 4096\r\n\r\n"
            .to_vec();
    answer.resize(answer.len() + BODY, b'x');
    answer
});

/// The answer to a GET.
pub fn to_get() -> &'static [u8] {
    &GET
}

/// The answer to a PUT that was written.
pub const fn to_put() -> &'static [u8] {
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
}

/// What a connection's bytes amount to.
pub enum Step<'b> {
    /// Nothing yet.
    More,
    /// A request for the canned body.
    Get,
    /// A body to be written.
    Put(&'b [u8]),
    /// Not what our client sends.
    Bad,
}

/// Requests out of what a connection receives, one at a time.
#[derive(Default)]
pub struct Feed {
    /// The beginning of a request whose rest has not come.
    pending: Vec<u8>,
    done: bool,
}

impl Feed {
    /// Takes what was received.
    pub fn take<'b>(&'b mut self, received: &'b [u8]) -> Step<'b> {
        if std::mem::take(&mut self.done) {
            self.pending.clear();
        }
        let bytes = if self.pending.is_empty() {
            received
        } else {
            self.pending.extend_from_slice(received);
            &self.pending
        };
        match parse(bytes) {
            // As borrows go, the bytes must be kept outside of this match.
            Parsed::More => {}
            Parsed::Get => {
                self.done = true;
                return Step::Get;
            }
            Parsed::Put(start) => {
                self.done = true;
                let bytes = if self.pending.is_empty() {
                    received
                } else {
                    &self.pending
                };
                return Step::Put(bytes.get(start..).unwrap_or_default());
            }
            Parsed::Bad => return Step::Bad,
        }
        if self.pending.is_empty() {
            self.pending.extend_from_slice(received);
        }
        Step::More
    }
}

enum Parsed {
    More,
    Get,
    /// The body begins here and is all there.
    Put(usize),
    Bad,
}

fn parse(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let start = match request.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Parsed::More,
        Err(_) => return Parsed::Bad,
    };
    match request.method {
        Some("GET") => Parsed::Get,
        Some("PUT") => {
            let length = request.headers.iter();
            let length = length
                .filter(|header| header.name.eq_ignore_ascii_case("content-length"))
                .find_map(|header| str::from_utf8(header.value).ok()?.parse::<usize>().ok());
            match length {
                Some(BODY) if bytes.len() < start + BODY => Parsed::More,
                Some(BODY) if bytes.len() == start + BODY => Parsed::Put(start),
                _ => Parsed::Bad,
            }
        }
        _ => Parsed::Bad,
    }
}
