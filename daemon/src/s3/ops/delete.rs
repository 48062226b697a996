//! DELETE of one object or of many.

use super::hold::Hold;
use super::response::Response;
use super::{Context, write_condition};
use crate::base::ShardId;
use crate::io::{Clock, Disk};
use crate::namespace::Right;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::keys::Key;
use crate::s3::place::Place;
use crate::s3::xml::{documents, read};
use crate::store::{EtagSet, StoreError, WriteCondition};
use std::collections::BTreeMap;

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `DELETE /bucket/key`
    pub async fn delete_object(&self) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let key = bucket.key(self.key()?)?;
        self.check_version()?;
        let hold = self.hold_by(&bucket, &key, Right::Delete).await?;
        let asked = write_condition(&self.head)?;
        let condition = hold.guard(asked.clone())?;
        let id = bucket.id();
        let shard = self.core.shard_of(id, key.as_bytes());
        let owned = key.as_bytes().to_vec();
        let result = self
            .core
            .on_shard(shard, move |store| async move {
                store.delete(id, &owned, &condition).await
            })
            .await;
        match result {
            Ok(_) => Ok(Response::empty(204)),
            Err(error) => Err(hold.refused(&error, &asked, &key)),
        }
    }

    /// `POST /bucket?delete`
    pub async fn delete_objects(&self, document: &[u8]) -> Result<Response<D>> {
        let bucket = self.bucket()?;
        let request = read::delete(document)?;
        let id = bucket.id();
        let mut by_shard: BTreeMap<ShardId, Vec<usize>> = BTreeMap::new();
        let mut wanted: Vec<Option<Wanted<'_>>> = Vec::new();
        let mut results: Vec<Option<Result<()>>> = Vec::new();
        for (at, object) in request.objects.iter().enumerate() {
            let judged = self.judge(&bucket, object).await;
            if let Ok(one) = &judged {
                let shard = self.core.shard_of(id, one.key.as_bytes());
                by_shard.entry(shard).or_default().push(at);
            }
            let (one, refused) = match judged {
                Ok(one) => (Some(one), None),
                Err(error) => (None, Some(Err(error))),
            };
            wanted.push(one);
            results.push(refused);
        }
        for (shard, places) in by_shard {
            let keys: Vec<(Vec<u8>, WriteCondition)> = places
                .iter()
                .filter_map(|at| wanted.get(*at)?.as_ref())
                .map(|one| (one.key.as_bytes().to_vec(), one.condition.clone()))
                .collect();
            let outcomes = self
                .core
                .on_shard(shard, move |store| async move {
                    Ok(store.delete_many(id, &keys).await)
                })
                .await
                .unwrap_or_else(|error| places.iter().map(|_| Err(error.clone())).collect());
            for (at, outcome) in places.iter().zip(outcomes) {
                if let Some((slot, Some(one))) = results.get_mut(*at).zip(wanted.get(*at)) {
                    *slot = Some(one.outcome(outcome));
                }
            }
        }
        let results = request.objects.iter().zip(results).map(|(object, result)| {
            let result = result.unwrap_or_else(|| Err(ErrorCode::InternalError.into()));
            let code = result.as_ref().err().map(|error| error.code);
            self.observed
                .one_of_many(self.core, object.key().shown(), code);
            (object.key().shown(), object.version.as_deref(), result)
        });
        Ok(Response::xml(documents::delete_result(
            results,
            request.quiet,
        )))
    }

    /// Each key for itself: the right to delete one is no right to delete the next.
    async fn judge<'o>(
        &self,
        bucket: &Place,
        object: &'o read::DeletedObject,
    ) -> Result<Wanted<'o>> {
        if let Some(error) = refused_version(object.version.as_deref()) {
            return Err(error);
        }
        let key = bucket.key(object.key())?;
        let hold = self.hold_by(bucket, &key, Right::Delete).await?;
        let asked = condition_of(object);
        let condition = hold.guard(asked.clone())?;
        Ok(Wanted {
            key,
            hold,
            asked,
            condition,
        })
    }
}

/// A key to be deleted by a caller who may.
struct Wanted<'a> {
    key: Key<'a>,
    hold: Hold,
    asked: WriteCondition,
    condition: WriteCondition,
}

impl Wanted<'_> {
    fn outcome(&self, outcome: std::result::Result<bool, StoreError>) -> Result<()> {
        let refused = |error| self.hold.refused(&error, &self.asked, &self.key);
        outcome.map(drop).map_err(refused)
    }
}

fn condition_of(object: &read::DeletedObject) -> WriteCondition {
    let etag = object
        .etag
        .as_ref()
        .map(|etag| match etag.trim_matches('"') {
            "*" => EtagSet::Any,
            etag => EtagSet::OneOf(vec![etag.to_owned()]),
        });
    WriteCondition {
        if_match: etag,
        if_none_match: None,
        if_size: object.size,
        if_modified_at: object.modified,
        if_at: None,
        if_unmoved: false,
    }
}

fn refused_version(version: Option<&str>) -> Option<S3Error> {
    match version {
        None | Some("" | "null") => None,
        Some(_) => Some(ErrorCode::NoSuchVersion.into()),
    }
}
