//! What a request must pass between the name it asks for and the bucket: the access control lists on
//! the way, gathered when something is written, kept beside the entry, and asked in that form.
//!
//! ```text
//! list     0, rules counted; or 1, name counted: too long to be copied, it stands with its owner
//! gate     volume counted, owner counted, list                   (a link that asks for READ)
//! way      number of gates LEB128, gates,
//!          0, the bucket's list, owner of its volume counted, list of its volume
//!       or 1, gate                                              (a delegated link: decides alone)
//! ```

use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::acl::{Acl, Right, Rights, Who, rights_in};
use crate::namespace::name::Name;
use crate::namespace::record;
use crate::namespace::rights::{self, Reached};
use crate::namespace::tables::{Read, Tables};
use crate::namespace::types::Resolved;

/// Longest list that is copied to what leads over it.
const COPIED_MAX: usize = 256;
const COPIED: u8 = 0;
const ELSEWHERE: u8 = 1;
const BUCKET: u8 = 0;
const DELEGATED: u8 = 1;

/// What the name asked for is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// The bucket: its list is at the end of the way.
    Bucket,
    /// A link that asks for READ.
    Link,
    /// A link that decides alone.
    Delegated,
}

/// The lists between a name and its bucket, as bytes; few of them without an allocation.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Gates {
    own: Own,
    /// Bytes of the list of the link asked for; the way follows.
    list_len: usize,
    len: usize,
    short: [u8; Gates::SHORT],
    long: Option<Box<[u8]>>,
}

impl std::fmt::Debug for Gates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gates({:?}, {} bytes)", self.own, self.len)
    }
}

impl Gates {
    /// Bytes kept in place.
    const SHORT: usize = 96;

    /// A link's own list and the way behind it.
    pub(crate) fn new(own: Own, list: &[u8], way: &[u8]) -> Self {
        let len = list.len() + way.len();
        let mut short = [0; Self::SHORT];
        let long = match short
            .get_mut(..len)
            .and_then(|s| s.split_at_mut_checked(list.len()))
        {
            Some((first, second)) => {
                first.copy_from_slice(list);
                second.copy_from_slice(way);
                None
            }
            None => Some([list, way].concat().into_boxed_slice()),
        };
        Self {
            own,
            list_len: list.len(),
            len,
            short,
            long,
        }
    }

    /// The link's own list, and the way.
    fn parts(&self) -> Option<(&[u8], &[u8])> {
        let bytes = match &self.long {
            Some(bytes) => bytes,
            None => self.short.get(..self.len)?,
        };
        bytes.split_at_checked(self.list_len)
    }
}

/// A link that must be passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    pub(crate) place: (Name, Name),
    pub(crate) owner: Name,
    pub(crate) acl: Acl,
}

/// What stands at the end of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The bucket's own list, and owner and list of its volume.
    Bucket {
        acl: Acl,
        volume_owner: Name,
        volume_acl: Acl,
    },
    /// A delegated link.
    Delegated(Gate),
}

/// A way as bytes, under construction.
pub(crate) struct Way {
    pub(crate) bytes: Vec<u8>,
    /// Whether a list stands elsewhere.
    pub(crate) elsewhere: bool,
}

impl Way {
    /// The way over `gates` (each is asked once) to `end` of the bucket at `place`.
    pub(crate) fn new(gates: &[Gate], end: &End, place: (Name, Name)) -> Self {
        let mut way = Self {
            bytes: Vec::with_capacity(64),
            elsewhere: false,
        };
        let mut different: Vec<&Gate> = Vec::new();
        for gate in gates {
            let same =
                |g: &&Gate| (g.place.0, g.owner, &g.acl) == (gate.place.0, gate.owner, &gate.acl);
            if !different.iter().any(same) {
                different.push(gate);
            }
        }
        way.bytes.put_varint(different.len() as u64);
        different.iter().for_each(|gate| way.gate(gate));
        match end {
            End::Bucket {
                acl,
                volume_owner,
                volume_acl,
            } => {
                way.bytes.put_u8(BUCKET);
                way.list(acl, &place.1);
                way.bytes.put_str(volume_owner);
                way.list(volume_acl, &place.0);
            }
            End::Delegated(gate) => {
                way.bytes.put_u8(DELEGATED);
                way.gate(gate);
            }
        }
        way
    }

