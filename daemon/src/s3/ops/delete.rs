//! DELETE of one object or of many.

use super::response::Response;
use super::{Context, key_error, write_condition};
use crate::base::ShardId;
use crate::io::{Clock, Disk};
use crate::s3::access::Want;
use crate::s3::error::{ErrorCode, Result, S3Error};
use crate::s3::keys::Key;
use crate::s3::xml::{documents, read};
use crate::store::{EtagSet, StoreError, WriteCondition};
use std::collections::BTreeMap;

impl<D: Disk, C: Clock> Context<'_, D, C> {
    /// `DELETE /bucket/key`
    pub async fn delete_object(&self) -> Result<Response<D>> {
        let bucket = self.bucket(Want::Write)?;
        let key = bucket.key(self.key()?)?;
        self.check_version()?;
        let condition = write_condition(&self.head)?;
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
            Err(error) => Err(key_error(&error, &key)),
        }
    }

    /// `POST /bucket?delete`
    pub async fn delete_objects(&self, document: &[u8]) -> Result<Response<D>> {
        let bucket = self.bucket(Want::Write)?;
        let request = read::delete(document)?;
        let id = bucket.id();
        let mut by_shard: BTreeMap<ShardId, Vec<usize>> = BTreeMap::new();
        let mut keys: Vec<Option<Key<'_>>> = Vec::new();
        let mut results: Vec<Option<Result<()>>> = Vec::new();
        for (at, object) in request.objects.iter().enumerate() {
            let key = match refused_version(object.version.as_deref()) {
                Some(error) => Err(error),
                None => bucket.key(object.key()),
            };
            if let Ok(key) = &key {
                let shard = self.core.shard_of(id, key.as_bytes());
                by_shard.entry(shard).or_default().push(at);
            }
            keys.push(key.as_ref().ok().cloned());
            results.push(key.err().map(Err));
        }
        for (shard, places) in by_shard {
            let wanted: Vec<(Vec<u8>, WriteCondition)> = places
                .iter()
                .filter_map(|at| keys.get(*at)?.as_ref().zip(request.objects.get(*at)))
                .map(|(key, object)| (key.as_bytes().to_vec(), condition_of(object)))
                .collect();
            let outcomes = self
                .core
                .on_shard(shard, move |store| async move {
                    Ok(store.delete_many(id, &wanted).await)
                })
                .await
                .unwrap_or_else(|error| places.iter().map(|_| Err(error.clone())).collect());
            for (at, outcome) in places.iter().zip(outcomes) {
                if let Some((slot, Some(key))) = results.get_mut(*at).zip(keys.get(*at)) {
                    *slot = Some(deleted(outcome, key));
                }
            }
        }
        let results = request.objects.iter().zip(results).map(|(object, result)| {
            let result = result.unwrap_or_else(|| Err(ErrorCode::InternalError.into()));
            (object.key().shown(), object.version.as_deref(), result)
        });
        Ok(Response::xml(documents::delete_result(
            results,
            request.quiet,
        )))
    }
}

fn deleted(outcome: std::result::Result<bool, StoreError>, key: &Key<'_>) -> Result<()> {
    outcome.map(drop).map_err(|error| key_error(&error, key))
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
    }
}

fn refused_version(version: Option<&str>) -> Option<S3Error> {
    match version {
        None | Some("" | "null") => None,
        Some(_) => Some(ErrorCode::NoSuchVersion.into()),
    }
}
