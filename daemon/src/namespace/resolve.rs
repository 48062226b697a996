//! Follows a link to its bucket. This is the only place that does; it runs when something is
//! written, and what it finds is kept with the link.

use crate::base::limits::LINK_CHAIN_MAX;
use crate::namespace::error::Chain;
use crate::namespace::name::Name;
use crate::namespace::record::RecordKind;
use crate::namespace::tables::{Entries, Read};
use crate::namespace::types::{LinkStatus, Resolution, Target};

/// Where `link`, which points at `source`, leads. The link itself need not exist yet. The chain
/// begins with the link and ends with the name the resolution names.
pub(crate) fn follow(
    entries: &impl Entries,
    link: (Name, Name),
    source: (Name, Name),
) -> Read<(Resolution, Chain)> {
    let mut chain = vec![link];
    let mut here = source;
    let mut target = None;
    let status = loop {
        let seen = chain.contains(&here);
        chain.push(here);
        if seen {
            break LinkStatus::Loop;
        }
        let Some(record) = entries.entry_record(&here.0, &here.1)? else {
            break LinkStatus::Dangling;
        };
        match record.kind {
            RecordKind::Bucket(bucket) => {
                target = Some(Target {
                    bucket,
                    owner: record.owner,
                    created: record.created,
                });
                break LinkStatus::Ok;
            }
            RecordKind::Link(..) if hops(&chain) >= LINK_CHAIN_MAX => break LinkStatus::TooDeep,
            RecordKind::Link(volume, bucket) => here = (volume, bucket),
        }
    };
    let resolution = Resolution {
        status,
        hops: u8::try_from(hops(&chain)).unwrap_or(u8::MAX),
        volume: here.0,
        bucket: here.1,
        target,
        prefix: None,
        read_only: false,
        expires: None,
        delegated: false,
    };
    Ok((resolution, chain))
}

/// Links followed so far: every name of the chain but the last is one.
fn hops(chain: &Chain) -> usize {
    chain.len() - 1
}
