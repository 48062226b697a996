//! Derives anew what follows from a record that has changed: where links lead that lead over it, and
//! who may pass there.

use crate::base::codec::Malformed;
use crate::base::limits::LINK_CHAIN_MAX;
use crate::index::map::{Lookup, MapWriter};
use crate::io::runtime::yield_now;
use crate::namespace::apply::{DANGLING_SHOWN_MAX, Effects, put};
use crate::namespace::derived::{self, OfBucket, OfLink};
use crate::namespace::gates::Way;
use crate::namespace::keys::Key;
use crate::namespace::name::Name;
use crate::namespace::record::{EntryRecord, RecordKind};
use crate::namespace::resolve::{self, Brent, Source};
use crate::namespace::tables::{self, Read, Tables};
use crate::namespace::types::LinkStatus;
use crate::namespace::values;
use std::ops::ControlFlow;

/// Links read from the reverse index at once.
const LINKS_PER_PAGE: usize = 256;
/// As much of it when the way there is long: then there may be very many pages at a time.
const LINKS_PER_FAR_PAGE: usize = 4;
/// Links resolved again before other tasks of the core get their turn.
const LINKS_PER_TURN: usize = 32;
/// Hops of a chain that is too deep followed before other tasks of the core get their turn.
const HOPS_PER_TURN: usize = 256;

/// Whether a changed entry was, and is, a link in or into a loop.
#[derive(Clone, Copy, Default)]
pub(crate) struct Loops {
    pub(crate) before: bool,
    pub(crate) now: bool,
}

/// What is kept with an entry; whether it is a link in or into a loop.
pub(crate) async fn derive(
    map: &MapWriter,
    place: (Name, Name),
    record: &EntryRecord,
) -> Read<(Vec<u8>, bool)> {
    let RecordKind::Link(link) = &record.kind else {
        return Ok((of_bucket(map, place, record)?, false));
    };
    let mut found = resolve::follow(map, place, link)?;
    let resolution = &mut found.resolution;
    if resolution.status == LinkStatus::TooDeep {
        let end = (resolution.volume, resolution.bucket);
        if ends_in_loop(map, place, link.source, end).await? {
            resolution.status = LinkStatus::Loop;
        }
    }
    let loops = resolution.status == LinkStatus::Loop;
    Ok((OfLink::encode(&found), loops))
}

/// What is kept with a bucket.
pub(crate) fn of_bucket(
    tables: &impl Tables,
    place: (Name, Name),
    record: &EntryRecord,
) -> Read<Vec<u8>> {
    let end = Source::new(tables, place, record)?.as_end();
    Ok(OfBucket::encode(&Way::new(&[], &end, place)))
}

/// Whether the link that is now kept at `place` is known to lead into a loop.
pub(crate) fn in_loop(map: &impl Lookup, place: (Name, Name)) -> Read<bool> {
    let Some(value) = values::get(map, &Key::entry(&place.0, &place.1))? else {
        return Ok(false);
    };
    let (primary, derived) = derived::unpack(&value)?;
    match EntryRecord::decode(primary)?.kind {
        RecordKind::Bucket(_) => Ok(false),
        RecordKind::Link(_) => Ok(OfLink::decode(derived)?.resolution.status == LinkStatus::Loop),
    }
}

/// Whether a chain that is too deep never ends. It begins at `place`, whose source may be new; `end`
/// is as far as it was followed.
async fn ends_in_loop(
    map: &MapWriter,
    place: (Name, Name),
    source: (Name, Name),
    end: (Name, Name),
) -> Read<bool> {
    // If nothing leads to the changed link, then what is kept with the others is right.
    if tables::links_to(map, (&place.0, &place.1), None, 1)?.is_empty() {
        return in_loop(map, end);
    }
    let mut walk = Brent::new(place, source);
    let mut hops = 0;
    loop {
        if let Some(loops) = walk.step(map)? {
            return Ok(loops);
        }
        hops += 1;
        if hops % HOPS_PER_TURN == 0 {
            yield_now().await;
        }
    }
}

/// Derives anew what is kept with every link whose way leads over `changed`: those that name it,
/// those that name them, and so on, as far as a chain may reach. A link has one source, so backwards
/// from one name this is a tree, or leads back to that name; nothing has to be remembered but the
/// way. Links farther away than that are too deep whatever happens, or in a loop: that is looked at
/// when `changed` came into a loop or out of one.
pub(crate) async fn dependents(
    map: &mut MapWriter,
    changed: (Name, Name),
    loops: Loops,
    effects: &mut Effects,
) -> Read<()> {
    let mut way = vec![LinksTo::first(map, changed, LINKS_PER_PAGE)?];
    let mut turn = 0;
    while let Some(links) = way.last_mut() {
        let Some(link) = links.next(map)? else {
            way.pop();
            continue;
        };
        if link == changed {
            continue;
        }
        let near = way.len() <= LINK_CHAIN_MAX;
        if near {
            link_anew(map, link, loops.now, effects)?;
        } else {
            set_loop(map, link, loops.now)?;
        }
        if way.len() < LINK_CHAIN_MAX {
            way.push(LinksTo::first(map, link, LINKS_PER_PAGE)?);
        } else if loops.before != loops.now {
            way.push(LinksTo::first(map, link, LINKS_PER_FAR_PAGE)?);
        }
        turn += 1;
        if turn % LINKS_PER_TURN == 0 {
            yield_now().await;
        }
    }
    Ok(())
}

