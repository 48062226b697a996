//! What a store may be found to hold after a crash: the states of the model after each operation, and
//! which of them were acknowledged.
//!
//! Each shard, and the namespace, has one order of operations. A crash leaves each of them in the
//! state after some operation that is not older than the last acknowledged one (D1, D2, D5).

use crate::model::{Key, Model, Op, Outcome};
use chainringd::base::BucketId;
use chainringd::shard::core::shard_of;

/// A state, and what led to it.
struct Version {
    model: Model,
    /// The key that was written, and of which upload; nothing when names were.
    target: Option<(Key, Option<u128>)>,
}

/// The states since everything was last acknowledged.
pub struct Journal {
    shards: u16,
    versions: Vec<Version>,
    /// By shard, then the namespace: the newest acknowledged version.
    acked: Vec<usize>,
}

impl Journal {
    /// An empty store.
    #[must_use]
    pub fn new(shards: u16) -> Self {
        Self::from(shards, Model::default())
    }

    /// A store that holds this.
    #[must_use]
    pub fn from(shards: u16, model: Model) -> Self {
        let target = None;
        Self {
            shards,
            versions: vec![Version { model, target }],
            acked: vec![0; usize::from(shards) + 1],
        }
    }

    /// The state after everything that was begun.
    #[must_use]
    pub fn latest(&self) -> &Model {
        match self.versions.last() {
            Some(version) => &version.model,
            None => unreachable!("there is always a version"),
        }
    }

    /// An operation takes its place: what it must answer, and the number to acknowledge it by.
    pub fn begin(&mut self, op: &Op) -> (Outcome, u64) {
        let before = self.latest();
        let target = before.target(op).map(|key| (key, op.upload()));
        let mut model = before.clone();
        let outcome = model.apply(op);
        let number = if model != *before {
            self.versions.push(Version { model, target });
            self.versions.len() - 1
        } else if target.is_some() {
            // An answer that changes nothing rests on what was last done to its key.
            let last = self.versions.iter().rposition(|v| v.target == target);
            last.unwrap_or(0)
        } else {
            0
        };
        (outcome, number as u64)
    }

    /// What reading it in any state that may be visible would answer.
    pub fn readings(&self, op: &Op) -> impl Iterator<Item = Outcome> {
        let oldest = self.acked.iter().min().copied().unwrap_or(0);
        let versions = self.versions.iter().skip(oldest);
        versions.map(|version| version.model.clone().apply(op))
    }

    /// The operation with this number is acknowledged.
    pub fn acknowledge(&mut self, number: u64) {
        let mut acked = std::mem::take(&mut self.acked);
        self.note(&mut acked, number);
        self.acked = acked;
    }

    fn note(&self, acked: &mut [usize], number: u64) {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(version) = self.versions.get(number) else {
            return;
        };
        let side = match &version.target {
            Some(((bucket, key), _)) => self.shard(*bucket, key),
            None => usize::from(self.shards),
        };
        if let Some(acked) = acked.get_mut(side) {
            *acked = (*acked).max(number);
        }
    }

    /// The newest acknowledged version of each side, when nothing is acknowledged but what the
    /// numbers say.
    pub fn acked_by(&self, numbers: impl Iterator<Item = u64>) -> Vec<usize> {
        let mut acked = vec![0; self.acked.len()];
        numbers.for_each(|number| self.note(&mut acked, number));
        acked
    }

    /// The newest acknowledged version of each side.
    #[must_use]
    pub fn acked(&self) -> &[usize] {
        &self.acked
    }

    /// Nothing is acknowledged but what the numbers say.
    pub fn acknowledged_only(&mut self, numbers: impl Iterator<Item = u64>) {
        self.acked = self.acked_by(numbers);
    }

    /// The last operation did nothing after all.
    pub fn take_back(&mut self, number: u64) {
        if self.versions.len() as u64 == number + 1 && number > 0 {
            self.versions.pop();
        }
    }

    /// Everything begun is acknowledged: older states do not matter any more.
    pub fn settle(&mut self) {
        *self = Self::from(self.shards, self.latest().clone());
    }

