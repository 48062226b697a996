//! A line of the audit log: one JSON object, whatever the texts in it are.

use crate::base::calendar::push_iso8601;
use crate::base::json::{push_string, push_text};
use crate::base::limits::AUDIT_TEXT_BYTES_MAX;
use crate::io::{Clock, RealClock};
use core::net::SocketAddr;
use std::io::Write;

/// Where a request came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// The daemon itself.
    #[default]
    None,
    /// Over TCP.
    Address(SocketAddr),
    /// A process on this machine.
    Process(i32),
}

/// A bucket, by volume and name. Without a volume: as a request named it that was refused before it
/// was known in whose volume to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Its volume.
    pub volume: Option<&'a str>,
    /// Its name; empty for the volume itself.
    pub name: &'a str,
}

/// A line. `docs/operations.md` describes the fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line<'a> {
    /// When the request came, in microseconds since the epoch.
    pub time_us: u64,
    /// The user, once it is certain who it is.
    pub who: Option<&'a str>,
    /// The access key that was named, whether or not the signature is right.
    pub access_key: Option<&'a str>,
    /// Where it came from.
    pub peer: Peer,
    /// The operation; empty when there is none of that kind.
    pub what: &'a str,
    /// What the request named.
    pub asked: Option<Place<'a>>,
    /// The bucket that this leads to.
    pub resolved: Option<Place<'a>>,
    /// The generation of the link that was followed.
    pub link_generation: u64,
    /// The key, as it was asked for.
    pub key: Option<&'a [u8]>,
    /// `OK` or an error code.
    pub result: &'a str,
    /// HTTP status; 0 where there is none.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From the request to the end of the answer.
    pub latency_us: u64,
    /// Identifies the request in answers.
    pub request_id: Option<u64>,
    /// The source of a copy, as it was asked for.
    pub copy_source: Option<&'a [u8]>,
    /// The bucket that the source of a copy is in.
    pub copy_resolved: Option<Place<'a>>,
    /// The path of a request that names nothing there could be.
    pub raw_path: Option<&'a [u8]>,
    /// Who does it in the name of `who`.
    pub acted_by: Option<&'a str>,
    /// What else is to be known.
    pub detail: Option<&'a str>,
}

impl Line<'_> {
    /// Appends the line, its end included.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        push_iso8601(out, self.time_us);
        out.push(b'"');
        optional(out, "who", self.who.map(str::as_bytes));
        optional(out, "accessKey", self.access_key.map(str::as_bytes));
        member(out, "peer");
        self.peer.write(out);
        let what = Some(self.what).filter(|what| !what.is_empty());
        optional(out, "what", what.map(str::as_bytes));
        member(out, "asked");
        place(out, self.asked);
        member(out, "resolved");
        place(out, self.resolved);
        number(out, "linkGeneration", self.link_generation);
        optional(out, "key", self.key);
        optional(out, "result", Some(self.result.as_bytes()));
        number(out, "status", u64::from(self.status));
        number(out, "bytesIn", self.bytes_in);
        number(out, "bytesOut", self.bytes_out);
        number(out, "latencyUs", self.latency_us);
        member(out, "requestId");
        match self.request_id {
            // Writing to a vector cannot fail.
            Some(id) => drop(write!(out, "\"{id:016X}\"")),
            None => out.extend_from_slice(b"null"),
        }
        self.write_rest(out);
        out.extend_from_slice(b"}\n");
    }

    /// What only some lines have.
    fn write_rest(&self, out: &mut Vec<u8>) {
        if self.copy_source.is_some() {
            optional(out, "copySource", self.copy_source);
            member(out, "copySourceResolved");
            place(out, self.copy_resolved);
        }
        if self.raw_path.is_some() {
            optional(out, "rawPath", self.raw_path);
        }
        if self.acted_by.is_some() {
            optional(out, "actedBy", self.acted_by.map(str::as_bytes));
        }
        if self.detail.is_some() {
            optional(out, "detail", self.detail.map(str::as_bytes));
        }
    }

    /// The line that says that `count` lines are missing.
    #[must_use]
    pub fn lost(count: u64) -> Vec<u8> {
        let line = Line {
            time_us: RealClock.now_micros(),
            what: "AuditLinesLost",
            result: "OK",
            ..Line::default()
        };
        let mut out = Vec::with_capacity(256);
        line.write(&mut out);
        out.truncate(out.len() - b"}\n".len());
        number(&mut out, "lost", count);
        out.extend_from_slice(b"}\n");
        out
    }
}

