//! What went through links.

use super::Engine;
use crate::base::Timestamp;
use crate::io::{Clock, Disk};
use crate::shard::LinkId;
use chainring_protocol::message::{BucketInfo, LinkStats};

impl<D: Disk, C: Clock> Engine<D, C> {
    /// Adds to links what went through each of them.
    pub(super) async fn add_stats(&self, infos: &mut [BucketInfo]) {
        let mut links: Vec<_> = infos
            .iter_mut()
            .filter(|info| info.link.is_some())
            .collect();
        let ids = links.iter().map(|info| {
            let name = &info.bucket;
            LinkId::new(&name.volume, &name.bucket, Timestamp(info.created))
        });
        let counted = self.core.link_stats(ids.collect()).await;
        for (info, stats) in links.iter_mut().zip(counted) {
            if let Some(link) = &mut info.link {
                link.stats = Some(LinkStats {
                    requests: stats.requests,
                    bytes_in: stats.bytes_in,
                    bytes_out: stats.bytes_out,
                    errors: stats.errors,
                    last_used: stats.last_used.map(|at| at.0),
                });
            }
        }
    }
}