    fn gate(&mut self, gate: &Gate) {
        self.bytes.put_str(&gate.place.0);
        self.bytes.put_str(&gate.owner);
        self.list(&gate.acl, &gate.place.1);
    }

    fn list(&mut self, acl: &Acl, name: &Name) {
        let rules = acl.encode();
        if rules.len() <= COPIED_MAX {
            self.bytes.put_u8(COPIED);
            self.bytes.put_bytes(&rules);
        } else {
            self.elsewhere = true;
            self.bytes.put_u8(ELSEWHERE);
            self.bytes.put_str(name);
        }
    }
}

/// A list as it stands in the bytes.
enum RawList<'a> {
    Copied(&'a [u8]),
    Elsewhere(Name),
}

impl<'a> RawList<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        match reader.u8()? {
            COPIED => Ok(Self::Copied(reader.bytes()?)),
            ELSEWHERE => Ok(Self::Elsewhere(record::name(reader)?)),
            _ => Err(Malformed("a list on a way")),
        }
    }

    /// The rules. A way that is asked was completed before.
    fn rules(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Copied(rules) => Ok(rules),
            Self::Elsewhere(_) => Err(Malformed("a way that was not completed")),
        }
    }
}

/// Fetches the lists that stand elsewhere. `place` is the bucket's.
pub(crate) fn complete(tables: &impl Tables, bytes: &[u8], place: (Name, Name)) -> Read<Vec<u8>> {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::with_capacity(2 * bytes.len());
    let gates = reader.varint()?;
    out.put_varint(gates);
    for _ in 0..gates {
        complete_gate(tables, &mut reader, &mut out)?;
    }
    let end = reader.u8()?;
    out.put_u8(end);
    match end {
        BUCKET => {
            complete_list(
                tables,
                RawList::decode(&mut reader)?,
                Some(place.0),
                &mut out,
            )?;
            out.put_bytes(reader.bytes()?);
            complete_list(tables, RawList::decode(&mut reader)?, None, &mut out)?;
        }
        DELEGATED => complete_gate(tables, &mut reader, &mut out)?,
        _ => return Err(Malformed("end of a way").into()),
    }
    reader.finish()?;
    Ok(out)
}

fn complete_gate(tables: &impl Tables, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Read<()> {
    let volume = record::name(reader)?;
    out.put_str(&volume);
    out.put_bytes(reader.bytes()?);
    complete_list(tables, RawList::decode(reader)?, Some(volume), out)
}

/// The list of a bucket or link in a volume, or of a volume.
fn complete_list(
    tables: &impl Tables,
    list: RawList<'_>,
    volume: Option<Name>,
    out: &mut Vec<u8>,
) -> Read<()> {
    let missing = Malformed("a list that stands elsewhere");
    out.put_u8(COPIED);
    match (list, volume) {
        (RawList::Copied(rules), _) => out.put_bytes(rules),
        (RawList::Elsewhere(name), Some(volume)) => {
            let entry = tables.entry_record(&volume, &name)?.ok_or(missing)?;
            out.put_bytes(&entry.acl.encode());
        }
        (RawList::Elsewhere(name), None) => {
            let volume = tables.volume_record(&name)?.ok_or(missing)?;
            out.put_bytes(&rights::acl_of_volume(&name, volume.acl).encode());
        }
    }
    Ok(())
}

/// A gate as it stands in the bytes.
struct RawGate<'a> {
    volume: &'a [u8],
    owner: &'a [u8],
    rules: &'a [u8],
}

impl<'a> RawGate<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            volume: reader.bytes()?,
            owner: reader.bytes()?,
            rules: RawList::decode(reader)?.rules()?,
        })
    }

    fn rights_of(&self, who: &Who<'_>) -> Rights {
        let who = &who.at(self.volume);
        let rules = who.admin || (who.tenant_admin && who.at_home);
        rights::of_owned(rules, who.is_named(self.owner), rights_in(self.rules, who))
    }
}

impl Resolved {
    /// How far the caller gets. What cannot be read stops everybody but administrators.
    pub(crate) fn reach(&self, who: &Who<'_>) -> Reached {
        match who.admin {
            true if self.delegated => Reached::Delegated(Rights::ALL),
            true => Reached::Bucket(Rights::ALL),
            false => self.walk(who).unwrap_or(Reached::Stopped),
        }
    }

