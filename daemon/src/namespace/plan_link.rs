//! The commands about links.

use crate::base::limits::KEY_BYTES_MAX;
use crate::namespace::acl::Who;
use crate::namespace::change::Change;
use crate::namespace::command::{Grantor, LinkOptions};
use crate::namespace::error::{NamespaceError, ResolveError, show_place};
use crate::namespace::keys::Key;
use crate::namespace::link::{LinkRecord, Turn};
use crate::namespace::name::Name;
use crate::namespace::plan::{Answer, Planned, Planner, done};
use crate::namespace::record::{EntryRecord, RecordKind};
use crate::namespace::resolve::{self, Brent, Source};
use crate::namespace::tables::{self, Tables};
use crate::namespace::types::{Consent, LINK_GENERATIONS_KEPT, LinkStatus};
use std::ops::ControlFlow;

/// Hops of a chain that is too deep which are followed to say why a strict link is refused.
const HOPS_MAX: usize = 10_000;

type Place = (Name, Name);

pub(crate) fn create(
    planner: &Planner<'_>,
    place: Place,
    source: (&str, &str),
    owner: &str,
    strict: bool,
    options: LinkOptions,
) -> Planned {
    let by = Name::user(options.by.as_deref().unwrap_or(owner))?;
    let mut link = LinkRecord {
        source: (Name::volume(source.0)?, Name::bucket(source.1)?),
        read_only: options.read_only,
        prefix: options.prefix.map(|p| valid_prefix(&p)).transpose()?,
        expires: options.expires,
        bind: None,
        delegate: None,
        turn: Turn::first(planner.now, by),
    };
    if strict {
        refuse_unless_ok(planner, place, &link)?;
    }
    settle(
        planner,
        place,
        &mut link,
        options.bind_id,
        options.delegate.as_ref(),
    )?;
    let record = planner.new_entry(&place.0, owner, RecordKind::Link(Box::new(link)))?;
    let change = Change::put(&Key::entry(&place.0, &place.1), record.encode());
    done(vec![change], Answer::Entry(place.0, place.1))
}

/// A beginning of keys, or the error that says it is none.
pub(crate) fn valid_prefix(prefix: &str) -> Result<Box<str>, NamespaceError> {
    if prefix.is_empty() || prefix.len() > KEY_BYTES_MAX || prefix.contains('\0') {
        let shown = prefix.chars().take(80).collect();
        return Err(NamespaceError::InvalidPrefix(shown));
    }
    Ok(prefix.into())
}

fn refuse_unless_ok(
    planner: &Planner<'_>,
    place: Place,
    link: &LinkRecord,
) -> Result<(), NamespaceError> {
    let found = resolve::follow(planner.map, place, link)?;
    if found
        .resolution
        .expires
        .is_some_and(|end| end <= planner.now)
    {
        let why = resolve::expired(planner.map, link, &found.chain, planner.now)?;
        return Err(NamespaceError::Strict(why));
    }
    let deep = found.resolution.status == LinkStatus::TooDeep;
    match found.reason() {
        None => Ok(()),
        Some(ResolveError::TooDeep { chain }) if deep && loops(planner, place, link)? => {
            Err(NamespaceError::Strict(ResolveError::Loop { chain }))
        }
        Some(reason) => Err(NamespaceError::Strict(reason)),
    }
}

fn loops(planner: &Planner<'_>, place: Place, link: &LinkRecord) -> Result<bool, NamespaceError> {
    let mut walk = Brent::new(place, link.source);
    for _ in 0..HOPS_MAX {
        if let Some(loops) = walk.step(planner.map)? {
            return Ok(loops);
        }
    }
    Ok(false)
}

/// Binds a link to the bucket it leads to, and records consent, as far as that is wanted.
fn settle(
    planner: &Planner<'_>,
    place: Place,
    link: &mut LinkRecord,
    bind: bool,
    grantor: Option<&Grantor>,
) -> Result<(), NamespaceError> {
    if !bind && grantor.is_none() {
        return Ok(());
    }
    let found = resolve::follow(planner.map, place, link)?;
    let end = (found.resolution.volume, found.resolution.bucket);
    let Some(target) = found.resolution.target else {
        let unknown = || ResolveError::BucketNotFound;
        return Err(NamespaceError::NoTarget(
            found.reason().unwrap_or_else(unknown),
        ));
    };
    if bind {
        link.bind = Some(target.bucket.id);
    }
    if let Some(grantor) = grantor {
        link.delegate = Some(consent(planner, end, grantor)?);
    }
    Ok(())
}

/// The consent of somebody who may give it for the bucket at `place`.
fn consent(
    planner: &Planner<'_>,
    place: Place,
    grantor: &Grantor,
) -> Result<Consent, NamespaceError> {
    let gone = || NamespaceError::BucketNotFound(show_place(&place.0, &place.1));
    let record = planner
        .map
        .entry_record(&place.0, &place.1)?
        .ok_or_else(gone)?;
    let source = Source::new(planner.map, place, &record)?;
    let name = Name::user(&grantor.name)?;
    let groups = planner.map.user_record(&name)?.map(|user| user.groups);
    let at_home = grantor.tenant.as_deref() == Some(&*place.0);
    let who = Who {
        name: Some(&name),
        groups: groups.as_deref().unwrap_or(&[]),
        admin: grantor.admin || (at_home && grantor.tenant_admin),
        ..Who::ANONYMOUS
    };
    // A consent holds as long as its user may give it; an access id elsewhere is no user.
    let is_user = grantor.tenant.is_none() || at_home || grantor.admin;
    if !is_user || !source.may_delegate(&who) {
        return Err(NamespaceError::MayNotDelegate {
            grantor: name,
            bucket: show_place(&place.0, &place.1),
        });
    }
    Ok(Consent {
        grantor: name,
        admin: who.admin,
        bucket: source.target.bucket.id,
        at: planner.now,
    })
}

