//! Quotas at one shard: writes are taken as long as they fit into what was leased to it.
//!
//! For every bucket with a quota (its own or its volume's) the shard has an account: how much it may
//! hold of that bucket, the *lease*. All leases together never exceed the quota, so a write that
//! fits into the shard's lease needs nobody's leave. One that does not asks the ledger
//! ([`Governor::ask`]), which enlarges the lease, if need be by taking unused parts of others back.
//!
//! What counts against the lease is what the bucket holds in the index, and beyond that what is
//! *reserved*: growth of writes that are in the log but not published yet. What a delete frees is
//! free once it is published, hence after its flush, so that no crash brings more back than fits.
//!
//! Nobody holds the store's gate while asking the ledger. Room that the ledger granted to a waiting
//! write is reserved for it at once; such a write then waits for nothing but the gate and the log,
//! never for the ledger again. So whoever takes room back may wait for it.

use crate::base::BucketId;
use crate::base::local::{Gate, Notify};
use crate::store::error::StoreError;
use crate::store::usage::Usage;
use futures_util::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Who knows of quotas, outside of the store.
pub trait Governor {
    /// Whether the bucket, or its volume, has a quota at this moment.
    fn governed(&self, bucket: BucketId) -> Result<bool, StoreError>;

    /// Asks for room. Afterwards the shard's account has been told of it, or there is no quota any
    /// more: the write tries again. [`StoreError::QuotaExceeded`]: it fits nowhere.
    fn ask(&self, ask: Ask) -> LocalBoxFuture<'static, Result<(), StoreError>>;
}

/// A write's wish for room.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// The shard of the write.
    pub shard: u16,
    /// The bucket.
    pub bucket: BucketId,
    /// Which wish of this shard.
    pub number: u64,
    /// By how much the bucket grows.
    pub need: Usage,
}

/// Something that is so or not, for bytes and for objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Either {
    /// For bytes.
    pub bytes: bool,
    /// For objects.
    pub objects: bool,
}

/// Which quotas of a bucket's there are. Of what has none, the lease is boundless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Whether there is a quota, of the bucket or its volume.
    pub by: Either,
    /// The volume, as the ledger numbers it.
    pub domain: u64,
}

impl Limited {
    const fn lease(self, held: Usage) -> Usage {
        let Either { bytes, objects } = self.by;
        Usage {
            bytes: if bytes { held.bytes } else { u64::MAX },
            objects: if objects { held.objects } else { u64::MAX },
        }
    }
}

/// What the ledger gives in answer to an [`Ask`].
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// The wish that it is for; what it needs is given.
    pub ask: Ask,
    /// Given on top.
    pub extra: Usage,
    /// The bucket's quotas.
    pub limited: Limited,
    /// Whether all leases together are within the quotas.
    pub within: Either,
}

/// Which accounts are meant.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// A bucket's.
    Bucket(BucketId),
    /// Of all buckets of a volume.
    Domain(u64),
}

impl Which {
    fn is(self, bucket: BucketId, account: &Account) -> bool {
        match (self, account.state) {
            (Self::Bucket(one), _) => one == bucket,
            (Self::Domain(domain), State::Leased(lease)) => lease.limited.domain == domain,
            (Self::Domain(_), _) => false,
        }
    }
}

#[derive(Clone, Copy, Default)]
enum State {
    /// Not known since the start, or since quotas changed.
    #[default]
    Unknown,
    /// There was no quota in this epoch. Of its writes nothing is reserved.
    Free(u64),
    /// Under the ledger.
    Leased(Lease),
}

#[derive(Clone, Copy)]
struct Lease {
    limited: Limited,
    /// So much the shard may hold.
    most: Usage,
    /// Whether it may grow up to there by itself. At first not: when a bucket is taken under its
    /// leases it may hold more than its quota, and then what a delete frees must not be used again.
    grows: Either,
}

#[derive(Default)]
struct Account {
    state: State,
    /// For writes that are not published yet.
    reserved: Usage,
    /// Writes that were granted room and have not taken their place in the log yet.
    holds: u32,
    /// One write asks at a time: what one is given often does for others.
    asking: Option<Rc<Gate>>,
    /// The wish that is being asked for, and what it was granted.
    wish: Option<(u64, Option<Usage>)>,
}

/// The accounts of one shard.
#[derive(Default)]
pub struct Quotas {
    governor: RefCell<Option<Rc<dyn Governor>>>,
    accounts: RefCell<HashMap<BucketId, Account>>,
    /// Accounts whose lease may be larger than what they hold.
    loose: RefCell<HashSet<BucketId>>,
    /// Grows when what is known of buckets without quota is void.
    epoch: Cell<u64>,
    wishes: Cell<u64>,
    /// A hold ended.
    ended: Notify,
}

/// Room reserved for a write. Given back when dropped.
pub(super) struct Charge<'a> {
    quotas: &'a Quotas,
    bucket: BucketId,
    room: Usage,
    held: bool,
}

