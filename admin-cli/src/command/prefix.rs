//! `chainring prefix ...`: access lists for all keys of a bucket that begin with something.

use super::acl::{PrefixTarget, Verbs};

/// What to do with prefixes.
pub type Command = Verbs<PrefixTarget>;
