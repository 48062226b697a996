//! Links: making them, pointing them elsewhere, what they were, and who points where.

use super::buckets::PAGE_MAX;
use super::rights::{denied, rules, sees};
use super::seen::{place, place_of};
use super::{Engine, cut, page_limit};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::base::Timestamp;
use crate::base::limits::LINK_CHAIN_MAX;
use crate::io::runtime::yield_now;
use crate::io::{Clock, Disk};
use crate::namespace::{
    Command, Entry, Grantor, Link, LinkOptions, LinkPage, Name, Right, entry_allows,
};
use chainring_protocol::message::{
    BucketInfo, BucketLink, BucketName, LinkGeneration, LinkGenerations, LinkHistory, LinkList,
    LinkRevoke, LinkRollback, LinkSetSource, Page,
};
use chainring_protocol::{Failure, ResultCode};
use std::collections::BTreeSet;

/// Names that are looked at before other tasks have their turn.
const TURN: usize = 1000;
/// So many links that lead to one name are gathered; of more, all links are looked at instead.
const GATHERED_MAX: usize = 10_000;

impl<D: Disk, C: Clock> Engine<D, C> {
    pub(super) async fn create_link(
        &self,
        caller: &Caller,
        call: BucketLink,
    ) -> Result<BucketInfo, Failure> {
        let owner = self.owner_or(caller, &call.link.volume, call.owner)?;
        // A link may point at anything. What would tell whether it is there needs a right on it.
        if call.strict || call.bind_id {
            self.may_tell(caller, &call.source)?;
        }
        let delegate = self.consent(caller, &call.source, call.delegate)?;
        let command = Command::CreateLink {
            source: (call.source.volume, call.source.bucket),
            volume: call.link.volume,
            name: call.link.bucket,
            owner,
            strict: call.strict,
            options: LinkOptions {
                read_only: call.read_only,
                prefix: call.prefix,
                expires: call.expires.map(Timestamp),
                bind_id: call.bind_id,
                delegate,
                by: Some(caller.name.to_string()),
            },
        };
        self.changed(caller, command).await
    }

    pub(super) async fn set_source(
        &self,
        caller: &Caller,
        call: LinkSetSource,
    ) -> Result<BucketInfo, Failure> {
        let entry = self.entry(&call.link)?;
        if expect_link(&entry)?.bind.is_some() {
            self.may_tell(caller, &call.source)?;
        }
        let delegate = self.consent(caller, &call.source, call.delegate)?;
        let command = Command::SetLinkSource {
            volume: call.link.volume,
            name: call.link.bucket,
            source: (call.source.volume, call.source.bucket),
            expect: call.expect.map(|source| (source.volume, source.bucket)),
            expect_generation: call.expect_generation,
            delegate,
            by: caller.name.to_string(),
        };
        self.changed(caller, command).await
    }

    pub(super) async fn roll_back(
        &self,
        caller: &Caller,
        call: LinkRollback,
    ) -> Result<BucketInfo, Failure> {
        expect_link(&self.entry(&call.link)?)?;
        let command = Command::RollbackLink {
            volume: call.link.volume,
            name: call.link.bucket,
            to: call.to,
            by: caller.name.to_string(),
        };
        self.changed(caller, command).await
    }

    pub(super) fn link_history(&self, call: LinkHistory) -> Result<LinkGenerations, Failure> {
        expect_link(&self.entry(&call.link)?)?;
        let found = self
            .names()
            .link_history(&call.link.volume, &call.link.bucket)
            .map_err(failure::of_read)?;
        // Oldest first.
        let generations = found.into_iter().rev().map(|was| LinkGeneration {
            generation: was.generation,
            source: place(was.source_volume, was.source_bucket),
            read_only: was.read_only,
            prefix: was.prefix.map(String::from),
            expires: was.expires.map(|at| at.0),
            bind: was.bind.map(|id| id.0),
            at: was.at.0,
            by: was.by.to_string(),
        });
        Ok(LinkGenerations {
            link: call.link,
            generations: generations.collect(),
        })
    }

