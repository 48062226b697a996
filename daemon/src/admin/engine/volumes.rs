//! Volumes.

use super::{Engine, after, cut, odd_reply, page_limit, refuse};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::namespace::{Command, Reply, Volume};
use chainring_protocol::message::{Done, Page, Paging, VolumeCreate, VolumeDelete, VolumeInfo};
use chainring_protocol::{Failure, ResultCode};

/// Names that are looked at before other tasks have their turn.
const TURN: usize = 1000;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn create_volume(
        &self,
        caller: &Caller,
        call: VolumeCreate,
    ) -> Result<VolumeInfo, Failure> {
        refuse(&[
            (call.quota_in_bytes.is_some(), "quotas"),
            (call.quota_in_namespace.is_some(), "quotas"),
        ])?;
        let owner = self.user_or(caller, call.owner)?;
        let command = Command::CreateVolume {
            name: call.name,
            owner,
            quota_bytes: None,
            quota_namespace: None,
        };
        match self.apply(command).await? {
            Reply::Volume(volume) => Ok(shown(&volume, 0)),
            _ => Err(odd_reply()),
        }
    }

    pub(super) async fn volume_info(&self, name: &str) -> Result<VolumeInfo, Failure> {
        let found = self.names().volume(name).map_err(failure::of_read)?;
        let volume = found.ok_or_else(|| no_volume(name))?;
        let used = self.count_entries(&volume.name).await?;
        Ok(shown(&volume, used))
    }

    pub(super) async fn list_volumes(&self, page: &Paging) -> Result<Page<VolumeInfo>, Failure> {
        let limit = page_limit(page);
        let volumes = self
            .names()
            .list_volumes(&page.prefix, after(page), limit + 1)
            .map_err(failure::of_read)?;
        let volumes = cut(volumes, limit);
        let mut entries = Vec::with_capacity(volumes.entries.len());
        for volume in &volumes.entries {
            entries.push(shown(volume, self.count_entries(&volume.name).await?));
        }
        Ok(Page {
            entries,
            more: volumes.more,
        })
    }

    pub(super) async fn delete_volume(&self, call: VolumeDelete) -> Result<Done, Failure> {
        self.apply(Command::DeleteVolume { name: call.name })
            .await
            .map(|_| Done {})
    }

    async fn count_entries(&self, volume: &str) -> Result<u64, Failure> {
        let mut count = 0;
        let mut last = None;
        loop {
            let page = self
                .names()
                .list_buckets(volume, "", last.as_deref(), TURN)
                .map_err(failure::of_read)?;
            count += page.len() as u64;
            if page.len() < TURN {
                return Ok(count);
            }
            last = page.last().map(|entry| entry.name.to_string());
            yield_now().await;
        }
    }

    /// Fails when there is no such volume.
    pub(super) fn expect_volume(&self, name: &str) -> Result<(), Failure> {
        match self.names().volume(name).map_err(failure::of_read)? {
            Some(_) => Ok(()),
            None => Err(no_volume(name)),
        }
    }
}

fn no_volume(name: &str) -> Failure {
    Failure::new(
        ResultCode::VolumeNotFound,
        format!("volume {name} not found"),
    )
}

fn shown(volume: &Volume, used_namespace: u64) -> VolumeInfo {
    VolumeInfo {
        name: volume.name.to_string(),
        owner: volume.owner.to_string(),
        created: volume.created.0,
        modified: volume.modified.0,
        used_namespace,
        used_bytes: None,
        quota_in_bytes: None,
        quota_in_namespace: None,
        tenant: false,
        references: 0,
    }
}
