//! The requests of a daemon in memory that change or show its [`Extras`](super::extras::Extras).

use super::extras::{Quota, address};
use super::store::{FakeStore, NOW, Outcome, chosen, fail, page};
use crate::message::{
    AclAction, AclEdit, AclInfo, AclKind, AclRule, AclScope, AclSubject, AclTarget, BucketInfo,
    BucketName, Credentials, Done, LinkGenerations, LinkList, LinkSetSource, LinkStats, Page,
    TenantInfo, TenantUser,
};
use crate::operation::{Reply, Request};
use crate::result_code::{Failure, ResultCode};
use crate::secret::Secret;
use std::collections::BTreeMap;

impl FakeStore {
    /// Carries out the rest of the requests.
    pub(super) fn call_more(&mut self, caller: &str, request: Request) -> Outcome<Reply> {
        Ok(match request {
            Request::VolumeUpdate(call) => {
                self.volume(&call.name)?;
                self.own_volume(&call.name, call.owner);
                self.volume(&call.name)?.into()
            }
            Request::VolumeSetQuota(call) => {
                self.volume(&call.name)?;
                let place = format!("/{}", call.name);
                self.set_quota(place, (call.bytes, call.namespace));
                self.volume(&call.name)?.into()
            }
            Request::VolumeClearQuota(call) => {
                self.volume(&call.name)?;
                let place = format!("/{}", call.name);
                self.clear_quota(place, call.bytes, call.namespace);
                self.volume(&call.name)?.into()
            }
            Request::BucketUpdate(call) => {
                self.bucket(&call.bucket)?;
                let place = address(&call.bucket);
                if let Some(owner) = call.owner {
                    self.extras.owners.insert(place.clone(), owner);
                }
                match call.protected {
                    Some(true) => drop(self.extras.protected.insert(place)),
                    Some(false) => drop(self.extras.protected.remove(&place)),
                    None => {}
                }
                self.bucket(&call.bucket)?.into()
            }
            Request::BucketSetQuota(call) => {
                self.no_link(&call.bucket)?;
                self.set_quota(address(&call.bucket), (call.bytes, call.namespace));
                self.bucket(&call.bucket)?.into()
            }
            Request::BucketClearQuota(call) => {
                self.no_link(&call.bucket)?;
                self.clear_quota(address(&call.bucket), call.bytes, call.namespace);
                self.bucket(&call.bucket)?.into()
            }
            Request::LinkList(call) => self.links(&call)?.into(),
            Request::LinkSetSource(call) => self.set_source(caller, call)?.into(),
            Request::LinkHistory(call) => {
                self.bucket(&call.link)?;
                let generations = self.extras.history.get(&address(&call.link));
                LinkGenerations {
                    generations: generations.cloned().unwrap_or_default(),
                    link: call.link,
                }
                .into()
            }
            Request::LinkRollback(call) => self.rollback(caller, call.link, call.to)?.into(),
            Request::LinkRevoke(call) => {
                self.bucket(&call.link)?;
                self.extras.consents.remove(&address(&call.link));
                self.bucket(&call.link)?.into()
            }
            Request::AclGet(call) => self.acl(call.target)?.into(),
            Request::AclEdit(call) => self.edit_acl(call)?.into(),
            Request::UserUpdate(call) => {
                if !self.has_user(&call.name) {
                    return fail(ResultCode::UserNotFound, format!("no user {}", call.name));
                }
                self.extras.groups.insert(call.name.clone(), call.groups);
                self.user(&call.name).into()
            }
            other => return self.call_tenant(caller, other),
        })
    }

