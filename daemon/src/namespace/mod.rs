//! Volumes, buckets, links and users: one writer with a log of its own, readers on every core.
//!
//! Start with [`Namespace`] (create, open, apply a [`Command`]) and [`NamespaceReader`]. Links are
//! resolved when anything on their way is written, so that a request needs one look-up.
//! `docs/format/namespace.md` describes what is on disk.

mod acl;
mod apply;
mod change;
mod command;
mod commit;
mod credentials;
mod derived;
mod error;
mod fields;
mod gates;
mod inspect;
mod inspect_words;
mod keys;
mod link;
mod lookup;
mod name;
mod pinned;
mod plan;
mod plan_acl;
mod plan_link;
mod plan_quota;
mod plan_tenant;
mod plan_user;
mod quota;
mod reader;
mod rebuild;
mod record;
mod record_user;
mod recover;
mod renew;
mod reseal;
mod resolutions;
mod resolve;
mod right;
mod rights;
mod rule;
mod secret;
mod snapshot;
mod tables;
mod tenant;
mod types;
mod values;
mod vault;
mod writer;

pub use acl::{ACL_RULES_MAX, Acl, AclError, Right, Rights, Rule, Scope, Subject, Who};
pub use apply::DANGLING_SHOWN_MAX;
pub use command::{AclEdit, AclTarget, Command, FirstUser, Grantor, LinkOptions, Reply};
pub use credentials::Credentials;
pub use error::{Chain, NamespaceError, ReadError, ResolveError, show_chain, show_place};
pub use inspect::{EntryDiffers, IndexState, NamespaceInspection, NamespaceIssue, inspect};
pub use name::{NAME_BYTES_MAX, Name, S3_VOLUME};
pub use plan::PROPERTY_BYTES_MAX;
pub use quota::{Limits, QuotaChange, Used};
pub use reader::NamespaceReader;
pub use resolutions::Resolutions;
pub use rights::{KeyTooLong, entry_allows, volume_allows};
pub use secret::{Entropy, Secret, is_access_key};
pub use tenant::{TENANT_SEPARATOR, Tenant, TenantPower, TenantUser};
pub use types::{
    Bucket, CannedAcl, Consent, Credential, Entry, EntryKind, LINK_GENERATIONS_KEPT, Link,
    LinkGeneration, LinkPage, LinkStatus, Resolution, Resolved, Target, User, UserId, Volume,
};
pub use vault::SecretsKey;
pub use writer::{Namespace, NamespaceConfig};

#[cfg(test)]
mod tests;
