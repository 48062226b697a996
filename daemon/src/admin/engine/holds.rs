//! Rights on keys. What a bucket gives holds for all its keys; the lists of prefixes and those of
//! the keys themselves add to it, for whoever gets as far as the bucket.

use super::Engine;
use super::keys::missing;
use super::rights::{denied, right_name};
use crate::admin::backend::Caller;
use crate::admin::failure;
use crate::base::Location;
use crate::io::{Clock, Disk};
use crate::namespace::{Resolved, Right, Rights};
use crate::store::meta::{CannedAcl, ObjectMeta};
use crate::store::{EtagSet, Opened, StoreError, WriteCondition};
use chainring_protocol::message::BucketName;
use chainring_protocol::{Failure, ResultCode};

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
    /// The condition under which the shard's owner does it.
    pub(super) fn condition(self) -> WriteCondition {
        let none = WriteCondition::default();
        match self {
            Self::Any => none,
            Self::Create => WriteCondition {
                if_none_match: Some(EtagSet::Any),
                ..none
            },
            Self::This(at) => WriteCondition {
                if_at: Some(at),
                ..none
            },
        }
    }

    /// What became of a write: when the condition did not hold, the caller lacks a right.
    pub(super) fn refused(
        self,
        error: &StoreError,
        caller: &Caller,
        name: &BucketName,
        key: &str,
    ) -> Failure {
        let on = format!("key {key:?} of {name}");
        match (self, error) {
            (Self::Create, StoreError::PreconditionFailed) => denied(
                caller,
                right_name(Right::Write),
                &format!("{on}, which exists and cannot be created again"),
            ),
            (_, StoreError::PreconditionFailed) => denied(caller, right_name(Right::Write), &on),
            _ => failure::of_store(error),
        }
    }
}

impl<D: Disk, C: Clock> Engine<D, C> {
    /// Fails unless the bucket gives the right, through the name asked for.
    pub(super) fn expect_right(
        &self,
        caller: &Caller,
        bucket: &Resolved,
        name: &BucketName,
        right: Right,
    ) -> Result<(), Failure> {
        if bucket.allows(&caller.who(), right) {
            return Ok(());
        }
        Err(self.refusal(caller, bucket, name, right))
    }

    /// Fails when no list of a key can give the right: before any key is looked at.
    pub(super) fn expect_way(
        &self,
        caller: &Caller,
        bucket: &Resolved,
        name: &BucketName,
        right: Right,
    ) -> Result<(), Failure> {
        let who = caller.who();
        // As if a key's list gave everything.
        if bucket.allows_adding(&who, right, Rights::ALL) {
            return Ok(());
        }
        Err(self.refusal(caller, bucket, name, right))
    }

    fn refusal(
        &self,
        caller: &Caller,
        bucket: &Resolved,
        name: &BucketName,
        right: Right,
    ) -> Failure {
        let who = caller.who();
        let looks = bucket.allows(&who, Right::Read) || bucket.allows(&who, Right::List);
        if bucket.read_only && looks && !matches!(right, Right::Read | Right::List) {
            let text = format!("nothing can be changed through {name}: the link is read-only");
            return Failure::new(ResultCode::PermissionDenied, text);
        }
        // The same words as for a name that is not there.
        denied(caller, right_name(Right::Read), &format!("bucket {name}"))
    }

    /// The object, if the caller has the right on it. `key` is the one asked for and the one stored.
    pub(super) async fn held(
        &self,
        caller: &Caller,
        bucket: &Resolved,
        name: &BucketName,
        key: (&str, &str),
        right: Right,
    ) -> Result<Opened<D>, Failure> {
        let failed = |error| failure::of_store(&error);
        self.expect_way(caller, bucket, name, right)?;
        let reader = self.core.reader_of(bucket.bucket, key.1.as_bytes());
        let found = reader.open(bucket.bucket, key.1.as_bytes(), None).await;
        let Some(opened) = found.map_err(failed)? else {
            return Err(self.no_key(caller, bucket, name, key.0, right));
        };
        let record = &opened.object.record;
        let who = caller.who();
        let more = self.added(caller, bucket, key.1, Some(&record.meta))?;
        let canned = right == Right::Read && reads_canned(caller, bucket, &record.meta);
        let own = if canned { Rights::READ } else { Rights::NONE };
        if bucket.allows_adding(&who, right, more | own) {
            return Ok(opened);
        }
        Err(denied(
            caller,
            right_name(right),
            &format!("key {:?} of {name}", key.0),
        ))
    }

    /// How far the right to write or to delete a key goes.
    pub(super) async fn hold(
        &self,
        caller: &Caller,
        bucket: &Resolved,
        name: &BucketName,
        key: (&str, &str),
        right: Right,
    ) -> Result<Hold, Failure> {
        let who = caller.who();
        if bucket.allows(&who, right) {
            return Ok(Hold::Any);
        }
        self.expect_way(caller, bucket, name, right)?;
        let more = self.added(caller, bucket, key.1, None)?;
        if bucket.allows_adding(&who, right, more) {
            return Ok(Hold::Any);
        }
        if right == Right::Write && bucket.allows_adding(&who, Right::Create, more) {
            return Ok(Hold::Create);
        }
        // Whatever is wrong, a caller without any right learns nothing of it.
        match self.held(caller, bucket, name, key, right).await {
            Ok(opened) => Ok(Hold::This(opened.entry.at)),
            Err(failure) if failure.code == ResultCode::InternalError => Err(failure),
            Err(_) => Err(denied(
                caller,
                right_name(right),
                &format!("key {:?} of {name}", key.0),
            )),
        }
    }

    /// Only who may list may learn that a key is not there.
    pub(super) fn no_key(
        &self,
        caller: &Caller,
        bucket: &Resolved,
        name: &BucketName,
        key: &str,
        right: Right,
    ) -> Failure {
        if bucket.allows(&caller.who(), Right::List) {
            missing(key)
        } else {
            denied(caller, right_name(right), &format!("key {key:?} of {name}"))
        }
    }

    /// What the lists of the prefixes of a key, and its own, give the caller.
    fn added(
        &self,
        caller: &Caller,
        bucket: &Resolved,
        key: &str,
        meta: Option<&ObjectMeta>,
    ) -> Result<Rights, Failure> {
        let who = caller.who().at(bucket.source_volume.as_bytes());
        let prefixes = self.names().prefix_acl(bucket.bucket, key);
        let prefixes = prefixes.map_err(failure::of_read)?;
        let own = meta.map_or(Rights::NONE, |meta| meta.rules.rights_of(&who));
        Ok(prefixes.rights_of(&who) | own)
    }
}

/// Whether the canned list of an object lets a user read it; so does having written it.
fn reads_canned(caller: &Caller, bucket: &Resolved, meta: &ObjectMeta) -> bool {
    match meta.acl {
        CannedAcl::PublicRead | CannedAcl::PublicReadWrite | CannedAcl::AuthenticatedRead => true,
        CannedAcl::Private | CannedAcl::BucketOwnerRead | CannedAcl::BucketOwnerFullControl => {
            !meta.owner.is_empty() && meta.owner == caller.author_in(&bucket.source_volume)
        }
    }
}
