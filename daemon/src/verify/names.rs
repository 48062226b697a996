//! Checks the namespace.

use super::explain::{self, NAMES_MISSING, NAMES_UNCLEAN};
use super::finding::Findings;
use crate::base::limits::NAMESPACE_SEGMENT_BYTES;
use crate::index::map::MapConfig;
use crate::io::Disk;
use crate::log::{Durability, LogConfig};
use crate::namespace::{self, IndexState, NamespaceError, NamespaceInspection};
use crate::store::superblock::Superblock;
use std::path::PathBuf;

/// Number of the namespace where logs ask for a shard.
const SHARD: u16 = 0xffff;

/// Checks the namespace in the folder `namespace` of the store, and its index at `map_file`.
pub async fn verify_names<D: Disk>(
    disk: &D,
    superblock: &Superblock,
    map_file: Option<PathBuf>,
) -> Result<(NamespaceInspection, Findings), NamespaceError> {
    let log = LogConfig {
        dir: "namespace".to_owned(),
        store: superblock.store,
        shard: SHARD,
        segment_bytes: NAMESPACE_SEGMENT_BYTES,
        durability: Durability::Strict,
    };
    let map = MapConfig {
        path: map_file,
        store: superblock.store,
    };
    let mut inspection = namespace::inspect(disk, &log, &map).await?;
    let mut findings = Findings::default();
    let state = match inspection.index {
        IndexState::Compared | IndexState::Unusable => None,
        IndexState::Unclean => Some(&NAMES_UNCLEAN),
        IndexState::Missing => Some(&NAMES_MISSING),
    };
    if let Some(kind) = state {
        let subject = Some("namespace/index.map".to_owned());
        findings.push(kind.finding(None, subject, "not compared"));
    }
    for issue in std::mem::take(&mut inspection.issues) {
        findings.push(explain::issue(issue));
    }
    Ok((inspection, findings))
}