    fn call_tenant(&mut self, caller: &str, request: Request) -> Outcome<Reply> {
        Ok(match request {
            Request::TenantCreate(call) => {
                if self.extras.tenants.contains_key(&call.name) {
                    return fail(ResultCode::TenantAlreadyExists, "it exists already");
                }
                if self.volume(&call.name).is_ok() && !call.force {
                    return fail(ResultCode::VolumeAlreadyExists, "the volume exists already");
                }
                self.own_volume(&call.name, call.owner.unwrap_or_else(|| caller.to_owned()));
                self.extras
                    .tenants
                    .insert(call.name.clone(), BTreeMap::new());
                self.tenant(&call.name)?.into()
            }
            Request::TenantInfoGet(call) => self.tenant(&call.name)?.into(),
            Request::TenantList(call) => {
                let names: Vec<_> = self.extras.tenants.keys().cloned().collect();
                let tenants = page(names.iter(), &call.page, |name| self.tenant(name));
                Page {
                    entries: tenants.entries.into_iter().collect::<Outcome<Vec<_>>>()?,
                    more: tenants.more,
                }
                .into()
            }
            Request::TenantDelete(call) => {
                if self.tenant(&call.name)?.users > 0 {
                    return fail(ResultCode::TenantNotEmpty, "it has users");
                }
                self.extras.tenants.remove(&call.name);
                Done {}.into()
            }
            Request::TenantUserAssign(call) => {
                self.tenant(&call.tenant)?;
                let access_id = call
                    .access_id
                    .unwrap_or_else(|| format!("{}${}", call.tenant, call.user));
                let user = TenantUser {
                    access_id: access_id.clone(),
                    tenant: call.tenant.clone(),
                    user: call.user.clone(),
                    admin: false,
                    delegated: false,
                };
                let users = self.extras.tenants.entry(call.tenant).or_default();
                if users.contains_key(&access_id) {
                    return fail(
                        ResultCode::TenantUserAccessIdAlreadyExists,
                        format!("{access_id} exists already"),
                    );
                }
                users.insert(access_id.clone(), user);
                credentials(call.user, access_id, None).into()
            }
            Request::TenantUserRevoke(call) => {
                let tenant = self.assigned(&call.access_id)?.tenant.clone();
                let users = self.extras.tenants.entry(tenant).or_default();
                users.remove(&call.access_id);
                Done {}.into()
            }
            Request::TenantUserInfoGet(call) => {
                let all = self.extras.tenants.values().flat_map(BTreeMap::values);
                Page {
                    entries: all.filter(|user| user.user == call.user).cloned().collect(),
                    more: false,
                }
                .into()
            }
            Request::TenantUserList(call) => {
                self.tenant(&call.tenant)?;
                let users = self.extras.tenants.get(&call.tenant);
                Page {
                    entries: users.map_or_else(Vec::new, |users| users.values().cloned().collect()),
                    more: false,
                }
                .into()
            }
            Request::TenantUserSecretGet(call) => {
                self.assigned(&call.access_id)?;
                return fail(ResultCode::S3SecretAlreadyExists, "it is not shown again");
            }
            Request::TenantUserSecretSet(call) => {
                let user = self.assigned(&call.access_id)?.user.clone();
                credentials(user, call.access_id, call.secret).into()
            }
            Request::TenantUserAssignAdmin(call) => {
                let user = self.assigned(&call.access_id)?;
                (user.admin, user.delegated) = (true, call.delegated);
                Done {}.into()
            }
            Request::TenantUserRevokeAdmin(call) => {
                let user = self.assigned(&call.access_id)?;
                (user.admin, user.delegated) = (false, false);
                Done {}.into()
            }
            _ => return fail(ResultCode::NotSupportedOperation, "not here"),
        })
    }

    fn set_quota(&mut self, place: String, (bytes, namespace): Quota) {
        let quota = self.extras.quotas.entry(place).or_default();
        *quota = (bytes.or(quota.0), namespace.or(quota.1));
    }

    fn clear_quota(&mut self, place: String, bytes: bool, namespace: bool) {
        let quota = self.extras.quotas.entry(place).or_default();
        *quota = (quota.0.filter(|_| !bytes), quota.1.filter(|_| !namespace));
    }

    fn no_link(&self, name: &BucketName) -> Outcome<()> {
        match self.bucket(name)?.link {
            Some(_) => fail(
                ResultCode::NotSupportedOperation,
                "a link has no quota: set it on the source",
            ),
            None => Ok(()),
        }
    }

