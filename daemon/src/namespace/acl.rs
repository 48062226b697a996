//! Access control lists: who has which rights. Nothing here reads or writes anything.
//!
//! The text form of a rule is Apache Ozone's, `type:name:rights[SCOPE]`. A list that this version
//! cannot read denies everything to everybody; only administrators, who are not asked for rules,
//! pass.

use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::name::{NAME_BYTES_MAX, Name};
use crate::namespace::tenant::TENANT_SEPARATOR;
use crate::namespace::types::UserId;
use sha2::{Digest, Sha256};
use std::fmt;

pub use crate::namespace::right::{Right, Rights};
pub use crate::namespace::rule::{AclError, Rule, Scope, Subject};

/// Most rules of a list.
pub const ACL_RULES_MAX: usize = 128;

/// [`TENANT_SEPARATOR`] as a byte.
const SEPARATOR: u8 = b'$';

/// Who asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Who<'a> {
    /// The user; nobody in particular when missing.
    pub name: Option<&'a Name>,
    /// The groups the user is in.
    pub groups: &'a [Name],
    /// May do everything.
    pub admin: bool,
    /// The tenant of the access id it asks with.
    pub tenant: Option<&'a Name>,
    /// May do everything in the volume of that tenant.
    pub tenant_admin: bool,
    /// Whether what is asked about lies in the volume of that tenant; [`Who::at`] says so.
    pub at_home: bool,
}

impl Who<'_> {
    /// Somebody who has not signed in.
    pub const ANONYMOUS: Self = Self {
        name: None,
        groups: &[],
        admin: false,
        tenant: None,
        tenant_admin: false,
        at_home: false,
    };

    /// The same caller, asking about something in this volume. Everything with an owner or a list
    /// is judged so. An access id of a tenant is its user in the tenant's volume only: whoever
    /// administers the tenant can make such an access id for any user and knows its secret, so
    /// elsewhere it is nobody but itself, `tenant$user`, and in no group.
    #[must_use]
    pub fn at(&self, volume: &[u8]) -> Self {
        Self {
            at_home: self
                .tenant
                .is_some_and(|tenant| tenant.as_bytes() == volume),
            ..*self
        }
    }

    /// Whether the caller is its user: with an access id of a tenant, only in the tenant's volume.
    const fn is_itself(&self) -> bool {
        self.tenant.is_none() || self.at_home
    }

    /// Whether this is the user.
    #[must_use]
    pub fn is(&self, user: &Name) -> bool {
        self.is_named(user.as_bytes())
    }

    /// As [`Who::is`].
    pub(crate) fn is_named(&self, user: &[u8]) -> bool {
        match (self.name, self.tenant) {
            (Some(name), Some(tenant)) if !self.is_itself() => {
                let rest = user.strip_prefix(tenant.as_bytes());
                let rest = rest.and_then(|rest| rest.split_first());
                rest == Some((&SEPARATOR, name.as_bytes()))
            }
            (name, _) => name.is_some_and(|name| name.as_bytes() == user),
        }
    }

    /// Whether the caller is in the group.
    fn is_in(&self, group: &[u8]) -> bool {
        self.name.is_some()
            && self.is_itself()
            && self.groups.iter().any(|own| own.as_bytes() == group)
    }

    /// The name that is kept of the caller where something of this volume is its own. `None` when
    /// there is no such name: an access id that is too long for one.
    #[must_use]
    pub fn owner_in(&self, volume: &[u8]) -> Option<Name> {
        let name = *self.name?;
        match self.tenant {
            Some(tenant) if !self.at(volume).is_itself() => {
                Name::new(&format!("{tenant}{TENANT_SEPARATOR}{name}"))
            }
            _ => Some(name),
        }
    }

    /// The canonical id that is kept of the caller with an object of this volume, `id` being that of
    /// its user.
    #[must_use]
    pub fn author_in(&self, volume: &[u8], id: &str) -> String {
        match self.tenant {
            Some(tenant) if !self.at(volume).is_itself() => {
                let text = format!("{id}{TENANT_SEPARATOR}{tenant}");
                UserId(Sha256::digest(text).into()).to_string()
            }
            _ => id.to_owned(),
        }
    }

    /// Whether everything in this volume is the caller's to decide.
    pub(crate) fn rules(&self, volume: &Name) -> bool {
        self.admin || (self.tenant_admin && self.tenant == Some(volume))
    }
}

