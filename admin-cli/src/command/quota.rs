//! The quota options that volumes and buckets share.

use crate::quantity;

/// Quotas of something new.
#[derive(Debug, clap::Args)]
pub struct NewQuota {
    /// Most bytes it may hold: a whole number and a unit, as in 512MB or 10TB [default: no limit]
    #[arg(long, visible_alias = "quota", value_name = "SIZE", value_parser = quantity::size)]
    pub space_quota: Option<u64>,
    /// Most entries it may hold: buckets and links of a volume, objects of a bucket [default: no
    /// limit]
    #[arg(long, value_name = "COUNT", value_parser = quantity::count)]
    pub namespace_quota: Option<u64>,
}

/// Quotas to set; at least one.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct SetQuota {
    /// Most bytes it may hold: a whole number and a unit, as in 512MB or 10TB
    #[arg(long, short, visible_alias = "quota", value_name = "SIZE", value_parser = quantity::size)]
    pub space_quota: Option<u64>,
    /// Most entries it may hold: buckets and links of a volume, objects of a bucket
    #[arg(long, short, value_name = "COUNT", value_parser = quantity::count)]
    pub namespace_quota: Option<u64>,
}

/// Quotas to lift; at least one.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct ClearQuota {
    /// The limit on bytes
    #[arg(long, short, visible_alias = "quota")]
    pub space_quota: bool,
    /// The limit on entries
    #[arg(long, short)]
    pub namespace_quota: bool,
}
