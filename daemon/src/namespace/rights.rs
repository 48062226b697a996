//! Who may do what: the only place that decides it. Pure; [`Resolved`] carries what has to be asked.

use crate::base::limits::KEY_BYTES_MAX;
use crate::namespace::acl::{Acl, Right, Rights, Rule, Scope, Subject, Who};
use crate::namespace::name::{Name, S3_VOLUME};
use crate::namespace::types::{CannedAcl, Entry, EntryKind, Resolved, Volume};
use std::borrow::Cow;

/// A key is longer than any in a bucket can be, once the prefix of the link is before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is longer than {KEY_BYTES_MAX} bytes, prefixes of links included")]
pub struct KeyTooLong;

impl Resolved {
    /// Whether the caller has a right on the bucket, through the name it was resolved from. The
    /// right to create is also had by whoever may write.
    #[must_use]
    pub fn allows(&self, who: &Who<'_>, right: Right) -> bool {
        self.allows_adding(who, right, Rights::NONE)
    }

    /// As [`Resolved::allows`], with the rights that the lists of the key and of its prefixes give
    /// the caller. They count for those only whom the links and the volume let through to the
    /// bucket; behind a delegated link nothing is asked, so nothing is added.
    #[must_use]
    pub fn allows_adding(&self, who: &Who<'_>, right: Right, more: Rights) -> bool {
        if self.read_only && changes(right) {
            return false;
        }
        match self.reach(who) {
            Reached::Stopped => false,
            Reached::Delegated(rights) => includes(rights, right),
            Reached::Bucket(rights) => includes(rights | more, right),
        }
    }

    /// Whether the links and the volume let the caller through to the bucket's own rules and to
    /// those of its keys.
    #[must_use]
    pub fn reaches(&self, who: &Who<'_>) -> bool {
        matches!(self.reach(who), Reached::Bucket(_))
    }

    /// The key in the bucket of a key that was asked for.
    pub fn key<'k>(&self, asked: &'k str) -> Result<Cow<'k, str>, KeyTooLong> {
        let before = self.prefix.as_deref().unwrap_or("");
        if before.len() + asked.len() > KEY_BYTES_MAX {
            return Err(KeyTooLong);
        }
        Ok(match before {
            "" => Cow::Borrowed(asked),
            _ => Cow::Owned([before, asked].concat()),
        })
    }

    /// How a key of the bucket is shown; `None` when this name does not show it.
    #[must_use]
    pub fn shown<'k>(&self, stored: &'k str) -> Option<&'k str> {
        stored.strip_prefix(self.prefix.as_deref().unwrap_or(""))
    }
}

/// Whether the caller has a right on the volume itself: to read what is in it, to list it, to create
/// in it, to see or change its list.
#[must_use]
pub fn volume_allows(volume: &Volume, who: &Who<'_>, right: Right) -> bool {
    let who = &who.at(volume.name.as_bytes());
    let (owns, list) = (who.is(&volume.owner), volume.acl.checked(who));
    of_volume(&volume.name, owns, list, who).has(right)
}

/// Whether the caller has a right on a bucket or a link itself, never on a link's source: to delete
/// it, to see or change its list. `volume` is the one it is in, whose owner may delete it, too.
#[must_use]
pub fn entry_allows(entry: &Entry, volume: &Volume, who: &Who<'_>, right: Right) -> bool {
    let who = &who.at(entry.volume.as_bytes());
    let owns_volume = who.is(&volume.owner);
    if right == Right::Delete && owns_volume && volume.acl.is_readable() {
        return true;
    }
    let (owns, list) = (who.is(&entry.owner), entry.acl.checked(who));
    let reached = match &entry.kind {
        EntryKind::Link(_) => Reached::Bucket(of_owned(who.rules(&entry.volume), owns, list)),
        EntryKind::Bucket(bucket) => OfBucket {
            volume: &entry.volume,
            owns_volume,
            volume_list: volume.acl.checked(who),
            owns,
            list,
            canned: bucket.acl,
        }
        .reach(who),
    };
    matches!(reached, Reached::Bucket(rights) if includes(rights, right))
}