impl Charge<'_> {
    /// The write took its place in the log: the room is now given back by [`Quotas::published`].
    pub(super) fn keep(mut self) -> Usage {
        self.unhold();
        std::mem::take(&mut self.room)
    }

    fn unhold(&mut self) {
        if std::mem::take(&mut self.held) {
            if let Some(account) = self.quotas.accounts.borrow_mut().get_mut(&self.bucket) {
                account.holds = account.holds.saturating_sub(1);
            }
            self.quotas.ended.notify();
        }
    }

    fn shrink_to(&mut self, room: Usage) {
        self.quotas.published(self.bucket, self.room.minus(room));
        self.room = room;
    }

    const fn covers(&self, need: Usage) -> bool {
        self.room.bytes >= need.bytes && self.room.objects >= need.objects
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        if self.room != Usage::ZERO {
            self.quotas.published(self.bucket, self.room);
        }
        self.unhold();
    }
}

/// Whether a write may go on.
pub(super) enum Admission<'a> {
    /// It may, with this.
    Granted(Charge<'a>),
    /// It needs so much more than is leased.
    Short(Usage),
}

impl Quotas {
    /// Says who knows of quotas. Without anybody there are none.
    pub(super) fn govern(&self, governor: Rc<dyn Governor>) {
        *self.governor.borrow_mut() = Some(governor);
    }

