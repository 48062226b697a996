//! The right to change one object, and how far it goes. The bucket's lists hold for all its objects;
//! those of prefixes and of the object itself add to them.

use super::{Context, no_such_key};
use crate::base::Location;
use crate::io::{Clock, Disk};
use crate::namespace::{Right, Rights};
use crate::s3::access::denied;
use crate::s3::error::{Result, S3Error};
use crate::s3::keys::Key;
use crate::s3::place::Place;
use crate::s3::rights::Need;
use crate::store::meta::ObjectMeta;
use crate::store::{EtagSet, Opened, StoreError, WriteCondition};

/// How far the right to write or delete a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Whatever is there.
    Any,
    /// Only as long as nothing is there.
    Create,
    /// Only this object, whose own list gives the right.
    This(Location),
}

impl Hold {
    /// The condition under which the shard's owner does it: what the client asked for, and what it
    /// may.
    pub(super) fn guard(self, mut asked: WriteCondition) -> Result<WriteCondition> {
        match self {
            Self::Any => {}
            Self::Create => {
                let replaces = asked.if_match.is_some()
                    || asked.if_size.is_some()
                    || asked.if_modified_at.is_some();
                if replaces {
                    return Err(denied());
                }
                asked.if_none_match = Some(EtagSet::Any);
            }
            Self::This(at) => asked.if_at = Some(at),
        }
        Ok(asked)
    }

    /// The error of a write that was refused: when the condition was ours, the caller lacks a right.
    pub(super) fn refused(
        self,
        error: &StoreError,
        asked: &WriteCondition,
        key: &Key<'_>,
    ) -> S3Error {
        let theirs = asked.if_none_match.is_some() || asked.if_match.is_some();
        match (self, error) {
            (Self::Create | Self::This(..), StoreError::PreconditionFailed) if !theirs => denied(),
            _ => super::key_error(error, key),
        }
    }
}

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// What the lists of the prefixes of a key and the object's own give the caller.
    fn added(&self, place: &Place, key: &Key<'_>, meta: Option<&ObjectMeta>) -> Result<Rights> {
        let who = self.caller.who().at(place.source_volume.as_bytes());
        let names = self.core.names();
        let prefixes = names
            .prefix_acl(place.id(), key.stored())
            .map_err(|error| super::buckets::namespace_failed(&error))?;
        let own = meta.map_or(Rights::NONE, |meta| meta.rules.rights_of(&who));
        Ok(prefixes.rights_of(&who) | own)
    }

    /// The object asked for, if the caller may do with it what is needed.
    pub(super) async fn object(
        &self,
        place: &Place,
        key: &Key<'_>,
        need: Need,
    ) -> Result<Opened<D>> {
        let opened = self
            .core
            .reader_of(place.id(), key.as_bytes())
            .open(place.id(), key.as_bytes(), Some(self.core.cache()))
            .await
            .map_err(|error| super::key_error(&error, key))?;
        let Some(opened) = opened else {
            return Err(self.missing(place, key));
        };
        self.check_object(place, key, &opened.object.record.meta, need)?;
        Ok(opened)
    }

    /// Only who may list may learn that a key is not there.
    pub(super) fn missing(&self, place: &Place, key: &Key<'_>) -> S3Error {
        if self.caller.may(place, Right::List) {
            no_such_key(key)
        } else {
            denied()
        }
    }

    /// Fails unless the caller may do with this object what is needed.
    pub(super) fn check_object(
        &self,
        place: &Place,
        key: &Key<'_>,
        meta: &ObjectMeta,
        need: Need,
    ) -> Result<()> {
        let (right, canned) = match need {
            Need::Content => (Right::Read, true),
            Need::Object(right) => (right, false),
            _ => return Err(denied()),
        };
        let who = self.caller.who();
        let allowed = place.allows(&who, right)
            || (canned && self.caller.reads_canned(place, meta) && place.reaches(&who))
            || place.allows_adding(&who, right, self.added(place, key, Some(meta))?);
        if allowed { Ok(()) } else { Err(denied()) }
    }

    /// How far the caller's right to write this key goes.
    pub(super) async fn hold(&self, place: &Place, key: &Key<'_>) -> Result<Hold> {
        self.hold_by(place, key, Right::Write).await
    }

    /// How far the caller's right to write or delete this key goes.
    pub(super) async fn hold_by(&self, place: &Place, key: &Key<'_>, right: Right) -> Result<Hold> {
        let who = self.caller.who();
        if place.allows(&who, right) {
            return Ok(Hold::Any);
        }
        let more = self.added(place, key, None)?;
        if place.allows_adding(&who, right, more) {
            return Ok(Hold::Any);
        }
        if right == Right::Write && place.allows_adding(&who, Right::Create, more) {
            return Ok(Hold::Create);
        }
        if !place.reaches(&who) {
            return Err(denied());
        }
        let found = self.object(place, key, Need::Object(right)).await;
        // Whatever is wrong, a caller without any right learns nothing of it.
        let found = found.map_err(|_| denied())?;
        Ok(Hold::This(found.entry.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::error::ErrorCode;

    fn asked() -> WriteCondition {
        WriteCondition::default()
    }

    #[test]
    fn who_may_only_create_never_replaces() {
        let guarded = Hold::Create.guard(asked()).unwrap();
        assert_eq!(guarded.if_none_match, Some(EtagSet::Any));
        let replacing = WriteCondition {
            if_match: Some(EtagSet::Any),
            ..asked()
        };
        assert_eq!(
            Hold::Create.guard(replacing).unwrap_err().code,
            ErrorCode::AccessDenied
        );
    }

    #[test]
    fn the_right_on_one_object_is_no_right_on_the_next() {
        let guarded = Hold::This(Location::ZERO).guard(asked()).unwrap();
        assert_eq!(guarded.if_at, Some(Location::ZERO));
    }
}