    pub(super) async fn revoke_consent(
        &self,
        caller: &Caller,
        call: LinkRevoke,
    ) -> Result<BucketInfo, Failure> {
        let mut read = Ok(());
        let found = self.entry_if(caller, &call.link, |entry, volume| {
            let who = caller.who().at(entry.volume.as_bytes());
            let owns = who.is(&entry.owner) || rules(caller, volume);
            owns || self.may_revoke(caller, entry).unwrap_or_else(|error| {
                read = Err(error);
                false
            })
        });
        read?;
        let on = format!(
            "link {}, and not the WRITE_ACL right on its source",
            call.link
        );
        let entry = found?.ok_or_else(|| denied(caller, "owner's", &on))?;
        if expect_link(&entry)?.delegate.is_none() {
            let text = format!("link {} is not delegated", call.link);
            return Err(Failure::new(ResultCode::InvalidRequest, text));
        }
        let command = Command::RevokeDelegation {
            volume: call.link.volume,
            name: call.link.bucket,
        };
        self.changed(caller, command).await
    }

    /// Whether the caller may change the list of the bucket that the consent is about.
    fn may_revoke(&self, caller: &Caller, entry: &Entry) -> Result<bool, Failure> {
        let Some(consent) = entry.link().and_then(|link| link.delegate) else {
            return Ok(false);
        };
        let bucket = self.names().bucket(consent.bucket);
        let Some(bucket) = bucket.map_err(failure::of_read)? else {
            return Ok(false);
        };
        let volume = self.names().volume(&bucket.volume);
        let volume = volume.map_err(failure::of_read)?;
        let right = Right::WriteAcl;
        Ok(volume.is_some_and(|volume| entry_allows(&bucket, &volume, &caller.who(), right)))
    }

    /// Fails for a caller who may not know whether there is a bucket behind a name.
    fn may_tell(&self, caller: &Caller, source: &BucketName) -> Result<(), Failure> {
        if caller.admin {
            return Ok(());
        }
        self.reached(caller, source).map(drop)
    }

    /// The consent that the caller wants to give.
    fn consent(
        &self,
        caller: &Caller,
        source: &BucketName,
        asked: bool,
    ) -> Result<Option<Grantor>, Failure> {
        if !asked {
            return Ok(None);
        }
        self.may_tell(caller, source)?;
        Ok(Some(Grantor {
            name: caller.name.to_string(),
            admin: caller.admin,
            tenant: caller.tenant.map(|tenant| tenant.to_string()),
            tenant_admin: caller.tenant_admin,
        }))
    }

    /// Links that fit, in order of their names.
    pub(super) async fn list_links(
        &self,
        caller: &Caller,
        call: &LinkList,
    ) -> Result<Page<BucketInfo>, Failure> {
        let mut page = self.find_links(caller, call).await?;
        if call.stats {
            self.add_stats(&mut page.entries).await;
        }
        Ok(page)
    }

    async fn find_links(
        &self,
        caller: &Caller,
        call: &LinkList,
    ) -> Result<Page<BucketInfo>, Failure> {
        if let Some(volume) = &call.volume {
            self.known_volume(caller, volume)?;
        }
        let limit = page_limit(&call.page).min(PAGE_MAX);
        let mut after = position(call)?;
        let leading = match &call.source {
            Some(source) => self.leading_to(source).await?,
            None => None,
        };
        let mut found = Vec::new();
        if let Some(names) = &leading {
            for (volume, name) in names.iter().filter(|name| Some(**name) > after) {
                let entry = self.names().entry(volume, name).map_err(failure::of_read)?;
                if let Some(entry) = entry {
                    found.extend(self.fitting(caller, call, &entry)?);
                }
                if found.len() > limit {
                    break;
                }
            }
            return Ok(cut(found, limit));
        }
        loop {
            let (entries, next) = match &call.volume {
                Some(volume) => self.links_of(volume, after)?,
                None => self
                    .names()
                    .all_links(after, TURN)
                    .map_err(failure::of_read)?,
            };
            for entry in &entries {
                found.extend(self.fitting(caller, call, entry)?);
                if found.len() > limit {
                    return Ok(cut(found, limit));
                }
            }
            after = next;
            if after.is_none() {
                return Ok(cut(found, limit));
            }
            yield_now().await;
        }
    }

