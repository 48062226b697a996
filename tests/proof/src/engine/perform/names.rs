//! Volumes, buckets and links: commands to the namespace.

use super::stop::{Result, fail, refuse};
use crate::engine::{Engine, OWNER, SimNames};
use crate::model::{Link, Outcome, Place, Refusal};
use chainringd::namespace::{CannedAcl, Command, LinkOptions, Reply};
use std::rc::Rc;

pub(super) fn volume(name: &str) -> Command {
    Command::CreateVolume {
        name: name.to_owned(),
        owner: OWNER.to_owned(),
        quota_bytes: None,
        quota_namespace: None,
    }
}

pub(super) fn bucket((volume, name): &Place) -> Command {
    Command::CreateBucket {
        volume: volume.clone(),
        name: name.clone(),
        owner: OWNER.to_owned(),
        acl: CannedAcl::Private,
        object_lock: false,
        protected: false,
        quota_bytes: None,
        quota_namespace: None,
    }
}

pub(super) fn link((volume, name): &Place, link: Link) -> Command {
    Command::CreateLink {
        source: link.to,
        volume: volume.clone(),
        name: name.clone(),
        owner: OWNER.to_owned(),
        strict: false,
        options: LinkOptions {
            prefix: link.prefix,
            read_only: link.read_only,
            ..LinkOptions::default()
        },
    }
}

pub(super) fn relink((volume, name): &Place, to: &Place) -> Command {
    Command::SetLinkSource {
        volume: volume.clone(),
        name: name.clone(),
        source: to.clone(),
        expect: None,
        expect_generation: None,
        delegate: None,
        by: OWNER.to_owned(),
    }
}

impl Engine {
    /// A command that makes or changes a name.
    pub(super) async fn name(&self, command: Command) -> Result<Outcome> {
        let made = match self.command(command).await? {
            Reply::Entry(entry) => entry.bucket().map(|bucket| bucket.id.0),
            _ => None,
        };
        Ok(made.map_or(Outcome::Done, Outcome::Made))
    }

    /// Removes a link, or a bucket: that is sealed first.
    pub(super) async fn drop_name(&self, (volume, name): &Place) -> Result<Outcome> {
        let names = self.core.names();
        match names.volume(volume) {
            Ok(Some(_)) => {}
            Ok(None) => return refuse(Refusal::NoVolume),
            Err(error) => return fail(error),
        }
        let entry = match names.entry(volume, name) {
            Ok(Some(entry)) => entry,
            Ok(None) => return refuse(Refusal::NoBucket),
            Err(error) => return fail(error),
        };
        let (volume, name) = (volume.clone(), name.clone());
        let Some(bucket) = entry.bucket() else {
            self.command(Command::DeleteLink { volume, name }).await?;
            return Ok(Outcome::Done);
        };
        let expect = bucket.id;
        if !self.core.seal_if_empty(expect).await? {
            return refuse(Refusal::NotEmpty);
        }
        let command = Command::DeleteBucket {
            volume,
            name,
            expect,
        };
        if let Err(stop) = self.command(command).await {
            self.core.unseal_all(expect).await?;
            return Err(stop);
        }
        Ok(Outcome::Done)
    }

    /// A command to the namespace, wherever that is.
    async fn command(&self, command: Command) -> Result<Reply> {
        let job = |names: Rc<SimNames>| async move { names.apply(command).await };
        match self.core.on_namespace(job).await {
            Some(reply) => Ok(reply?),
            None => fail("the namespace is gone"),
        }
    }
}