/// Derives anew what is kept with the buckets of a volume whose owner or list changed, and with what
/// leads to them.
pub(crate) async fn buckets_of(
    map: &mut MapWriter,
    volume: Name,
    effects: &mut Effects,
) -> Read<()> {
    let mut after = Vec::new();
    loop {
        let mut page = Vec::new();
        tables::with_prefix(map, &Key::entries_of(&volume), &after, |name, _| {
            page.extend(Name::from_bytes(name));
            if page.len() < LINKS_PER_PAGE {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        for name in &page {
            let place = (volume, *name);
            let record = map.entry_record(&volume, name)?;
            if let Some(record) = record.filter(|record| record.link().is_none()) {
                let derived = of_bucket(map, place, &record)?;
                put_derived(map, place, &derived)?;
                dependents(map, place, Loops::default(), effects).await?;
            }
        }
        let Some(last) = page.last().filter(|_| page.len() == LINKS_PER_PAGE) else {
            return Ok(());
        };
        after = [last.as_bytes(), &[0]].concat();
        yield_now().await;
    }
}

/// Looks again whether the consent holds that a user has given.
pub(crate) async fn grants_of(map: &mut MapWriter, user: &Name, effects: &mut Effects) -> Read<()> {
    for link in tables::grants_of(map, user)? {
        let loops = in_loop(map, link)?;
        link_anew(map, link, loops, effects)?;
        let loops = Loops {
            before: loops,
            now: loops,
        };
        dependents(map, link, loops, effects).await?;
    }
    Ok(())
}

/// The links that name a source, a page at a time.
struct LinksTo {
    source: (Name, Name),
    page: std::vec::IntoIter<(Name, Name)>,
    size: usize,
    /// The last link of the page, when there may be more.
    after: Option<(Name, Name)>,
}

impl LinksTo {
    fn first(map: &MapWriter, source: (Name, Name), size: usize) -> Read<Self> {
        let mut links = Self {
            source,
            page: Vec::new().into_iter(),
            size,
            after: None,
        };
        links.load(map)?;
        Ok(links)
    }

    fn load(&mut self, map: &MapWriter) -> Read<()> {
        let source = (&self.source.0, &self.source.1);
        let page = tables::links_to(map, source, self.after, self.size)?;
        let full = page.len() == self.size;
        self.after = page.last().copied().filter(|_| full);
        self.page = page.into_iter();
        Ok(())
    }

    fn next(&mut self, map: &MapWriter) -> Read<Option<(Name, Name)>> {
        if self.page.len() == 0 && self.after.is_some() {
            self.load(map)?;
        }
        Ok(self.page.next())
    }
}

/// The value kept with a link.
fn kept(map: &MapWriter, link: (Name, Name)) -> Read<Vec<u8>> {
    let value = values::get(map, &Key::entry(&link.0, &link.1))?;
    let missing = Malformed("the reverse index names a link that is not there");
    Ok(value.ok_or(missing)?)
}

/// Resolves one link again, whose way leads over one that is in or leads into a loop, or does not.
fn link_anew(
    map: &mut MapWriter,
    link: (Name, Name),
    loops: bool,
    effects: &mut Effects,
) -> Read<()> {
    let value = kept(map, link)?;
    let (primary, old) = derived::unpack(&value)?;
    let record = EntryRecord::decode(primary)?;
    let target = record
        .link()
        .ok_or(Malformed("the reverse index names a bucket"))?;
    let mut found = resolve::follow(map, link, target)?;
    let status = &mut found.resolution.status;
    if *status == LinkStatus::TooDeep && loops {
        *status = LinkStatus::Loop;
    }
    let was_ok = OfLink::decode(old)?.resolution.status == LinkStatus::Ok;
    if was_ok && *status != LinkStatus::Ok {
        effects.broken_count += 1;
        if effects.broken.len() < DANGLING_SHOWN_MAX {
            effects.broken.push(link);
        }
    }
    let new = OfLink::encode(&found);
    if new != old {
        put(map, &Key::entry(&link.0, &link.1), Some(primary), &new)?;
    }
    Ok(())
}

/// Says of a link that is too deep, as far as it is followed, whether it leads into a loop.
fn set_loop(map: &mut MapWriter, link: (Name, Name), loops: bool) -> Read<()> {
    let value = kept(map, link)?;
    let (primary, old) = derived::unpack(&value)?;
    let status = if loops {
        LinkStatus::Loop
    } else {
        LinkStatus::TooDeep
    };
    let new = derived::with_status(old, status).ok_or(Malformed("status of a link"))?;
    if new != old {
        put(map, &Key::entry(&link.0, &link.1), Some(primary), &new)?;
    }
    Ok(())
}

fn put_derived(map: &mut MapWriter, place: (Name, Name), derived: &[u8]) -> Read<()> {
    let value = kept(map, place)?;
    let (primary, old) = derived::unpack(&value)?;
    if old != derived {
        put(map, &Key::entry(&place.0, &place.1), Some(primary), derived)?;
    }
    Ok(())
}
