//! Quotas of volumes and buckets.

/// What becomes of one of the quotas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuotaChange {
    /// It stays.
    #[default]
    Keep,
    /// There is none any more.
    Clear,
    /// It is this.
    Set(u64),
}

impl QuotaChange {
    /// The quota after the change.
    #[must_use]
    pub const fn of(self, before: Option<u64>) -> Option<u64> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(quota) => Some(quota),
        }
    }
}

/// What somebody counted in a bucket, or in all buckets of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Bytes of the objects, parts of unfinished uploads included.
    pub bytes: u64,
    /// Objects of a bucket. Of no meaning for a volume, whose names the namespace counts itself.
    pub objects: u64,
}

/// How many there may be of what nothing else bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Volumes of one owner, as Ozone's `ozone.om.user.max.volume`.
    pub volumes_of_owner: usize,
    /// Buckets and links of the store.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            volumes_of_owner: 1024,
            entries: 10_000_000,
        }
    }
}
