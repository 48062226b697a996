//! What a record says of a link besides its owner and times.

use crate::base::codec::{Malformed, Put, Reader};
use crate::base::{BucketId, Timestamp};
use crate::namespace::fields;
use crate::namespace::name::Name;
use crate::namespace::record::name;
use crate::namespace::types::{Consent, LinkGeneration};

/// Version of a record of the history.
const VERSION: u8 = 1;

/// Everything but owner, times of the entry and its access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkRecord {
    pub(crate) source: (Name, Name),
    pub(crate) read_only: bool,
    pub(crate) prefix: Option<Box<str>>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) bind: Option<BucketId>,
    pub(crate) delegate: Option<Consent>,
    pub(crate) turn: Turn,
}

/// Number of a link's source, when it was given and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) generation: u64,
    pub(crate) at: Timestamp,
    pub(crate) by: Name,
}

impl Turn {
    /// What a record means that says nothing: the source it was made with, by its owner.
    pub(crate) const fn first(created: Timestamp, owner: Name) -> Self {
        Self {
            generation: 1,
            at: created,
            by: owner,
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let turn = Self {
            generation: reader.varint()?,
            at: Timestamp(reader.u64()?),
            by: name(&mut reader)?,
        };
        reader.finish()?;
        Ok(turn)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        out.put_varint(self.generation);
        out.put_u64(self.at.0);
        out.put_str(&self.by);
        out
    }
}

/// The optional fields of a link while they are read.
#[derive(Default)]
pub(crate) struct LinkFields {
    read_only: bool,
    prefix: Option<Box<str>>,
    expires: Option<u64>,
    bind: Option<u64>,
    delegate: Option<Consent>,
    turn: Option<Turn>,
}

impl LinkFields {
    pub(crate) fn take(&mut self, tag: u8, value: &[u8]) -> Result<bool, Malformed> {
        match tag {
            fields::LINK_READ_ONLY if value.is_empty() => self.read_only = true,
            fields::LINK_READ_ONLY => return Err(Malformed("a read-only link")),
            fields::LINK_PREFIX => {
                let prefix = std::str::from_utf8(value).map_err(|_| Malformed("prefix"))?;
                self.prefix = Some(prefix.into());
            }
            fields::LINK_EXPIRES => return fields::take_u64(&mut self.expires, value),
            fields::LINK_BIND => return fields::take_u64(&mut self.bind, value),
            fields::LINK_CONSENT => self.delegate = Some(decode_consent(value)?),
            fields::LINK_TURN => self.turn = Some(Turn::decode(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        let Self {
            read_only,
            prefix,
            expires,
            bind,
            delegate,
            turn,
        } = self;
        !*read_only
            && prefix.is_none()
            && expires.is_none()
            && bind.is_none()
            && delegate.is_none()
            && turn.is_none()
    }

    pub(crate) fn with_source(self, source: (Name, Name), first: Turn) -> LinkRecord {
        LinkRecord {
            source,
            read_only: self.read_only,
            prefix: self.prefix,
            expires: self.expires.map(Timestamp),
            bind: self.bind.map(BucketId),
            delegate: self.delegate,
            turn: self.turn.unwrap_or(first),
        }
    }
}

impl LinkRecord {
    /// Appends the optional fields. What a record means anyway is left out.
    pub(crate) fn put_fields(&self, out: &mut Vec<u8>, first: Option<Turn>) {
        if self.read_only {
            fields::put(out, fields::LINK_READ_ONLY, &[]);
        }
        if let Some(prefix) = &self.prefix {
            fields::put(out, fields::LINK_PREFIX, prefix.as_bytes());
        }
        fields::put_u64(out, fields::LINK_EXPIRES, self.expires.map(|t| t.0));
        fields::put_u64(out, fields::LINK_BIND, self.bind.map(|id| id.0));
        if let Some(consent) = &self.delegate {
            fields::put(out, fields::LINK_CONSENT, &encode_consent(consent));
        }
        if first != Some(self.turn) {
            fields::put(out, fields::LINK_TURN, &self.turn.encode());
        }
    }

    /// A record of the history, in which consent is of no use any more.
    pub(crate) fn encode_past(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.put_str(&self.source.0);
        out.put_str(&self.source.1);
        let past = Self {
            delegate: None,
            ..self.clone()
        };
        past.put_fields(&mut out, None);
        out
    }

    /// Inverse of [`LinkRecord::encode_past`].
    pub(crate) fn decode_past(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(Malformed("unknown version of a link's history"));
        }
        let source = (name(&mut reader)?, name(&mut reader)?);
        let mut found = LinkFields::default();
        fields::read(reader, |tag, value| found.take(tag, value))?;
        let missing = Malformed("a past source without its number");
        let turn = found.turn.ok_or(missing)?;
        Ok(found.with_source(source, turn))
    }

    /// As readers see one of its sources.
    pub(crate) fn shown(&self) -> LinkGeneration {
        LinkGeneration {
            generation: self.turn.generation,
            source_volume: self.source.0,
            source_bucket: self.source.1,
            read_only: self.read_only,
            prefix: self.prefix.clone(),
            expires: self.expires,
            bind: self.bind,
            at: self.turn.at,
            by: self.turn.by,
        }
    }
}

fn encode_consent(consent: &Consent) -> Vec<u8> {
    let mut out = Vec::with_capacity(48);
    out.put_u64(consent.bucket.0);
    out.put_u64(consent.at.0);
    out.put_u8(u8::from(consent.admin));
    out.put_str(&consent.grantor);
    out
}

fn decode_consent(bytes: &[u8]) -> Result<Consent, Malformed> {
    let mut reader = Reader::new(bytes);
    let consent = Consent {
        bucket: BucketId(reader.u64()?),
        at: Timestamp(reader.u64()?),
        admin: match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed("grantor of a link")),
        },
        grantor: name(&mut reader)?,
    };
    reader.finish()?;
    Ok(consent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_past_source_comes_back_without_consent() {
        let name = |n: &str| Name::new(n).unwrap();
        let link = LinkRecord {
            source: (name("vol"), name("src")),
            read_only: true,
            prefix: Some("p/ä".into()),
            expires: Some(Timestamp(5)),
            bind: Some(BucketId(6)),
            delegate: Some(Consent {
                grantor: name("bob"),
                admin: true,
                bucket: BucketId(6),
                at: Timestamp(4),
            }),
            turn: Turn {
                generation: 300,
                at: Timestamp(3),
                by: name("al"),
            },
        };
        let past = LinkRecord::decode_past(&link.encode_past()).unwrap();
        assert_eq!(past.shown(), link.shown());
        assert_eq!(past.delegate, None);
        assert_eq!(
            decode_consent(&encode_consent(&link.delegate.unwrap())),
            Ok(link.delegate.unwrap())
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = LinkRecord::decode_past(&bytes);
            let _ = decode_consent(&bytes);
            let _ = LinkFields::default().take(fields::LINK_TURN, &bytes);
        }
    }
}
