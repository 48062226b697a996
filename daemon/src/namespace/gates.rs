//! What a request must pass between the name it asks for and the bucket: the access control lists on
//! the way, gathered when something is written and kept in the form in which they are asked.
//!
//! ```text
//! gate     volume counted, owner counted, list counted            (a link that asks for READ)
//! way      number of gates LEB128, gates,
//!          0, the bucket's list counted, owner of its volume counted, list of its volume counted
//!       or 1, gate                                               (a delegated link: decides alone)
//! ```

use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::acl::{Acl, Right, Rights, Who, rights_in};
use crate::namespace::name::Name;
use crate::namespace::rights;
use crate::namespace::types::Resolved;

/// A way as bytes; short ones without an allocation.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Gates {
    len: usize,
    short: [u8; Gates::SHORT],
    long: Option<Box<[u8]>>,
}

impl std::fmt::Debug for Gates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gates({} bytes)", self.bytes().len())
    }
}

impl Gates {
    /// Bytes kept in place.
    const SHORT: usize = 96;

    /// Takes a way over.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut short = [0; Self::SHORT];
        let long = match short.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                None
            }
            None => Some(bytes.into()),
        };
        Self {
            len: bytes.len(),
            short,
            long,
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.long {
            Some(bytes) => bytes,
            None => self.short.get(..self.len).unwrap_or(&[]),
        }
    }
}

/// A link that must be passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    pub(crate) volume: Name,
    pub(crate) owner: Name,
    pub(crate) acl: Acl,
}

impl Gate {
    fn put(&self, out: &mut Vec<u8>) {
        out.put_str(&self.volume);
        out.put_str(&self.owner);
        out.put_bytes(&self.acl.encode());
    }
}

/// What stands at the end of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The bucket's own list and its volume's owner and list.
    Bucket {
        acl: Acl,
        volume_owner: Name,
        volume_acl: Acl,
    },
    /// A delegated link.
    #[allow(dead_code)]
    Delegated(Gate),
}

/// Inverse of reading: the bytes of a way.
pub(crate) fn encode(gates: &[Gate], end: &End) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.put_varint(gates.len() as u64);
    gates.iter().for_each(|gate| gate.put(&mut out));
    match end {
        End::Bucket {
            acl,
            volume_owner,
            volume_acl,
        } => {
            out.put_u8(0);
            out.put_bytes(&acl.encode());
            out.put_str(volume_owner);
            out.put_bytes(&volume_acl.encode());
        }
        End::Delegated(gate) => {
            out.put_u8(1);
            gate.put(&mut out);
        }
    }
    out
}

/// A gate as it stands in the bytes.
struct RawGate<'a> {
    volume: &'a [u8],
    owner: &'a [u8],
    acl: &'a [u8],
}

impl<'a> RawGate<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            volume: reader.bytes()?,
            owner: reader.bytes()?,
            acl: reader.bytes()?,
        })
    }

    fn rights_of(&self, who: &Who<'_>) -> Rights {
        let tenant = who.tenant_admin && is(who.tenant, self.volume);
        let list = rights_in(self.acl, who);
        rights::of_owned(who.admin || tenant, is(who.name, self.owner), list)
    }
}

fn is(name: Option<&Name>, bytes: &[u8]) -> bool {
    name.is_some_and(|name| name.as_bytes() == bytes)
}

/// How far somebody gets on a way.
pub(crate) enum Reached {
    /// A link, or the bucket's volume, does not let through.
    Stopped,
    /// A delegated link, which gives these rights and asks nobody behind it.
    Delegated(Rights),
    /// The bucket itself, which gives these rights.
    Bucket(Rights),
}

impl Resolved {
    /// How far the caller gets. What cannot be read stops everybody but administrators.
    pub(crate) fn reach(&self, who: &Who<'_>) -> Reached {
        if who.admin {
            return if self.delegated {
                Reached::Delegated(Rights::ALL)
            } else {
                Reached::Bucket(Rights::ALL)
            };
        }
        self.walk(who).unwrap_or(Reached::Stopped)
    }

    fn walk(&self, who: &Who<'_>) -> Result<Reached, Malformed> {
        let mut reader = Reader::new(self.gates.bytes());
        for _ in 0..reader.varint()? {
            let gate = RawGate::decode(&mut reader)?;
            if !gate.rights_of(who).has(Right::Read) {
                return Ok(Reached::Stopped);
            }
        }
        match reader.u8()? {
            0 => {}
            1 => {
                let gate = RawGate::decode(&mut reader)?;
                return Ok(Reached::Delegated(gate.rights_of(who)));
            }
            _ => return Err(Malformed("end of a way")),
        }
        let (list, volume_owner, volume_list) = (reader.bytes()?, reader.bytes()?, reader.bytes()?);
        let owns = who.is(&self.source_owner);
        let rules = who.rules(&self.source_volume);
        let open = owns || {
            let owns_volume = is(who.name, volume_owner);
            let list = rights_in(volume_list, who);
            rights::of_volume(&self.source_volume, owns_volume, list, who).has(Right::Read)
        };
        if !open {
            return Ok(Reached::Stopped);
        }
        let list = rights_in(list, who).map(|rights| rights | self.acl.rights_of(who));
        Ok(Reached::Bucket(rights::of_owned(rules, owns, list)))
    }
}

/// Until ways are kept: the owner of a link passes, and every volume is open.
pub(crate) fn not_yet(volume: &Name, owner: &Name, link: bool) -> Gates {
    let gate = Gate {
        volume: *volume,
        owner: *owner,
        acl: Acl::EMPTY,
    };
    let end = End::Bucket {
        acl: Acl::EMPTY,
        volume_owner: Name::EMPTY,
        volume_acl: Acl::parse("world::r,anonymous::r").unwrap_or_default(),
    };
    Gates::new(&encode(
        if link {
            std::slice::from_ref(&gate)
        } else {
            &[]
        },
        &end,
    ))
}