/// A list of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    rules: Vec<Rule>,
    /// The bytes of a list that cannot be read, kept as they are.
    unreadable: Option<Box<[u8]>>,
}

impl Acl {
    /// A list without rules.
    pub const EMPTY: Self = Self {
        rules: Vec::new(),
        unreadable: None,
    };

    /// Bytes of memory it takes beside its own, about.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of_val(self.rules.as_slice()) + self.unreadable.as_ref().map_or(0, |bytes| bytes.len())
    }

    /// A list of these rules; those about the same subject and scope become one.
    pub fn new(rules: &[Rule]) -> Result<Self, AclError> {
        let mut list = Self::EMPTY;
        list.add(rules)?;
        Ok(list)
    }

    /// The rules of a text like `user:bob:rl,world::r`; none for an empty one.
    pub fn parse(text: &str) -> Result<Self, AclError> {
        let rules = text.split(',').filter(|rule| !rule.trim().is_empty());
        let rules: Vec<Rule> = rules.map(str::parse).collect::<Result<_, _>>()?;
        Self::new(&rules)
    }

    /// The rules, in the order in which they were added. None of a list that cannot be read.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether there is no rule.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.unreadable.is_none()
    }

    /// Whether this version can read the list.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        self.unreadable.is_none()
    }

    /// What the ACCESS rules give somebody, together.
    #[must_use]
    pub fn rights_of(&self, who: &Who<'_>) -> Rights {
        let matching = |rule: &&Rule| match &rule.subject {
            _ if rule.scope != Scope::Access => false,
            Subject::User(name) => who.is(name),
            Subject::Group(name) => who.is_in(name.as_bytes()),
            Subject::World => who.name.is_some(),
            Subject::Anonymous => who.name.is_none(),
        };
        let rules = self.rules.iter().filter(matching);
        rules.fold(Rights::NONE, |rights, rule| rights | rule.rights)
    }

    /// As [`Acl::rights_of`], `None` when the list cannot be read.
    pub(crate) fn checked(&self, who: &Who<'_>) -> Option<Rights> {
        self.is_readable().then(|| self.rights_of(who))
    }

    /// Gives more rights.
    pub fn add(&mut self, rules: &[Rule]) -> Result<(), AclError> {
        self.expect_readable()?;
        for rule in rules {
            match self.same(rule) {
                Some(mine) => mine.rights = mine.rights | rule.rights,
                None => self.rules.push(*rule),
            }
        }
        if self.rules.len() > ACL_RULES_MAX {
            return Err(AclError::TooManyRules);
        }
        Ok(())
    }

    /// Adds the rules of another list, however many there are then.
    pub(crate) fn join(&mut self, other: &Self) {
        for rule in &other.rules {
            match self.same(rule) {
                Some(mine) => mine.rights = mine.rights | rule.rights,
                None => self.rules.push(*rule),
            }
        }
    }

    /// Takes rights away. A rule that has none left is gone.
    pub fn remove(&mut self, rules: &[Rule]) -> Result<(), AclError> {
        self.expect_readable()?;
        for rule in rules {
            if let Some(mine) = self.same(rule) {
                mine.rights = mine.rights.without(rule.rights);
                let gone = mine.rights.is_none();
                self.rules
                    .retain(|r| !(gone && r.subject == rule.subject && r.scope == rule.scope));
            }
        }
        Ok(())
    }

    /// What something created in a volume with this list begins with: its DEFAULT rules, for access
    /// and as DEFAULT rules again.
    #[must_use]
    pub fn inherited(&self) -> Self {
        let mut rules = Vec::new();
        for scope in [Scope::Access, Scope::Default] {
            let defaults = self.rules.iter().filter(|r| r.scope == Scope::Default);
            rules.extend(defaults.map(|rule| Rule { scope, ..*rule }));
        }
        Self {
            rules,
            unreadable: None,
        }
    }

    fn expect_readable(&self) -> Result<(), AclError> {
        if self.is_readable() {
            Ok(())
        } else {
            Err(AclError::Unreadable)
        }
    }

    fn same(&mut self, rule: &Rule) -> Option<&mut Rule> {
        let mut rules = self.rules.iter_mut();
        rules.find(|mine| mine.subject == rule.subject && mine.scope == rule.scope)
    }

    /// The list as bytes: of each rule subject, scope, rights and the name if there is one.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        if let Some(bytes) = &self.unreadable {
            return bytes.to_vec();
        }
        let mut out = Vec::with_capacity(16 * self.rules.len());
        for rule in &self.rules {
            out.put_u8(match rule.subject {
                Subject::User(_) => USER,
                Subject::Group(_) => GROUP,
                Subject::World => WORLD,
                Subject::Anonymous => ANONYMOUS,
            });
            out.put_u8(match rule.scope {
                Scope::Access => ACCESS,
                Scope::Default => DEFAULT,
            });
            out.put_varint(u64::from(rule.rights.0));
            if let Some(name) = rule.subject.name() {
                out.put_str(name);
            }
        }
        out
    }

    /// Inverse of [`Acl::encode`]. Bytes that are no list of this version become one that denies
    /// everything and keeps them.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let mut rules = Vec::new();
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            match RawRule::decode(&mut reader).and_then(RawRule::rule) {
                Ok(rule) => rules.push(rule),
                Err(_) => {
                    return Self {
                        rules: Vec::new(),
                        unreadable: Some(bytes.into()),
                    };
                }
            }
        }
        Self {
            rules,
            unreadable: None,
        }
    }
}

impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, rule) in self.rules.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{rule}")?;
        }
        Ok(())
    }
}

const USER: u8 = 1;
const GROUP: u8 = 2;
const WORLD: u8 = 3;
const ANONYMOUS: u8 = 4;
const ACCESS: u8 = 0;
const DEFAULT: u8 = 1;

/// A rule as it stands in the bytes.
struct RawRule<'a> {
    subject: u8,
    scope: u8,
    rights: Rights,
    name: &'a [u8],
}

impl<'a> RawRule<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (subject, scope) = (reader.u8()?, reader.u8()?);
        let rights = Rights::from_bits(reader.varint()?).ok_or(Malformed("rights of a rule"))?;
        let name = match subject {
            USER | GROUP => plain(reader.bytes()?)?,
            WORLD | ANONYMOUS => &[],
            _ => return Err(Malformed("subject of a rule")),
        };
        if scope > DEFAULT {
            return Err(Malformed("scope of a rule"));
        }
        Ok(Self {
            subject,
            scope,
            rights,
            name,
        })
    }

    fn rule(self) -> Result<Rule, Malformed> {
        let name = Name::from_bytes(self.name).ok_or(Malformed("name in a rule"))?;
        Ok(Rule {
            subject: match self.subject {
                USER => Subject::User(name),
                GROUP => Subject::Group(name),
                WORLD => Subject::World,
                _ => Subject::Anonymous,
            },
            rights: self.rights,
            scope: if self.scope == ACCESS {
                Scope::Access
            } else {
                Scope::Default
            },
        })
    }

    fn is_for(&self, who: &Who<'_>) -> bool {
        self.scope == ACCESS
            && match self.subject {
                USER => who.is_named(self.name),
                GROUP => who.is_in(self.name),
                WORLD => who.name.is_some(),
                _ => who.name.is_none(),
            }
    }
}

/// The bytes, if they may be a name.
fn plain(name: &[u8]) -> Result<&[u8], Malformed> {
    let graphic = name.iter().fold(true, |all, b| all & b.is_ascii_graphic());
    if graphic && name.len() <= NAME_BYTES_MAX {
        Ok(name)
    } else {
        Err(Malformed("name in a rule"))
    }
}

/// [`Acl::rights_of`] of the list that these bytes are, without decoding it: what requests use.
/// `None` when it cannot be read.
pub(crate) fn rights_in(bytes: &[u8], who: &Who<'_>) -> Option<Rights> {
    let mut reader = Reader::new(bytes);
    let mut rights = Rights::NONE;
    while !reader.is_empty() {
        let rule = RawRule::decode(&mut reader).ok()?;
        if rule.is_for(who) {
            rights = rights | rule.rights;
        }
    }
    Some(rights)
}

#[cfg(test)]
#[path = "acl_tests.rs"]
mod tests;
