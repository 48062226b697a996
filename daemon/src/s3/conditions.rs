//! Conditional requests: RFC 9110 section 13, in the order S3 evaluates them.

use super::error::{ErrorCode, Result, S3Error};
use super::head::RequestHead;
use super::time;
use crate::base::Timestamp;

/// What the conditions of a read say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They hold.
    Proceed,
    /// The client has this already: 304.
    NotModified,
    /// They do not hold: 412.
    Failed,
}

/// Names of the four headers, which a copy has under other names.
struct Names {
    if_match: &'static str,
    if_none_match: &'static str,
    if_modified: &'static str,
    if_unmodified: &'static str,
}

const READ: Names = Names {
    if_match: "if-match",
    if_none_match: "if-none-match",
    if_modified: "if-modified-since",
    if_unmodified: "if-unmodified-since",
};

const COPY: Names = Names {
    if_match: "x-amz-copy-source-if-match",
    if_none_match: "x-amz-copy-source-if-none-match",
    if_modified: "x-amz-copy-source-if-modified-since",
    if_unmodified: "x-amz-copy-source-if-unmodified-since",
};

/// Judges the conditions of a GET or HEAD of an object with this entity tag (no quotes).
pub fn read<H: RequestHead>(
    head: &H,
    etag: &(impl ToString + ?Sized),
    modified: Timestamp,
) -> Outcome {
    judge(head, &READ, etag, modified)
}

/// Judges the conditions on the source of a copy.
pub fn copy_source<H: RequestHead>(
    head: &H,
    etag: &(impl ToString + ?Sized),
    modified: Timestamp,
) -> Outcome {
    judge(head, &COPY, etag, modified)
}

/// `If-Match` decides before `If-Unmodified-Since`, `If-None-Match` before `If-Modified-Since`.
/// Dates that cannot be read are ignored, as RFC 9110 wants it.
fn judge<H: RequestHead>(
    head: &H,
    names: &Names,
    etag: &(impl ToString + ?Sized),
    modified: Timestamp,
) -> Outcome {
    // Most requests have no conditions; their tag is then not even written out.
    let holds = |list| {
        let etag = etag.to_string();
        tags(list).any(|tag| tag == "*" || tag == etag)
    };
    let date = |name| head.header_str(name).and_then(time::parse_http);
    match head.header(names.if_match) {
        Some(list) if !holds(list) => return Outcome::Failed,
        Some(_) => {}
        None => {
            if date(names.if_unmodified).is_some_and(|at| modified.seconds() > at.seconds()) {
                return Outcome::Failed;
            }
        }
    }
    let unchanged = match head.header(names.if_none_match) {
        Some(list) => holds(list),
        None => date(names.if_modified).is_some_and(|at| modified.seconds() <= at.seconds()),
    };
    if unchanged {
        Outcome::NotModified
    } else {
        Outcome::Proceed
    }
}

/// Entity tags of a header that holds a list of them, without quotes and weakness marks.
pub fn tags(list: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(list)
        .unwrap_or("")
        .split(',')
        .map(|tag| tag.trim())
        .map(|tag| tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"'))
        .filter(|tag| !tag.is_empty())
}

/// The condition headers of a write, read but not judged: that is the shard owner's work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// Tags of `If-Match`; `*` stands for any.
    pub if_match: Option<Vec<String>>,
    /// Tags of `If-None-Match`.
    pub if_none_match: Option<Vec<String>>,
    /// `x-amz-if-match-size`
    pub if_size: Option<u64>,
    /// `x-amz-if-match-last-modified-time`
    pub if_modified_at: Option<Timestamp>,
}

/// Reads the conditions of a PUT, copy, complete or DELETE.
pub fn write<H: RequestHead>(head: &H) -> Result<Write> {
    let list = |name| {
        head.header(name)
            .map(|value| tags(value).map(str::to_owned).collect::<Vec<String>>())
    };
    let size = "x-amz-if-match-size";
    let time_name = "x-amz-if-match-last-modified-time";
    Ok(Write {
        if_match: list("if-match"),
        if_none_match: list("if-none-match"),
        if_size: match head.header_str(size) {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| invalid(size, text))?),
        },
        if_modified_at: match head.header_str(time_name) {
            None => None,
            Some(text) => Some(
                time::parse_http(text)
                    .or_else(|| time::parse_iso8601(text))
                    .ok_or_else(|| invalid(time_name, text))?,
            ),
        },
    })
}

fn invalid(name: &'static str, value: &str) -> S3Error {
    S3Error::new(
        ErrorCode::InvalidArgument,
        "Invalid value of a conditional header.",
    )
    .with("ArgumentName", name)
    .with("ArgumentValue", value)
}

#[cfg(test)]
mod tests {
    use super::super::head::PlainHead;
    use super::*;

    const BEFORE: &str = "Sat, 29 Oct 1994 19:43:31 GMT";
    const AFTER: &str = "Fri, 29 Oct 2100 19:43:31 GMT";

    fn outcome(headers: &[(&str, &str)]) -> Outcome {
        let mut head = PlainHead::new("GET", "/b/k");
        for (name, value) in headers {
            head = head.with(name, value);
        }
        read(&head, "abc", Timestamp(1_700_000_000_500))
    }

    #[test]
    fn conditions_of_a_read() {
        use Outcome::{Failed, NotModified, Proceed};
        for (headers, expected) in [
            (&[][..], Proceed),
            (&[("If-Match", "\"abc\"")], Proceed),
            (&[("If-Match", "*")], Proceed),
            (&[("If-Match", "\"x\", \"abc\"")], Proceed),
            (&[("If-Match", "\"x\"")], Failed),
            (&[("If-None-Match", "\"abc\"")], NotModified),
            (&[("If-None-Match", "\"x\"")], Proceed),
            (&[("If-Modified-Since", BEFORE)], Proceed),
            (&[("If-Modified-Since", AFTER)], NotModified),
            (&[("If-Unmodified-Since", BEFORE)], Failed),
            (&[("If-Unmodified-Since", AFTER)], Proceed),
            (&[("If-Unmodified-Since", "nonsense")], Proceed),
            // The tag decides, the date is not looked at.
            (
                &[("If-Match", "\"abc\""), ("If-Unmodified-Since", BEFORE)],
                Proceed,
            ),
            (
                &[("If-None-Match", "\"x\""), ("If-Modified-Since", AFTER)],
                Proceed,
            ),
        ] {
            assert_eq!(outcome(headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn conditions_of_a_write_are_read() {
        let head = PlainHead::new("PUT", "/b/k")
            .with("If-None-Match", "*")
            .with("x-amz-if-match-size", "12");
        let found = write(&head).unwrap();
        assert_eq!(found.if_none_match, Some(vec!["*".to_owned()]));
        assert_eq!(found.if_size, Some(12));
        let bad = PlainHead::new("PUT", "/b/k").with("x-amz-if-match-size", "-1");
        assert_eq!(write(&bad).unwrap_err().code, ErrorCode::InvalidArgument);
    }
}
