//! The requests of a daemon in memory that change or show its [`Extras`](super::extras::Extras).

use super::extras::{Quota, address};
use super::store::{FakeStore, Outcome, fail};
use crate::message::{BucketName, LinkGenerations};
use crate::operation::{Reply, Request};
use crate::result_code::ResultCode;

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
                    Some(true) => drop(self.extras.protected.insert(place.clone())),
                    Some(false) => drop(self.extras.protected.remove(&place)),
                    None => {}
                }
                match call.expire_uploads {
                    Some(Some(seconds)) => drop(self.extras.patience.insert(place, seconds)),
                    Some(None) => drop(self.extras.patience.remove(&place)),
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
            Request::UploadList(call) => self.uploads(&call).into(),
            Request::UploadAbort(call) => self.abort_upload(&call)?.into(),
            other => return self.call_tenant(caller, other),
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
}