    const fn charge(&self, bucket: BucketId, room: Usage) -> Charge<'_> {
        Charge {
            quotas: self,
            bucket,
            room,
            held: false,
        }
    }

    /// Whether a write may take its place, under the store's gate. `charge` is what it was granted
    /// before, `holds` what the bucket holds, `need` by how much it is to grow: asked only where
    /// there is a quota.
    pub(super) fn admit<'a>(
        &'a self,
        bucket: BucketId,
        charge: Option<Charge<'a>>,
        holds: impl FnOnce() -> Usage,
        need: impl FnOnce() -> Result<Usage, StoreError>,
    ) -> Result<Admission<'a>, StoreError> {
        let Some(governor) = self.governor.borrow().clone() else {
            return Ok(Admission::Granted(self.charge(bucket, Usage::ZERO)));
        };
        if let Some(mut charge) = charge.filter(|charge| charge.held) {
            let need = need()?;
            if charge.covers(need) {
                charge.shrink_to(need);
                return Ok(Admission::Granted(charge));
            }
            // More than before: it asks anew, and holds nothing while it does.
            return Ok(Admission::Short(need));
        }
        let mut accounts = self.accounts.borrow_mut();
        let account = accounts.entry(bucket).or_default();
        match account.state {
            State::Free(epoch) if epoch == self.epoch.get() => {
                return Ok(Admission::Granted(self.charge(bucket, Usage::ZERO)));
            }
            State::Leased(..) => {}
            State::Free(_) | State::Unknown => {
                if !governor.governed(bucket)? {
                    account.state = State::Free(self.epoch.get());
                    return Ok(Admission::Granted(self.charge(bucket, Usage::ZERO)));
                }
                account.state = State::Unknown;
            }
        }
        let need = need()?;
        if need != Usage::ZERO {
            if !account.fits(holds(), need) {
                return Ok(Admission::Short(need));
            }
            account.reserved = account.reserved.plus(need);
        }
        Ok(Admission::Granted(self.charge(bucket, need)))
    }

    /// Has the ledger make room for a write that [`Quotas::admit`] refused; not under the gate. The
    /// write then tries again, with what it was given.
    pub(super) async fn obtain(
        &self,
        shard: u16,
        bucket: BucketId,
        need: Usage,
        holds: impl Fn() -> Usage,
    ) -> Result<Option<Charge<'_>>, StoreError> {
        let asking = {
            let mut accounts = self.accounts.borrow_mut();
            let account = accounts.entry(bucket).or_default();
            account.asking.get_or_insert_default().clone()
        };
        let _one = asking.enter().await;
        let Some(governor) = self.governor.borrow().clone() else {
            return Ok(None);
        };
        let number = self.wishes.get() + 1;
        self.wishes.set(number);
        {
            let mut accounts = self.accounts.borrow_mut();
            let account = accounts.entry(bucket).or_default();
            if account.fits(holds(), need) {
                return Ok(None);
            }
            account.wish = Some((number, None));
        }
        let wish = Wish {
            quotas: self,
            bucket,
            number,
        };
        let ask = Ask {
            shard,
            bucket,
            number,
            need,
        };
        governor.ask(ask).await?;
        Ok(wish.granted())
    }

    /// The ledger enlarges a lease by what a write needs and some more; the write's part is reserved
    /// for it if it still waits.
    pub(super) fn grant(&self, grant: &Grant, holds: Usage) {
        let Grant {
            ask,
            extra,
            limited,
            within,
        } = *grant;
        let mut accounts = self.accounts.borrow_mut();
        let account = accounts.entry(ask.bucket).or_default();
        let most = match account.state {
            State::Leased(lease) => lease.most,
            State::Free(_) | State::Unknown => limited.lease(holds.plus(account.reserved)),
        };
        account.state = State::Leased(Lease {
            limited,
            most: most.plus(ask.need).plus(extra),
            grows: within,
        });
        if let Some((number, granted @ None)) = &mut account.wish
            && *number == ask.number
        {
            *granted = Some(ask.need);
            account.reserved = account.reserved.plus(ask.need);
            account.holds += 1;
        }
        self.loose.borrow_mut().insert(ask.bucket);
    }

    /// A write was published, or came to nothing: the room reserved for it is free, or used.
    pub(super) fn published(&self, bucket: BucketId, room: Usage) {
        if self.governor.borrow().is_none() {
            return;
        }
        if let Some(account) = self.accounts.borrow_mut().get_mut(&bucket) {
            account.reserved = account.reserved.minus(room);
            if matches!(account.state, State::Leased(..)) {
                self.loose.borrow_mut().insert(bucket);
            }
        }
    }

    /// Takes the unused part of leases back.
    pub(super) fn reclaim(
        &self,
        which: Which,
        holds: impl Fn(BucketId) -> Usage,
    ) -> Vec<(BucketId, Usage)> {
        let mut accounts = self.accounts.borrow_mut();
        let mut taken = Vec::new();
        self.loose.borrow_mut().retain(|bucket| {
            let Some(account) = accounts.get_mut(bucket) else {
                return false;
            };
            if !which.is(*bucket, account) {
                return true;
            }
            let State::Leased(lease) = &mut account.state else {
                return false;
            };
            let used = lease.limited.lease(holds(*bucket).plus(account.reserved));
            let unused = lease.most.minus(used);
            lease.most = lease.most.minus(unused);
            if unused != Usage::ZERO {
                taken.push((*bucket, unused));
            }
            false
        });
        taken
    }

    /// Resolves when the granted writes of these buckets have taken their place or given up.
    pub(super) async fn holds_ended(&self, which: Which) {
        loop {
            let ticket = self.ended.ticket();
            let any = {
                let accounts = self.accounts.borrow();
                let held = |bucket: &BucketId, account: &Account| {
                    account.holds > 0 && which.is(*bucket, account)
                };
                match which {
                    Which::Bucket(bucket) => {
                        accounts.get(&bucket).is_some_and(|a| held(&bucket, a))
                    }
                    Which::Domain(_) => accounts.iter().any(|(bucket, a)| held(bucket, a)),
                }
            };
            if !any {
                return;
            }
            self.ended.changed(ticket).await;
        }
    }

    /// What is known of these buckets is void: their writes ask again.
    pub(super) fn forget(&self, buckets: impl Iterator<Item = BucketId>) {
        let mut accounts = self.accounts.borrow_mut();
        for bucket in buckets {
            if let Some(account) = accounts.get_mut(&bucket) {
                account.state = State::Unknown;
            }
        }
    }

    /// The accounts of a volume.
    pub(super) fn of_domain(&self, domain: u64) -> Vec<BucketId> {
        let which = Which::Domain(domain);
        let accounts = self.accounts.borrow();
        let of = accounts
            .iter()
            .filter(|(id, account)| which.is(**id, account));
        of.map(|(id, _)| *id).collect()
    }

    /// What is known of buckets without a quota is void.
    pub(super) fn next_epoch(&self) {
        self.epoch.set(self.epoch.get() + 1);
    }

    /// Leases a bucket what it holds, and returns that; nothing when there is nothing to lease.
    pub(super) fn adopt(&self, bucket: BucketId, limited: Limited, holds: Usage) -> Option<Usage> {
        let mut accounts = self.accounts.borrow_mut();
        if holds == Usage::ZERO && !accounts.contains_key(&bucket) {
            return None;
        }
        let account = accounts.entry(bucket).or_default();
        let held = holds.plus(account.reserved);
        account.state = State::Leased(Lease {
            limited,
            most: limited.lease(held),
            grows: Either {
                bytes: !limited.by.bytes,
                objects: !limited.by.objects,
            },
        });
        Some(held)
    }
}

impl Account {
    fn fits(&self, holds: Usage, need: Usage) -> bool {
        let State::Leased(Lease { most, grows, .. }) = self.state else {
            return false;
        };
        let then = holds.plus(self.reserved).plus(need);
        // What does not grow is not refused, even where there is more than the quota already.
        (need.bytes == 0 || grows.bytes && then.bytes <= most.bytes)
            && (need.objects == 0 || grows.objects && then.objects <= most.objects)
    }
}

/// A wish on its way. Dropped, it gives back what was granted meanwhile.
struct Wish<'a> {
    quotas: &'a Quotas,
    bucket: BucketId,
    number: u64,
}

impl<'a> Wish<'a> {
    /// What was granted, if anything was.
    fn granted(&self) -> Option<Charge<'a>> {
        let mut accounts = self.quotas.accounts.borrow_mut();
        let account = accounts.get_mut(&self.bucket)?;
        let (_, granted) = account.wish.take_if(|(number, _)| *number == self.number)?;
        granted.map(|room| Charge {
            quotas: self.quotas,
            bucket: self.bucket,
            room,
            held: true,
        })
    }
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        drop(self.granted());
    }
}
