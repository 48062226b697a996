//! Access lists.

use crate::output::Shown;
use chainring_protocol::message::{AclInfo, AclKind, AclRule, AclScope, AclSubject, AclTarget};
use serde::Serialize;

/// An access list; in JSON its rules, as Ozone prints them.
#[derive(Serialize)]
#[serde(transparent)]
pub struct AclView {
    #[serde(skip)]
    target: AclTarget,
    #[serde(skip)]
    owner: String,
    #[serde(skip)]
    canned: Option<String>,
    rules: Vec<RuleView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleView {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    acl_scope: &'static str,
    acl_list: Vec<&'static str>,
    #[serde(skip)]
    text: String,
}

impl From<AclInfo> for AclView {
    fn from(acl: AclInfo) -> Self {
        Self {
            target: acl.target,
            owner: acl.owner,
            canned: acl.canned,
            rules: acl.rules.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<AclRule> for RuleView {
    fn from(rule: AclRule) -> Self {
        let text = format!(
            "{}:{}:{}[{}]",
            rule.kind.as_str(),
            rule.name,
            rule.rights,
            rule.scope.as_str()
        );
        let (kind, name) = match rule.kind {
            AclSubject::User => ("USER", rule.name),
            AclSubject::Group => ("GROUP", rule.name),
            // Ozone repeats the type where there is no name.
            AclSubject::World => ("WORLD", "WORLD".to_owned()),
            AclSubject::Anonymous => ("ANONYMOUS", "ANONYMOUS".to_owned()),
        };
        Self {
            kind,
            name,
            acl_scope: match rule.scope {
                AclScope::Access => "ACCESS",
                AclScope::Default => "DEFAULT",
            },
            acl_list: rule.rights.chars().map(right).collect(),
            text,
        }
    }
}

/// The name of a right's letter.
const fn right(letter: char) -> &'static str {
    match letter {
        'r' => "READ",
        'w' => "WRITE",
        'c' => "CREATE",
        'd' => "DELETE",
        'l' => "LIST",
        'x' => "READ_ACL",
        'y' => "WRITE_ACL",
        'a' => "ALL",
        'n' => "NONE",
        _ => "UNKNOWN",
    }
}

impl AclView {
    /// What the list belongs to, as people write it.
    pub fn place(&self) -> String {
        let AclTarget {
            kind,
            volume,
            bucket,
            key,
            ..
        } = &self.target;
        match kind {
            AclKind::Volume => format!("/{volume}"),
            AclKind::Bucket => format!("/{volume}/{bucket}"),
            AclKind::Key | AclKind::Prefix => format!("/{volume}/{bucket}/{key}"),
        }
    }

    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules.len()
    }
}

impl Shown for AclView {
    const COLUMNS: &'static [&'static str] = &[];

    fn row(&self) -> Vec<String> {
        Vec::new()
    }

    fn card(&self) -> Vec<(&'static str, String)> {
        let mut card = vec![
            (self.target.kind.as_str(), self.place()),
            ("owner", self.owner.clone()),
        ];
        card.extend(self.canned.clone().map(|canned| ("canned", canned)));
        for rule in &self.rules {
            let rights = rule.acl_list.join(" ");
            card.push(("rule", format!("{}  {rights}", rule.text)));
        }
        card
    }
}