    fn walk(&self, who: &Who<'_>) -> Result<Reached, Malformed> {
        let (list, way) = self.gates.parts().ok_or(Malformed("way"))?;
        let own = RawGate {
            volume: self.entry_volume.as_bytes(),
            owner: self.entry_owner.as_bytes(),
            rules: list,
        };
        match self.gates.own {
            Own::Bucket => {}
            Own::Delegated => return Ok(Reached::Delegated(own.rights_of(who))),
            Own::Link if own.rights_of(who).has(Right::Read) => {}
            Own::Link => return Ok(Reached::Stopped),
        }
        let mut reader = Reader::new(way);
        for _ in 0..reader.varint()? {
            let gate = RawGate::decode(&mut reader)?;
            if !gate.rights_of(who).has(Right::Read) {
                return Ok(Reached::Stopped);
            }
        }
        match reader.u8()? {
            BUCKET => self.at_bucket(who, &mut reader),
            DELEGATED => Ok(Reached::Delegated(
                RawGate::decode(&mut reader)?.rights_of(who),
            )),
            _ => Err(Malformed("end of a way")),
        }
    }

    fn at_bucket(&self, who: &Who<'_>, reader: &mut Reader<'_>) -> Result<Reached, Malformed> {
        let who = &who.at(self.source_volume.as_bytes());
        let rules = RawList::decode(reader)?.rules()?;
        let owns_volume = who.is_named(reader.bytes()?);
        let volume_rules = RawList::decode(reader)?.rules()?;
        let rights = rights::OfBucket {
            volume: &self.source_volume,
            owns_volume,
            volume_list: rights_in(volume_rules, who),
            owns: who.is(&self.source_owner),
            list: rights_in(rules, who),
            canned: self.acl,
        };
        Ok(rights.reach(who))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespace::record::{EntryRecord, VolumeRecord};
    use crate::namespace::record_user::UserRecord;
    use proptest::prelude::*;

    struct Nothing;

    impl Tables for Nothing {
        fn entry_record(&self, _: &Name, _: &Name) -> Read<Option<EntryRecord>> {
            Ok(None)
        }
        fn volume_record(&self, _: &Name) -> Read<Option<VolumeRecord>> {
            Ok(None)
        }
        fn user_record(&self, _: &Name) -> Read<Option<UserRecord>> {
            Ok(None)
        }
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn equal_gates_are_asked_once_and_long_lists_are_not_copied() {
        let gate = |link: &str, acl: &str| Gate {
            place: (name("vol"), name(link)),
            owner: name("bob"),
            acl: Acl::parse(acl).unwrap(),
        };
        let end = End::Bucket {
            acl: Acl::EMPTY,
            volume_owner: name("al"),
            volume_acl: Acl::EMPTY,
        };
        let place = (name("vol"), name("src"));
        let two = [gate("ln1", "world::r"), gate("ln2", "world::r")];
        let one = Way::new(&two[..1], &end, place);
        assert_eq!(Way::new(&two, &end, place).bytes, one.bytes);
        assert!(!one.elsewhere);
        assert_eq!(complete(&Nothing, &one.bytes, place).unwrap(), one.bytes);
        let long: Vec<String> = (0..64).map(|n| format!("user:{n:060}:r")).collect();
        let far = Way::new(&[gate("ln1", &long.join(","))], &end, place);
        assert!(far.elsewhere && far.bytes.len() < 64);
        assert!(complete(&Nothing, &far.bytes, place).is_err());
    }

    #[test]
    fn few_lists_stay_in_place_and_many_are_kept_whole() {
        for (list, way) in [(0, 0), (1, 95), (96, 0), (50, 47), (300, 10), (0, 97)] {
            let (list, way) = (vec![1; list], vec![2; way]);
            let gates = Gates::new(Own::Link, &list, &way);
            assert_eq!(gates.parts(), Some((&*list, &*way)));
            assert_eq!(gates.long.is_some(), list.len() + way.len() > Gates::SHORT);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let place = (name("vol"), name("src"));
            let _ = complete(&Nothing, &bytes, place);
        }
    }
}