    fn links_of(&self, volume: &str, after: Option<(Name, Name)>) -> Result<LinkPage, Failure> {
        let after = match &after {
            Some((before, _)) if **before < *volume => None,
            Some((before, _)) if **before > *volume => return Ok((Vec::new(), None)),
            Some((_, name)) => Some(name.as_str()),
            None => None,
        };
        let page = self.names().list_buckets(volume, "", after, TURN);
        let mut page = page.map_err(failure::of_read)?;
        let last = page.last().filter(|_| page.len() == TURN);
        let next = last.map(|entry| (entry.volume, entry.name));
        page.retain(|entry| entry.link().is_some());
        Ok((page, next))
    }

    /// The link, if it is one of those that are asked for and the caller may see it.
    fn fitting(
        &self,
        caller: &Caller,
        call: &LinkList,
        entry: &Entry,
    ) -> Result<Option<BucketInfo>, Failure> {
        let volume = call.volume.as_ref();
        if volume.is_some_and(|volume| *entry.volume != **volume)
            || !entry.name.starts_with(&call.page.prefix)
            || !self.may_see(caller, entry)?
        {
            return Ok(None);
        }
        let info = self.shown(caller, entry)?;
        let Some(link) = &info.link else {
            return Ok(None);
        };
        let mut way = link.chain.iter().skip(1);
        let fits = call.status.is_none_or(|status| status == link.status)
            && call
                .source
                .as_ref()
                .is_none_or(|source| way.any(|name| name == source));
        Ok(fits.then_some(info))
    }

    fn may_see(&self, caller: &Caller, entry: &Entry) -> Result<bool, Failure> {
        if caller.admin {
            return Ok(true);
        }
        let volume = self.names().volume(&entry.volume);
        let volume = volume.map_err(failure::of_read)?;
        Ok(volume.is_some_and(|volume| {
            sees(caller, &volume) || entry_allows(entry, &volume, &caller.who(), Right::Read)
        }))
    }

    /// All links on whose way a name is; `None` when there are too many to be gathered.
    async fn leading_to(
        &self,
        source: &BucketName,
    ) -> Result<Option<BTreeSet<(Name, Name)>>, Failure> {
        let mut all = BTreeSet::new();
        let names = (Name::new(&source.volume), Name::new(&source.bucket));
        let (Some(volume), Some(bucket)) = names else {
            return Ok(Some(all));
        };
        let mut ends = vec![(volume, bucket)];
        for _ in 0..=LINK_CHAIN_MAX {
            let mut further = Vec::new();
            for (volume, name) in ends {
                let mut after = None;
                loop {
                    let page = self.names().links_to(&volume, &name, after, TURN);
                    let page = page.map_err(failure::of_read)?;
                    further.extend(page.iter().copied().filter(|link| all.insert(*link)));
                    if all.len() > GATHERED_MAX {
                        return Ok(None);
                    }
                    after = page.last().copied().filter(|_| page.len() == TURN);
                    if after.is_none() {
                        break;
                    }
                    yield_now().await;
                }
            }
            ends = further;
        }
        Ok(Some(all))
    }
}

/// Where a listing goes on: `volume/link`.
fn position(call: &LinkList) -> Result<Option<(Name, Name)>, Failure> {
    if call.page.after.is_empty() {
        return Ok(None);
    }
    let names = call.page.after.split_once('/');
    let names = names.and_then(|(volume, name)| Some((Name::new(volume)?, Name::new(name)?)));
    names.map(Some).ok_or_else(|| {
        let text = "a list of links goes on after volume/link";
        Failure::new(ResultCode::InvalidRequest, text)
    })
}

fn expect_link(entry: &Entry) -> Result<&Link, Failure> {
    entry.link().ok_or_else(|| {
        let text = format!("{} is a bucket, not a link", place_of(entry));
        Failure::new(ResultCode::InvalidRequest, text)
    })
}
