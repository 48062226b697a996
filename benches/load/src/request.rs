//! Requests made and signed before the clock starts.

use crate::sign::{Credentials, Request, Signer, UNSIGNED, sha256_hex};
use std::time::SystemTime;

/// What is asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Reads whole objects.
    Get,
    /// Writes objects, over and over the same keys.
    Put,
    /// Asks for the metadata of objects.
    Head,
    /// Lists from random keys on.
    List,
    /// Deletes objects; a missing one counts as deleted.
    Delete,
    /// Lists what is above the first `/` of the keys: one page of common prefixes.
    Folders,
}

impl Op {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Head => "HEAD",
            Self::List => "LIST",
            Self::Delete => "DELETE",
            Self::Folders => "LIST folders",
        }
    }

    /// Whether the answer is a page of a listing.
    #[must_use]
    pub const fn is_listing(self) -> bool {
        matches!(self, Self::List | Self::Folders)
    }
}

/// How keys are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// All below one prefix: `<prefix><number>`.
    Flat(String),
    /// A million below each folder. Only every so many numbers are asked for.
    Folders {
        /// From one key that is asked for to the next.
        stride: usize,
        /// The first number.
        from: usize,
    },
}

impl Naming {
    /// The names that the suite uses.
    #[must_use]
    pub fn bench() -> Self {
        Self::Flat("bench/".to_owned())
    }

    /// The key of a number. All have one length, so that listings are of one size.
    #[must_use]
    pub fn key(&self, number: usize) -> String {
        match self {
            Self::Flat(prefix) => format!("{prefix}{number:010}"),
            Self::Folders { stride, from } => {
                let number = from + number * stride;
                format!("{:05}/{number:010}", number / FOLDER)
            }
        }
    }
}

/// Keys below one folder.
pub const FOLDER: usize = 1_000_000;

/// The requests of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is asked.
    pub op: Op,
    /// The `Host` header.
    pub host: String,
    /// The bucket.
    pub bucket: String,
    /// How many keys there are.
    pub keys: usize,
    /// Their names.
    pub naming: Naming,
    /// Bytes of an object.
    pub size: usize,
    /// Entries of a page of a listing.
    pub page: usize,
    /// Whether the signature covers the SHA-256 of the body, which the server then has to compute.
    pub sign_payload: bool,
}

/// What a right answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The status.
    pub status: u16,
    /// `Content-Length`, if it is known.
    pub length: Option<u64>,
    /// Whether the answer has no body whatever its `Content-Length` says.
    pub bodiless: bool,
}

/// Signed requests that differ in their heads only.
#[derive(Debug)]
pub struct Prepared {
    /// What they ask.
    pub op: Op,
    /// One per key.
    pub heads: Vec<Box<[u8]>>,
    /// The body of each.
    pub body: Vec<u8>,
    /// What comes back.
    pub expected: Expected,
}

impl Prepared {
    /// Puts the requests in another order, the same in every run.
    pub fn shuffle(&mut self) {
        let mut random = Random::new(0x5851_f42d_4c95_7f2d);
        for at in (1..self.heads.len()).rev() {
            self.heads.swap(at, random.below(at + 1));
        }
    }

    /// Signs one request per key of the plan.
    #[must_use]
    pub fn objects(plan: &Plan, credentials: &Credentials) -> Self {
        let signer = Signer::new(credentials.clone(), SystemTime::now());
        let body = match plan.op {
            Op::Put => noise(plan.size),
            _ => Vec::new(),
        };
        let payload = match plan.op {
            Op::Put if !plan.sign_payload => UNSIGNED.to_owned(),
            _ => sha256_hex(&body),
        };
        let heads = (0..plan.keys)
            .map(|number| head(plan, &signer, &payload, number))
            .collect();
        Self {
            op: plan.op,
            heads,
            body,
            expected: expected(plan),
        }
    }

    /// One request with any path, for a responder that knows no keys. It carries the same headers
    /// as all others, signature included.
    #[must_use]
    pub fn canned(op: Op, host: &str, size: usize, credentials: &Credentials) -> Self {
        let signer = Signer::new(credentials.clone(), SystemTime::now());
        let body = match op {
            Op::Put => noise(size),
            _ => Vec::new(),
        };
        let head = signer.head(&Request {
            method: method(op),
            host,
            path: &format!("/{size}"),
            query: &[],
            payload: UNSIGNED,
            content_length: (op == Op::Put).then_some(size),
        });
        let length = u64::try_from(if op == Op::Put { 0 } else { size }).ok();
        Self {
            op,
            heads: vec![head.into_boxed_slice()],
            body,
            expected: Expected {
                status: 200,
                length,
                bodiless: op == Op::Head,
            },
        }
    }
}

fn method(op: Op) -> &'static str {
    match op {
        Op::List | Op::Folders => "GET",
        op => op.name(),
    }
}

fn head(plan: &Plan, signer: &Signer, payload: &str, number: usize) -> Box<[u8]> {
    let key = plan.naming.key(number);
    let page = plan.page.to_string();
    let query: &[(&str, &str)] = match plan.op {
        Op::List => &[
            ("list-type", "2"),
            ("max-keys", &page),
            ("start-after", &key),
        ],
        Op::Folders => &[("delimiter", "/"), ("list-type", "2"), ("max-keys", &page)],
        _ => &[],
    };
    let path = if plan.op.is_listing() {
        format!("/{}", plan.bucket)
    } else {
        format!("/{}/{key}", plan.bucket)
    };
    let request = Request {
        method: method(plan.op),
        host: &plan.host,
        path: &path,
        query,
        payload,
        content_length: (plan.op == Op::Put).then_some(plan.size),
    };
    signer.head(&request).into_boxed_slice()
}

fn expected(plan: &Plan) -> Expected {
    let size = u64::try_from(plan.size).ok();
    let (status, length) = match plan.op {
        Op::Get | Op::Head => (200, size),
        Op::Put => (200, Some(0)),
        Op::List | Op::Folders => (200, None),
        Op::Delete => (204, None),
    };
    Expected {
        status,
        length,
        bodiless: matches!(plan.op, Op::Head | Op::Delete),
    }
}

/// Bytes that do not compress, the same in every run.
fn noise(size: usize) -> Vec<u8> {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        bytes.extend(random.next().to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// xorshift64*: which key comes next must cost nothing and be the same in every run.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for every seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u128::try_from(end).unwrap_or(1);
        usize::try_from((u128::from(self.next()) * end) >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_stays_below() {
        let mut random = Random::new(7);
        let seen: std::collections::BTreeSet<_> = (0..1000).map(|_| random.below(5)).collect();
        assert_eq!(seen, (0..5).collect());
    }

    #[test]
    fn a_million_below_each_folder() {
        let naming = Naming::Folders {
            stride: 3,
            from: 999_999,
        };
        assert_eq!(naming.key(0), "00000/0000999999");
        assert_eq!(naming.key(1), "00001/0001000002");
    }

    #[test]
    fn shuffled_keys_are_all_there() {
        let mut prepared = Prepared {
            op: Op::Get,
            heads: (0u8..100).map(|n| vec![n].into_boxed_slice()).collect(),
            body: Vec::new(),
            expected: Expected {
                status: 200,
                length: None,
                bodiless: false,
            },
        };
        prepared.shuffle();
        let mut seen: Vec<u8> = prepared.heads.iter().map(|head| head[0]).collect();
        assert_ne!(seen, (0..100).collect::<Vec<_>>());
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn noise_has_the_size() {
        for size in [0, 1, 8, 4095] {
            assert_eq!(noise(size).len(), size);
        }
    }
}