impl CannedAcl {
    /// What it gives somebody who does not own the bucket.
    #[must_use]
    pub const fn rights_of(self, who: &Who<'_>) -> Rights {
        let change = Rights::WRITE.with(Rights::CREATE).with(Rights::DELETE);
        match self {
            Self::PublicRead => Rights::LIST,
            Self::PublicReadWrite => Rights::LIST.with(change),
            Self::AuthenticatedRead if who.name.is_some() => Rights::LIST,
            Self::AuthenticatedRead | Self::Private => Rights::NONE,
        }
    }
}

/// Rights on something with an owner and a list: `rules` for whoever everything in its volume obeys,
/// no `list` for one that cannot be read.
pub(crate) fn of_owned(rules: bool, owns: bool, list: Option<Rights>) -> Rights {
    match list {
        _ if rules => Rights::ALL,
        None => Rights::NONE,
        Some(_) if owns => Rights::ALL,
        Some(rights) => rights,
    }
}

/// Rights on a volume. Members of a tenant may reach, list and create in its volume.
pub(crate) fn of_volume(volume: &Name, owns: bool, list: Option<Rights>, who: &Who<'_>) -> Rights {
    let member = Rights::READ.with(Rights::LIST).with(Rights::CREATE);
    let list = match who.tenant == Some(volume) {
        true => list.map(|rights| rights | member),
        false => list,
    };
    of_owned(who.rules(volume), owns, list)
}

/// Rights on a bucket that somebody asks for directly, or has come to over links.
pub(crate) struct OfBucket<'a> {
    pub(crate) volume: &'a Name,
    pub(crate) owns_volume: bool,
    /// What the volume's list gives; nothing when it cannot be read.
    pub(crate) volume_list: Option<Rights>,
    pub(crate) owns: bool,
    /// What the bucket's list gives; nothing when it cannot be read.
    pub(crate) list: Option<Rights>,
    pub(crate) canned: CannedAcl,
}

/// How far somebody gets on the way to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// A link, or the bucket's volume, does not let through.
    Stopped,
    /// A delegated link, which gives these rights and asks nobody behind it.
    Delegated(Rights),
    /// The bucket itself, which gives these rights.
    Bucket(Rights),
}

impl OfBucket<'_> {
    pub(crate) fn reach(&self, who: &Who<'_>) -> Reached {
        let open = self.owns
            || of_volume(self.volume, self.owns_volume, self.volume_list, who).has(Right::Read);
        if !open {
            return Reached::Stopped;
        }
        let list = self.list.map(|rights| rights | self.canned.rights_of(who));
        Reached::Bucket(of_owned(who.rules(self.volume), self.owns, list))
    }
}

/// The list of a volume that has been given this one, or none. Everybody may look into `s3v`, and
/// who has signed in may create there.
pub(crate) fn acl_of_volume(volume: &Name, given: Option<Acl>) -> Acl {
    given.unwrap_or_else(|| match volume == S3_VOLUME {
        true => open_volume(),
        false => Acl::EMPTY,
    })
}

/// `world::rcl,anonymous::r`
pub(crate) fn open_volume() -> Acl {
    let rule = |subject, rights| Rule {
        subject,
        rights,
        scope: Scope::Access,
    };
    let world = Rights::READ | Rights::CREATE | Rights::LIST;
    let rules = [
        rule(Subject::World, world),
        rule(Subject::Anonymous, Rights::READ),
    ];
    Acl::new(&rules).unwrap_or_default()
}

/// Whether a right changes what is in a bucket.
const fn changes(right: Right) -> bool {
    match right {
        Right::Write | Right::Create | Right::Delete | Right::WriteAcl => true,
        Right::Read | Right::List | Right::ReadAcl => false,
    }
}

/// Whoever may overwrite objects may create them.
const fn includes(rights: Rights, right: Right) -> bool {
    rights.has(right) || matches!(right, Right::Create) && rights.has(Right::Write)
}
