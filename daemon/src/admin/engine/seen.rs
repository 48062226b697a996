//! Links as a caller sees them: what is behind one is shown to those who may follow it.

use super::Engine;
use super::rights::{denied, right_name, sees};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::base::limits::LINK_CHAIN_MAX;
use crate::io::{Clock, Disk};
use crate::namespace::{
    Entry, Link, Name, ResolveError, Resolved, Right, entry_allows, show_place,
};
use chainring_protocol::Failure;
use chainring_protocol::message::{BucketName, Delegation, LinkInfo, LinkStatus};

/// Any of these is enough to know that a bucket is there.
const ANY: &[Right] = &[
    Right::Read,
    Right::List,
    Right::Write,
    Right::Create,
    Right::Delete,
];

impl<D: Disk, C: Clock> Engine<D, C> {
    /// The bucket behind a name. What is wrong with the name is told to those who may know it; the
    /// rights on the bucket are still to be asked for.
    pub(super) fn resolve(&self, caller: &Caller, name: &BucketName) -> Result<Resolved, Failure> {
        let now = self.core.clock().now();
        let error = match self.names().resolve(&name.volume, &name.bucket, now) {
            Ok(resolved) => return Ok(resolved),
            Err(error) => error,
        };
        let refused = || denied(caller, right_name(Right::Read), &format!("bucket {name}"));
        let entry = self
            .entry_if(caller, name, |_, _| true)?
            .ok_or_else(refused)?;
        if !self.may_know(caller, &entry, &error)? {
            return Err(refused());
        }
        let failure = failure::of_resolve(&error);
        Err(Failure::new(
            failure.code,
            format!("{name}: {}", failure.message),
        ))
    }

    /// The bucket behind a name, on which the caller has one of these rights.
    pub(super) fn followed(
        &self,
        caller: &Caller,
        name: &BucketName,
        rights: &[Right],
    ) -> Result<Resolved, Failure> {
        let resolved = self.resolve(caller, name)?;
        let who = caller.who();
        if rights.iter().any(|right| resolved.allows(&who, *right)) {
            return Ok(resolved);
        }
        // The same words as for a name that is not there.
        Err(denied(
            caller,
            right_name(Right::Read),
            &format!("bucket {name}"),
        ))
    }

    /// As [`Engine::followed`], with whatever right there is.
    pub(super) fn reached(&self, caller: &Caller, name: &BucketName) -> Result<Resolved, Failure> {
        self.followed(caller, name, ANY)
    }

    /// Whether the caller may know why a link leads nowhere: may pass every link on the way, and
    /// may see the volume of a name that is missing.
    fn may_know(
        &self,
        caller: &Caller,
        start: &Entry,
        error: &ResolveError,
    ) -> Result<bool, Failure> {
        if caller.admin {
            return Ok(true);
        }
        let mut here = start.clone();
        for _ in 0..=LINK_CHAIN_MAX {
            let volume = self.names().volume(&here.volume);
            let Some(volume) = volume.map_err(failure::of_read)? else {
                return Ok(false);
            };
            if !entry_allows(&here, &volume, &caller.who(), Right::Read) {
                return Ok(false);
            }
            let over = matches!(error, ResolveError::Expired { volume, name, .. }
                if *here.volume == **volume && *here.name == **name);
            let Some(link) = here.link().filter(|_| !over) else {
                return Ok(true);
            };
            let (volume, name) = (link.source_volume, link.source_bucket);
            let found = self.names().entry(&volume, &name);
            here = match found.map_err(failure::of_read)? {
                Some(next) => next,
                None => {
                    let volume = self.names().volume(&volume).map_err(failure::of_read)?;
                    return Ok(volume.is_some_and(|volume| sees(caller, &volume)));
                }
            };
        }
        Ok(true)
    }

    /// Where a link leads, for this caller.
    pub(super) fn shown_link(
        &self,
        caller: &Caller,
        entry: &Entry,
        link: &Link,
    ) -> Result<LinkInfo, Failure> {
        let start = place(entry.volume, entry.name);
        let source = place(link.source_volume, link.source_bucket);
        let (status, resolved) = self.seen(caller, entry)?;
        let chain = match status {
            LinkStatus::Denied => vec![start, source.clone()],
            _ => self.chain(start, source.clone())?,
        };
        Ok(LinkInfo {
            source,
            status,
            resolved,
            chain,
            generation: link.generation,
            read_only: link.read_only,
            prefix: link.prefix.as_deref().map(str::to_owned),
            expires: link.expires.map(|at| at.0),
            bind: link.bind.map(|id| id.0),
            delegate: link.delegate.map(|consent| Delegation {
                grantor: consent.grantor.to_string(),
                at: consent.at.0,
                valid: link.resolution.delegated,
            }),
            stats: None,
        })
    }

    fn seen(
        &self,
        caller: &Caller,
        entry: &Entry,
    ) -> Result<(LinkStatus, Option<BucketName>), Failure> {
        let now = self.core.clock().now();
        let error = match self.names().resolve(&entry.volume, &entry.name, now) {
            Ok(resolved) => {
                let who = caller.who();
                let end = place(resolved.source_volume, resolved.source_bucket);
                return Ok(
                    match ANY.iter().any(|right| resolved.allows(&who, *right)) {
                        true => (LinkStatus::Ok, Some(end)),
                        false => (LinkStatus::Denied, None),
                    },
                );
            }
            Err(error) => error,
        };
        let status = match &error {
            ResolveError::Damaged(_) => return Err(failure::of_resolve(&error)),
            ResolveError::Loop { .. } => LinkStatus::Loop,
            ResolveError::TooDeep { .. } => LinkStatus::TooDeep,
            ResolveError::Expired { .. } => LinkStatus::Expired,
            ResolveError::Dangling { .. }
            | ResolveError::VolumeNotFound
            | ResolveError::BucketNotFound => LinkStatus::Dangling,
        };
        match self.may_know(caller, entry, &error)? {
            true => Ok((status, None)),
            false => Ok((LinkStatus::Denied, None)),
        }
    }

    /// Every name on the way, as far as the way goes; a loop ends with the name met again.
    fn chain(&self, start: BucketName, source: BucketName) -> Result<Vec<BucketName>, Failure> {
        let mut chain = vec![start];
        let mut next = Some(source);
        while let Some(name) = next.take() {
            let again = chain.contains(&name);
            if !again && chain.len() <= LINK_CHAIN_MAX {
                let found = self
                    .names()
                    .entry(&name.volume, &name.bucket)
                    .map_err(failure::of_read)?;
                let link = found.as_ref().and_then(Entry::link);
                next = link.map(|link| place(link.source_volume, link.source_bucket));
            }
            chain.push(name);
        }
        Ok(chain)
    }
}

/// A name as messages carry it.
pub(super) fn place(volume: Name, name: Name) -> BucketName {
    BucketName::new(volume.as_str(), name.as_str())
}

/// A name as sentences carry it.
pub(super) fn place_of(entry: &Entry) -> String {
    show_place(&entry.volume, &entry.name)
}
