//! What the settings say of how shards are kept.

use crate::config::{Config, DurabilityArg};
use crate::log::Durability;
use crate::shard::open::Tuning;
use std::time::Duration;

/// How long after a write `relaxed` durability flushes at the latest.
const RELAXED_INTERVAL: Duration = Duration::from_millis(500);

fn durability(config: &Config) -> Durability {
    match config.durability {
        DurabilityArg::Strict => Durability::Strict,
        DurabilityArg::Relaxed => Durability::Relaxed {
            interval: RELAXED_INTERVAL,
        },
    }
}

/// What the settings say of shards; sizes that nobody names are everybody's.
pub(super) fn tuning(config: &Config) -> Tuning {
    let usual = Tuning::new(durability(config));
    let segment = config.segment_bytes.and_then(|n| u32::try_from(n).ok());
    Tuning {
        segment_bytes: segment.unwrap_or(usual.segment_bytes),
        checkpoint_bytes: config.checkpoint_bytes.unwrap_or(usual.checkpoint_bytes),
        ..usual
    }
}
