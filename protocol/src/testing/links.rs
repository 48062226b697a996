//! Lists of links, and changes of where they lead.

use super::extras::address;
use super::store::{FakeStore, NOW, Outcome, fail};
use crate::message::{BucketInfo, BucketName, LinkList, LinkSetSource, LinkStats, Page};
use crate::result_code::{Failure, ResultCode};

impl FakeStore {
    pub(super) fn links(&self, call: &LinkList) -> Outcome<Page<BucketInfo>> {
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

    pub(super) fn set_source(&mut self, caller: &str, call: LinkSetSource) -> Outcome<BucketInfo> {
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

    pub(super) fn rollback(
        &mut self,
        caller: &str,
        link: BucketName,
        to: Option<u64>,
    ) -> Outcome<BucketInfo> {
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
}