    fn links(&self, call: &LinkList) -> Outcome<Page<BucketInfo>> {
        if let Some(volume) = &call.volume {
            self.volume(volume)?;
        }
        let mut entries = Vec::new();
        for name in self.names() {
            let mut info = self.bucket(&name)?;
            let Some(link) = &mut info.link else {
                continue;
            };
            let over = call.source.as_ref();
            let wanted = call
                .volume
                .as_ref()
                .is_none_or(|volume| *volume == name.volume)
                && over.is_none_or(|source| link.chain.iter().skip(1).any(|on| on == source))
                && call.status.is_none_or(|status| status == link.status)
                && name.bucket.starts_with(&call.page.prefix)
                && format!("{}/{}", name.volume, name.bucket) > call.page.after;
            if call.stats {
                link.stats = Some(LinkStats {
                    requests: 12,
                    bytes_in: 4096,
                    bytes_out: 1_572_864,
                    errors: 1,
                    last_used: Some(NOW),
                });
            }
            entries.extend(wanted.then_some(info));
        }
        let limit = match call.page.limit {
            0 => 1000,
            limit => usize::from(limit),
        };
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(Page { entries, more })
    }

    fn set_source(&mut self, caller: &str, call: LinkSetSource) -> Outcome<BucketInfo> {
        let now = self.bucket(&call.link)?.link.ok_or_else(|| {
            Failure::new(ResultCode::NotSupportedOperation, "a bucket has no source")
        })?;
        if call.expect.is_some_and(|expected| expected != now.source)
            || call
                .expect_generation
                .is_some_and(|expected| expected != now.generation)
        {
            let text = format!("{} leads to {}", call.link, now.source);
            return fail(ResultCode::LinkChanged, text);
        }
        let place = address(&call.link);
        let history = self.extras.history.entry(place.clone()).or_default();
        if let Some(mut next) = history.last().cloned() {
            next.generation += 1;
            next.source = call.source.clone();
            next.by = caller.to_owned();
            history.push(next);
        }
        self.extras.consent(caller, place, call.delegate);
        self.point(&call.link, call.source);
        self.bucket(&call.link)
    }

    fn rollback(&mut self, caller: &str, link: BucketName, to: Option<u64>) -> Outcome<BucketInfo> {
        self.bucket(&link)?;
        let history = self.extras.history.get(&address(&link));
        let history = history.map_or(&[][..], Vec::as_slice);
        let today = history.last().map_or(0, |last| last.generation);
        let wanted = to.unwrap_or(today.saturating_sub(1));
        let then = history.iter().find(|old| old.generation == wanted);
        let Some(source) = then.map(|old| old.source.clone()) else {
            let text = format!("{link} has no generation {wanted}");
            return fail(ResultCode::InvalidRequest, text);
        };
        let call = LinkSetSource {
            link,
            source,
            expect: None,
            expect_generation: None,
            delegate: false,
        };
        self.set_source(caller, call)
    }

    fn acl(&self, mut target: AclTarget) -> Outcome<AclInfo> {
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

    fn edit_acl(&mut self, call: AclEdit) -> Outcome<AclInfo> {
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

    fn tenant(&self, name: &str) -> Outcome<TenantInfo> {
        let Some(users) = self.extras.tenants.get(name) else {
            return fail(ResultCode::TenantNotFound, format!("no tenant {name}"));
        };
        let volume = self.volume(name)?;
        Ok(TenantInfo {
            name: name.to_owned(),
            owner: volume.owner,
            created: NOW,
            users: users.len() as u64,
            buckets: volume.used_namespace,
        })
    }

    fn assigned(&mut self, access_id: &str) -> Outcome<&mut TenantUser> {
        let mut tenants = self.extras.tenants.values_mut();
        let found = tenants.find_map(|users| users.get_mut(access_id));
        found.ok_or_else(|| {
            let text = format!("no access id {access_id}");
            Failure::new(ResultCode::AccessIdNotFound, text)
        })
    }
}

fn place(target: &AclTarget) -> String {
    let kind = target.kind.as_str();
    format!("{kind} /{}/{}/{}", target.volume, target.bucket, target.key)
}

fn credentials(user: String, access_key: String, secret: Option<Secret>) -> Credentials {
    let (_, secret) = chosen(secret);
    Credentials {
        user,
        access_key,
        secret,
    }
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
