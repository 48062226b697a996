//! Tenants and their access ids.

use super::store::{FakeStore, NOW, Outcome, chosen, fail, page};
use crate::message::{Credentials, Done, Page, TenantInfo, TenantUser};
use crate::operation::{Reply, Request};
use crate::result_code::{Failure, ResultCode};
use crate::secret::Secret;
use std::collections::BTreeMap;

impl FakeStore {
    pub(super) fn call_tenant(&mut self, caller: &str, request: Request) -> Outcome<Reply> {
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

fn credentials(user: String, access_key: String, secret: Option<Secret>) -> Credentials {
    let (_, secret) = chosen(secret);
    Credentials {
        user,
        access_key,
        secret,
    }
}
