//! Access lists, kept and not looked at.

use super::store::{FakeStore, Outcome};
use crate::message::{
    AclAction, AclEdit, AclInfo, AclKind, AclRule, AclScope, AclSubject, AclTarget, BucketName,
};
use crate::result_code::{Failure, ResultCode};

impl FakeStore {
    pub(super) fn acl(&self, mut target: AclTarget) -> Outcome<AclInfo> {
        let owner = if target.kind == AclKind::Volume {
            self.volume(&target.volume)?.owner
        } else {
            let name = BucketName::new(target.volume.as_str(), target.bucket.as_str());
            let name = if target.source {
                self.resolve(&name)?
            } else {
                name
            };
            let info = self.bucket(&name)?;
            (target.volume, target.bucket) = (name.volume, name.bucket);
            info.owner
        };
        target.source = false;
        let rules = self.extras.acls.get(&place(&target)).cloned();
        Ok(AclInfo {
            target,
            owner,
            rules: rules.unwrap_or_default(),
            canned: None,
        })
    }

    pub(super) fn edit_acl(&mut self, call: AclEdit) -> Outcome<AclInfo> {
        let target = self.acl(call.target)?.target;
        let rules: Vec<AclRule> = call
            .rules
            .iter()
            .map(|text| rule(text))
            .collect::<Outcome<_>>()?;
        let held = self.extras.acls.entry(place(&target)).or_default();
        match call.action {
            AclAction::Add => held.extend(rules),
            AclAction::Remove => held.retain(|rule| !rules.contains(rule)),
            AclAction::Set => *held = rules,
        }
        self.acl(target)
    }
}

fn place(target: &AclTarget) -> String {
    let kind = target.kind.as_str();
    format!("{kind} /{}/{}/{}", target.volume, target.bucket, target.key)
}

/// `type:name:rights[SCOPE]`, not looked at closely.
fn rule(text: &str) -> Outcome<AclRule> {
    let wrong = || {
        let text = format!("{text} is no rule: write type:name:rights");
        Failure::new(ResultCode::InvalidRequest, text)
    };
    let (text, scope) = match text.strip_suffix("[DEFAULT]") {
        Some(text) => (text, AclScope::Default),
        None => (
            text.strip_suffix("[ACCESS]").unwrap_or(text),
            AclScope::Access,
        ),
    };
    let mut parts = text.splitn(3, ':');
    let (Some(kind), Some(name), Some(rights)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    Ok(AclRule {
        kind: match kind {
            "user" => AclSubject::User,
            "group" => AclSubject::Group,
            "world" => AclSubject::World,
            "anonymous" => AclSubject::Anonymous,
            _ => return Err(wrong()),
        },
        name: name.to_owned(),
        rights: rights.to_owned(),
        scope,
    })
}
