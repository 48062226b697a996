//! Volumes.

use super::buckets::{clear, expect_change, set};
use super::rights::{no_volume, sees};
use super::{Engine, odd_reply, page_limit};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::namespace::{Command, QuotaChange, Reply, Used, Volume};
use chainring_protocol::Failure;
use chainring_protocol::message::{
    Done, Page, Paging, VolumeClearQuota, VolumeCreate, VolumeDelete, VolumeInfo, VolumeSetQuota,
    VolumeUpdate,
};

/// Names that are looked at before other tasks have their turn.
const TURN: usize = 1000;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn create_volume(
        &self,
        caller: &Caller,
        call: VolumeCreate,
    ) -> Result<VolumeInfo, Failure> {
        let owner = self.user_or(caller, call.owner)?;
        let command = Command::CreateVolume {
            name: call.name,
            owner,
            quota_bytes: call.quota_in_bytes,
            quota_namespace: call.quota_in_namespace,
        };
        self.changed_volume(command).await
    }

    /// Has a command done that answers with a volume.
    async fn changed_volume(&self, command: Command) -> Result<VolumeInfo, Failure> {
        match self.apply(command).await? {
            Reply::Volume(volume) => Ok(shown(&volume)),
            _ => Err(odd_reply()),
        }
    }

    pub(super) async fn volume_info(&self, name: &str) -> Result<VolumeInfo, Failure> {
        let found = self.names().volume(name).map_err(failure::of_read)?;
        let volume = found.ok_or_else(|| no_volume(name))?;
        let mut info = shown(&volume);
        info.used_bytes = Some(self.used_in(&volume.name).await?.bytes);
        Ok(info)
    }

    /// The volumes that the caller may read or list.
    pub(super) async fn list_volumes(
        &self,
        caller: &Caller,
        page: &Paging,
    ) -> Result<Page<VolumeInfo>, Failure> {
        let limit = page_limit(page);
        let mut last = Some(page.after.clone()).filter(|name| !name.is_empty());
        let mut found = Vec::new();
        loop {
            let volumes = self
                .names()
                .list_volumes(&page.prefix, last.as_deref(), TURN);
            let volumes = volumes.map_err(failure::of_read)?;
            let seen = volumes.iter().filter(|volume| sees(caller, volume));
            found.extend(seen.take(limit + 1 - found.len()).map(shown));
            if volumes.len() < TURN || found.len() > limit {
                return Ok(super::cut(found, limit));
            }
            last = volumes.last().map(|volume| volume.name.to_string());
            yield_now().await;
        }
    }

    pub(super) async fn update_volume(&self, call: VolumeUpdate) -> Result<VolumeInfo, Failure> {
        let owner = self.user(&call.owner)?.name.to_string();
        let name = call.name;
        self.changed_volume(Command::SetVolumeOwner { name, owner })
            .await
    }

    pub(super) async fn set_volume_quota(
        &self,
        call: VolumeSetQuota,
    ) -> Result<VolumeInfo, Failure> {
        let quotas = (set(call.bytes), set(call.namespace));
        self.volume_quota(call.name, quotas).await
    }

    pub(super) async fn clear_volume_quota(
        &self,
        call: VolumeClearQuota,
    ) -> Result<VolumeInfo, Failure> {
        let quotas = (clear(call.bytes), clear(call.namespace));
        self.volume_quota(call.name, quotas).await
    }

    async fn volume_quota(
        &self,
        name: String,
        (bytes, namespace): (QuotaChange, QuotaChange),
    ) -> Result<VolumeInfo, Failure> {
        self.expect_volume(&name)?;
        expect_change(bytes, namespace)?;
        let used = Some(self.used_in(&name).await?);
        let command = Command::SetVolumeQuota {
            name,
            bytes,
            namespace,
            used,
        };
        self.changed_volume(command).await
    }

    pub(super) async fn delete_volume(&self, call: VolumeDelete) -> Result<Done, Failure> {
        self.apply(Command::DeleteVolume { name: call.name })
            .await
            .map(|_| Done {})
    }

    /// What a volume's buckets hold together; links do not count.
    async fn used_in(&self, volume: &str) -> Result<Used, Failure> {
        let used = self.core.usage_of_volume(volume).await;
        used.map(super::used)
            .map_err(|error| failure::of_store(&error))
    }

    /// Fails when there is no such volume.
    pub(super) fn expect_volume(&self, name: &str) -> Result<(), Failure> {
        match self.names().volume(name).map_err(failure::of_read)? {
            Some(_) => Ok(()),
            None => Err(no_volume(name)),
        }
    }
}

fn shown(volume: &Volume) -> VolumeInfo {
    VolumeInfo {
        name: volume.name.to_string(),
        owner: volume.owner.to_string(),
        created: volume.created.0,
        modified: volume.modified.0,
        used_namespace: volume.used_namespace,
        used_bytes: None,
        quota_in_bytes: volume.quota_bytes,
        quota_in_namespace: volume.quota_namespace,
        tenant: volume.tenant,
        references: volume.references,
    }
}