impl Peer {
    fn write(self, out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        match self {
            Self::None => out.extend_from_slice(b"null"),
            Self::Address(address) => drop(write!(out, "\"{address}\"")),
            Self::Process(id) => drop(write!(out, "\"process:{id}\"")),
        }
    }
}

fn member(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    member(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn optional(out: &mut Vec<u8>, name: &str, text: Option<&[u8]>) {
    member(out, name);
    match text {
        Some(text) => push_string(out, shortened(text)),
        None => out.extend_from_slice(b"null"),
    }
}

/// The beginning of a text that is too long. A character that is cut in two shows as U+FFFD.
fn shortened(text: &[u8]) -> &[u8] {
    text.get(..AUDIT_TEXT_BYTES_MAX).unwrap_or(text)
}

fn place(out: &mut Vec<u8>, place: Option<Place<'_>>) {
    let Some(Place { volume, name }) = place else {
        out.extend_from_slice(b"null");
        return;
    };
    let Some(volume) = volume else {
        return push_string(out, shortened(name.as_bytes()));
    };
    out.extend_from_slice(b"\"/");
    push_text(out, shortened(volume.as_bytes()));
    if !name.is_empty() {
        out.push(b'/');
        push_text(out, shortened(name.as_bytes()));
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn read(line: &Line<'_>) -> Value {
        let mut out = Vec::new();
        line.write(&mut out);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(out.last(), Some(&b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_line_has_every_field() {
        let line = Line {
            time_us: 1_700_000_000_000_001,
            who: Some("bob"),
            access_key: Some("AKIA"),
            peer: Peer::Address("[::1]:99".parse().unwrap()),
            what: "CopyObject",
            asked: Some(Place {
                volume: Some("s3v"),
                name: "link",
            }),
            resolved: Some(Place {
                volume: Some("vol1"),
                name: "bucket",
            }),
            link_generation: 3,
            key: Some(b"a/b\n"),
            result: "OK",
            status: 200,
            bytes_in: 1,
            bytes_out: 2,
            latency_us: 4,
            request_id: Some(0xab),
            copy_source: Some(b"link/x"),
            copy_resolved: Some(Place {
                volume: Some("vol2"),
                name: "",
            }),
            raw_path: Some(b"/%ff"),
            acted_by: Some("uid 0"),
            detail: Some("more"),
        };
        let expected = serde_json::json!({
            "time": "2023-11-14T22:13:20.000001Z", "who": "bob", "accessKey": "AKIA",
            "peer": "[::1]:99", "what": "CopyObject", "asked": "/s3v/link",
            "resolved": "/vol1/bucket", "linkGeneration": 3, "key": "a/b\n", "result": "OK",
            "status": 200, "bytesIn": 1, "bytesOut": 2, "latencyUs": 4,
            "requestId": "00000000000000AB", "copySource": "link/x",
            "copySourceResolved": "/vol2",
            "rawPath": "/%ff", "actedBy": "uid 0", "detail": "more",
        });
        assert_eq!(read(&line), expected);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let line = read(&Line::default());
        for name in [
            "who",
            "accessKey",
            "peer",
            "what",
            "asked",
            "resolved",
            "key",
            "requestId",
        ] {
            assert_eq!(line[name], Value::Null, "{name}");
        }
        assert!(line.get("copySource").is_none() && line.get("detail").is_none());
        let lost: Value = serde_json::from_slice(&Line::lost(7)).unwrap();
        assert_eq!(
            (&lost["lost"], &lost["what"]),
            (&7.into(), &"AuditLinesLost".into())
        );
    }

    #[test]
    fn texts_without_end_are_cut() {
        let long = vec![b'x'; 100_000];
        let line = Line {
            key: Some(&long),
            ..Line::default()
        };
        assert_eq!(
            read(&line)["key"].as_str().unwrap().len(),
            AUDIT_TEXT_BYTES_MAX
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_line(key in any::<Vec<u8>>(), name in any::<String>()) {
            let there = Place { volume: Some(&name), name: "b" };
            let line = Line {
                key: Some(&key),
                who: Some(&name),
                asked: Some(Place { volume: None, name: &name }),
                resolved: Some(there),
                ..Line::default()
            };
            let read = read(&line);
            prop_assert_eq!(read["key"].as_str().unwrap(), String::from_utf8_lossy(&key));
            prop_assert_eq!(&read["who"], &name);
            prop_assert_eq!(&read["asked"], &name);
            prop_assert_eq!(&read["resolved"], &format!("/{name}/b"));
        }
    }
}