    /// Whether names were changed since then.
    #[must_use]
    pub fn names_changed(&self) -> bool {
        let mut all = self.versions.iter().map(|version| &version.model.names);
        let first = all.next();
        all.any(|names| Some(names) != first)
    }

    /// The number of the latest state.
    #[must_use]
    pub fn len(&self) -> usize {
        self.versions.len()
    }

    /// Whether nothing happened since everything was acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.len() == 1
    }

    fn shard(&self, bucket: u64, key: &str) -> usize {
        let shard = shard_of(self.shards.into(), BucketId(bucket), key.as_bytes());
        usize::from(shard.0)
    }

    /// What `model` says of one shard, as far as its buckets are among the names of `seen`.
    fn side(&self, model: &Model, shard: usize, seen: &Model) -> Model {
        let here = |(bucket, key): &Key| {
            self.shard(*bucket, key) == shard && seen.names.has_bucket(*bucket)
        };
        let mut side = Model::default();
        let objects = model.objects.iter().filter(|(key, _)| here(key));
        side.objects = objects.map(|(k, v)| (k.clone(), v.clone())).collect();
        let uploads = model.uploads.iter().filter(|((key, _), _)| here(key));
        side.uploads = uploads.map(|(k, v)| (k.clone(), v.clone())).collect();
        side
    }

    /// Compares what was found with what may be found, and goes on from there.
    pub fn judge(&mut self, seen: &Model) -> Result<(), String> {
        let judged = self.find(seen, &self.acked)?;
        *self = Self::from(self.shards, judged);
        Ok(())
    }

    /// The state that was found, in full, if it is one that may be found when these versions are
    /// acknowledged. The error says what was found and what is allowed.
    pub fn find(&self, seen: &Model, acked: &[usize]) -> Result<Model, String> {
        let mut judged = Model::default();
        for shard in 0..usize::from(self.shards) {
            let found = self.side(seen, shard, seen);
            let oldest = acked.get(shard).copied().unwrap_or(0);
            let mut allowed = self.versions.iter().skip(oldest);
            let right = allowed
                .by_ref()
                .map(|version| self.side(&version.model, shard, seen))
                .find(|side| *side == found);
            let Some(right) = right else {
                let allowed = self.versions.iter().skip(oldest);
                let allowed: Vec<_> = allowed
                    .map(|version| brief(&self.side(&version.model, shard, seen)))
                    .collect();
                let found = brief(&found);
                return Err(format!(
                    "shard {shard} holds\n  {found}\nbut must hold one of\n  {}",
                    allowed.join("\n  ")
                ));
            };
            judged.objects.extend(right.objects);
            judged.uploads.extend(right.uploads);
        }
        let oldest = acked.last().copied().unwrap_or(0);
        let allowed = self.versions.iter().skip(oldest).map(|v| &v.model.names);
        let found = &seen.names.volumes;
        let Some(names) = allowed.clone().find(|names| names.volumes == *found) else {
            let allowed: Vec<_> = allowed.map(|n| format!("{:?}", n.volumes)).collect();
            return Err(format!(
                "the namespace holds\n  {found:?}\nbut must hold one of\n  {}",
                allowed.join("\n  ")
            ));
        };
        judged.names = names.clone();
        Ok(judged)
    }
}

/// A shard's side in few words.
fn brief(side: &Model) -> String {
    let objects = side.objects.iter().map(|((bucket, key), object)| {
        let (len, etag) = (object.bytes.len(), object.etag);
        format!("{bucket}/{key}: {len} bytes {etag} {:?}", object.note)
    });
    let uploads = side.uploads.iter().map(|(((bucket, key), upload), parts)| {
        let parts: Vec<_> = parts.iter().map(|(n, p)| (*n, p.bytes.len())).collect();
        format!("{bucket}/{key} upload {upload}: {parts:?}")
    });
    let all: Vec<_> = objects.chain(uploads).collect();
    match all.is_empty() {
        true => "nothing".to_owned(),
        false => all.join(", "),
    }
}
