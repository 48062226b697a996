//! One line of an access control list, and its text form.

use crate::namespace::acl::ACL_RULES_MAX;
use crate::namespace::name::Name;
use crate::namespace::right::Rights;
use std::fmt;
use std::str::FromStr;

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

    pub(super) const fn name(&self) -> Option<&Name> {
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

pub(super) fn shorten(text: &str) -> String {
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
