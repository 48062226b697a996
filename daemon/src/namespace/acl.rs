//! Access control lists: who has which rights. Nothing here reads or writes anything.
//!
//! The text form of a rule is Apache Ozone's, `type:name:rights[SCOPE]`. A list that this version
//! cannot read denies everything to everybody; only administrators, who are not asked for rules,
//! pass.

use crate::base::codec::{Malformed, Put, Reader};
use crate::namespace::name::{NAME_BYTES_MAX, Name};
use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

/// Most rules of a list.
pub const ACL_RULES_MAX: usize = 128;

/// What somebody may want to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Right {
    /// Read objects; follow a link; reach what is in a volume.
    Read = 1,
    /// Create and overwrite objects.
    Write = 2,
    /// Create objects, not overwrite them; create buckets and links in a volume.
    Create = 4,
    /// Delete objects; delete a bucket or link.
    Delete = 8,
    /// List.
    List = 16,
    /// Read the access control list.
    ReadAcl = 32,
    /// Change the access control list.
    WriteAcl = 64,
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(u16);

/// Each right with its letter, in the order in which they are written.
const LETTERS: [(char, Rights); 7] = [
    ('r', Rights::READ),
    ('w', Rights::WRITE),
    ('c', Rights::CREATE),
    ('d', Rights::DELETE),
    ('l', Rights::LIST),
    ('x', Rights::READ_ACL),
    ('y', Rights::WRITE_ACL),
];

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// See [`Right::Read`].
    pub const READ: Self = Self::of(Right::Read);
    /// See [`Right::Write`].
    pub const WRITE: Self = Self::of(Right::Write);
    /// See [`Right::Create`].
    pub const CREATE: Self = Self::of(Right::Create);
    /// See [`Right::Delete`].
    pub const DELETE: Self = Self::of(Right::Delete);
    /// See [`Right::List`].
    pub const LIST: Self = Self::of(Right::List);
    /// See [`Right::ReadAcl`].
    pub const READ_ACL: Self = Self::of(Right::ReadAcl);
    /// See [`Right::WriteAcl`].
    pub const WRITE_ACL: Self = Self::of(Right::WriteAcl);
    /// Every right. Has a bit of its own, so that it will include rights that come later.
    pub const ALL: Self = Self(128 | Self::EACH);

    /// Every single right there is.
    const EACH: u16 = 127;

    /// The set of one right.
    #[must_use]
    pub const fn of(right: Right) -> Self {
        Self(right as u16)
    }

    /// Whether the right is among them.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & right as u16 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Those of either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without the others. All without one are the other ones.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        let left = self.0 & !other.0;
        if left & Self::EACH == Self::EACH {
            Self(left)
        } else {
            Self(left & Self::EACH)
        }
    }

    const fn from_bits(bits: u64) -> Option<Self> {
        match bits {
            0..=127 => Some(Self(bits.to_le_bytes()[0] as u16)),
            255 => Some(Self::ALL),
            _ => None,
        }
    }
}

impl BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl From<Right> for Rights {
    fn from(right: Right) -> Self {
        Self::of(right)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("a");
        }
        if self.is_none() {
            return f.write_str("n");
        }
        LETTERS
            .iter()
            .filter(|(_, right)| self.0 & right.0 != 0)
            .try_for_each(|(letter, _)| write!(f, "{letter}"))
    }
}

impl FromStr for Rights {
    type Err = AclError;
    fn from_str(text: &str) -> Result<Self, AclError> {
        if text.is_empty() {
            return Err(AclError::NoRights);
        }
        text.chars().try_fold(Self::NONE, |rights, letter| {
            let one = match letter {
                'a' => Self::ALL,
                'n' => Self::NONE,
                _ => {
                    let found = LETTERS.iter().find(|(its, _)| *its == letter);
                    let unknown = || AclError::UnknownRight(letter, shorten(text));
                    found.ok_or_else(unknown)?.1
                }
            };
            Ok(rights | one)
        })
    }
}

/// Whom a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// This user.
    User(Name),
    /// Every user who is in this group.
    Group(Name),
    /// Everybody who has signed in.
    World,
    /// Whoever has not.
    Anonymous,
}

impl Subject {
    const fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
            Self::World => "world",
            Self::Anonymous => "anonymous",
        }
    }

    const fn name(&self) -> Option<&Name> {
        match self {
            Self::User(name) | Self::Group(name) => Some(name),
            Self::World | Self::Anonymous => None,
        }
    }
}

/// What a rule is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Access to what has the list.
    #[default]
    Access,
    /// What is created in it gets the rule, too.
    Default,
}

