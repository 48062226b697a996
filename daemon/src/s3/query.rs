//! A request's query, decoded once.

use super::error::{Result, S3Error};
use super::percent::{Plus, decode_str};
use std::borrow::Cow;

/// The decoded pairs of a query, in the order sent.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Decodes what follows the `?`.
    pub fn parse(raw: &'a [u8]) -> Result<Self> {
        let mut pairs = Vec::new();
        for (name, value) in split(raw) {
            pairs.push((
                decode_str(name, Plus::Blank)?,
                decode_str(value, Plus::Blank)?,
            ));
        }
        Ok(Self { pairs })
    }

    /// The pairs, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (&**n, &**v))
    }

    /// The first value of a parameter; empty when it was sent without one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Whether a parameter was sent.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A parameter that is a number from 0 to `i32::MAX`, as AWS's are. Empty counts as absent.
    pub fn number(&self, name: &'static str) -> Result<Option<u32>> {
        let Some(text) = self.get(name).filter(|t| !t.is_empty()) else {
            return Ok(None);
        };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<i32>() {
            Ok(number) if digits => Ok(u32::try_from(number).ok()),
            _ => Err(S3Error::argument(
                name,
                text,
                format!("Provided {name} not an integer or within integer range"),
            )),
        }
    }
}

/// The raw pairs of a query. A pair without `=` has an empty value; empty pairs are skipped.
pub fn split(raw: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    raw.split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            match pair
                .iter()
                .position(|b| *b == b'=')
                .map(|at| pair.split_at(at))
            {
                Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
                None => (pair, &b""[..]),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::error::ErrorCode;
    use proptest::prelude::*;

    #[test]
    fn decodes_pairs() {
        let query = Query::parse(b"list-type=2&prefix=a%2Fb+c&acl&&x==1").unwrap();
        let pairs: Vec<_> = query.iter().collect();
        assert_eq!(
            pairs,
            [
                ("list-type", "2"),
                ("prefix", "a/b c"),
                ("acl", ""),
                ("x", "=1")
            ]
        );
        assert!(query.has("acl") && !query.has("tagging"));
    }

    #[test]
    fn numbers_are_strict() {
        let query = Query::parse(b"a=10&b=blah&c=-1&d=&e=2147483648&f=%2B1").unwrap();
        assert_eq!(query.number("a").unwrap(), Some(10));
        assert_eq!(query.number("d").unwrap(), None);
        assert_eq!(query.number("missing").unwrap(), None);
        for name in ["b", "c", "e", "f"] {
            assert_eq!(
                query.number(name).unwrap_err().code,
                ErrorCode::InvalidArgument
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(bytes: Vec<u8>) {
            let _ = Query::parse(&bytes);
        }
    }
}