/// A new source for a link.
pub(crate) struct NewSource<'a> {
    pub(crate) source: (&'a str, &'a str),
    pub(crate) expect: Option<(&'a str, &'a str)>,
    pub(crate) expect_generation: Option<u64>,
    pub(crate) delegate: Option<&'a Grantor>,
}

pub(crate) fn set_source(
    planner: &Planner<'_>,
    place: (&str, &str),
    new: &NewSource<'_>,
    by: &str,
) -> Planned {
    let (place, record, link) = existing(planner, place)?;
    let same_source = new
        .expect
        .is_none_or(|(v, n)| link.source.0 == v && link.source.1 == n);
    let same_turn = new
        .expect_generation
        .is_none_or(|g| link.turn.generation == g);
    if !same_source || !same_turn {
        return Err(NamespaceError::LinkChanged {
            link: show_place(&place.0, &place.1),
            generation: link.turn.generation,
            source_is: show_place(&link.source.0, &link.source.1),
        });
    }
    let source = (Name::volume(new.source.0)?, Name::bucket(new.source.1)?);
    let mut next = LinkRecord {
        source,
        bind: None,
        delegate: None,
        turn: next_turn(planner, &link, by)?,
        ..link.clone()
    };
    settle(planner, place, &mut next, link.bind.is_some(), new.delegate)?;
    replace(planner, place, record, &link, next)
}

pub(crate) fn roll_back(
    planner: &Planner<'_>,
    place: (&str, &str),
    to: Option<u64>,
    by: &str,
) -> Planned {
    let (place, record, link) = existing(planner, place)?;
    let present = link.turn.generation;
    let to = to.unwrap_or_else(|| present.saturating_sub(1));
    let past = match to < present {
        true => tables::past_source(planner.map, (&place.0, &place.1), to)?,
        false => None,
    };
    let none = || NamespaceError::NoGeneration(show_place(&place.0, &place.1), to);
    let next = LinkRecord {
        turn: next_turn(planner, &link, by)?,
        ..past.ok_or_else(none)?
    };
    replace(planner, place, record, &link, next)
}

fn next_turn(planner: &Planner<'_>, link: &LinkRecord, by: &str) -> Result<Turn, NamespaceError> {
    let used_up = NamespaceError::InvalidRequest("a link has had all generations there can be");
    Ok(Turn {
        generation: link.turn.generation.checked_add(1).ok_or(used_up)?,
        at: planner.now,
        by: Name::user(by)?,
    })
}

/// Puts a link's next source in the place of the present one, which becomes history.
fn replace(
    planner: &Planner<'_>,
    place: Place,
    mut record: EntryRecord,
    present: &LinkRecord,
    next: LinkRecord,
) -> Planned {
    let link = (&place.0, &place.1);
    let past = Key::past(link, present.turn.generation);
    let mut changes = vec![Change::put(&past, present.encode_past())];
    let forgotten = next.turn.generation.saturating_sub(LINK_GENERATIONS_KEPT);
    if tables::past_source(planner.map, link, forgotten)?.is_some() {
        changes.push(Change::remove(&Key::past(link, forgotten)));
    }
    record.modified = planner.now;
    record.kind = RecordKind::Link(Box::new(next));
    changes.push(Change::put(
        &Key::entry(&place.0, &place.1),
        record.encode(),
    ));
    done(changes, Answer::Entry(place.0, place.1))
}

pub(crate) fn revoke(planner: &Planner<'_>, place: (&str, &str)) -> Planned {
    let (place, mut record, mut link) = existing(planner, place)?;
    link.delegate = None;
    record.kind = RecordKind::Link(Box::new(link));
    planner.rewrite(place.0, place.1, record)
}

pub(crate) fn delete(planner: &Planner<'_>, place: (&str, &str)) -> Planned {
    let (place, _, _) = existing(planner, place)?;
    let mut changes = vec![Change::remove(&Key::entry(&place.0, &place.1))];
    let history = Key::history_of((&place.0, &place.1));
    tables::with_prefix(planner.map, &history, &[], |generation, _| {
        changes.push(Change::remove(&[&*history, generation].concat()));
        ControlFlow::Continue(())
    })?;
    done(changes, Answer::Deleted)
}

/// A link that exists.
fn existing(
    planner: &Planner<'_>,
    place: (&str, &str),
) -> Result<(Place, EntryRecord, LinkRecord), NamespaceError> {
    let (volume, name, record) = planner.entry(place.0, place.1)?;
    match record.link().cloned() {
        Some(link) => Ok(((volume, name), record, link)),
        None => Err(NamespaceError::NotALink(show_place(&volume, &name))),
    }
}