/// One line of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Whom it is about.
    pub subject: Subject,
    /// What it allows.
    pub rights: Rights,
    /// What it is for.
    pub scope: Scope,
}

/// What is wrong with the text of a rule, or with a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AclError {
    /// Not three parts.
    #[error("{0:?} is not a rule of the form type:name:rights[SCOPE]")]
    Form(String),
    /// Not one of the four types.
    #[error("unknown type {0:?} of a rule: user, group, world or anonymous")]
    UnknownType(String),
    /// A user or group without a name.
    #[error("a rule for a {0} needs a name: {0}:NAME:rights")]
    NameMissing(&'static str),
    /// Something else with one.
    #[error("a rule for {0} has no name: {0}::rights")]
    NameUnexpected(&'static str),
    /// Not a name of a user or a group.
    #[error("invalid name {1:?} of a {0}")]
    InvalidName(&'static str, String),
    /// Neither a letter nor `n`.
    #[error("a rule needs rights: letters of rwcdlxya, or n for none")]
    NoRights,
    /// Not one of the letters.
    #[error("unknown right {0:?} in {1:?}: letters of rwcdlxya, or n for none")]
    UnknownRight(char, String),
    /// Not one of the two scopes.
    #[error("unknown scope {0:?} of a rule: [ACCESS] or [DEFAULT]")]
    UnknownScope(String),
    /// The list would have more than [`ACL_RULES_MAX`] rules.
    #[error("an access control list has at most {ACL_RULES_MAX} rules")]
    TooManyRules,
    /// Rules can be added to and removed from a list that can be read only.
    #[error("the access control list cannot be read by this version; it can only be replaced")]
    Unreadable,
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.subject.name().map_or("", Name::as_str);
        let scope = match self.scope {
            Scope::Access => "ACCESS",
            Scope::Default => "DEFAULT",
        };
        write!(f, "{}:{name}:{}[{scope}]", self.subject.kind(), self.rights)
    }
}

impl FromStr for Rule {
    type Err = AclError;

    /// `type:name:rights` and maybe `[SCOPE]`. Types and scopes in any case.
    fn from_str(text: &str) -> Result<Self, AclError> {
        let form = || AclError::Form(shorten(text));
        let (kind, rest) = text.trim().split_once(':').ok_or_else(form)?;
        let (name, rest) = rest.split_once(':').ok_or_else(form)?;
        let (rights, scope) = match rest.split_once('[') {
            None => (rest, Scope::Access),
            Some((rights, scope)) => {
                let unknown = || AclError::UnknownScope(shorten(scope));
                let scope = scope.strip_suffix(']').ok_or_else(form)?;
                let scope = match scope.to_ascii_uppercase().as_str() {
                    "ACCESS" => Scope::Access,
                    "DEFAULT" => Scope::Default,
                    _ => return Err(unknown()),
                };
                (rights, scope)
            }
        };
        Ok(Self {
            subject: subject(kind, name)?,
            rights: rights.parse()?,
            scope,
        })
    }
}

fn subject(kind: &str, name: &str) -> Result<Subject, AclError> {
    let named = |kind: &'static str| {
        if name.is_empty() {
            return Err(AclError::NameMissing(kind));
        }
        Name::user(name).map_err(|_| AclError::InvalidName(kind, shorten(name)))
    };
    // Ozone prints the type once more in place of the name.
    let unnamed = |kind: &'static str, subject| {
        if name.is_empty() || name.eq_ignore_ascii_case(kind) {
            Ok(subject)
        } else {
            Err(AclError::NameUnexpected(kind))
        }
    };
    match kind.to_ascii_lowercase().as_str() {
        "user" => Ok(Subject::User(named("user")?)),
        "group" => Ok(Subject::Group(named("group")?)),
        "world" => unnamed("world", Subject::World),
        "anonymous" => unnamed("anonymous", Subject::Anonymous),
        _ => Err(AclError::UnknownType(shorten(kind))),
    }
}

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
}

impl Who<'_> {
    /// Somebody who has not signed in.
    pub const ANONYMOUS: Self = Self {
        name: None,
        groups: &[],
        admin: false,
        tenant: None,
        tenant_admin: false,
    };

    /// Whether this is the user.
    #[must_use]
    pub fn is(&self, user: &Name) -> bool {
        self.name == Some(user)
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
            Subject::User(name) => who.name == Some(name),
            Subject::Group(name) => who.name.is_some() && who.groups.contains(name),
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
        let is = |name: &Name| name.as_bytes() == self.name;
        self.scope == ACCESS
            && match self.subject {
                USER => who.name.is_some_and(is),
                GROUP => who.name.is_some() && who.groups.iter().any(is),
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
