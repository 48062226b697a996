//! At a start: whether the key of the secrets is the right one, and which secrets lie open.

use crate::index::map::{Lookup, MapWriter};
use crate::namespace::error::NamespaceError;
use crate::namespace::keys;
use crate::namespace::record_user::{Kept, KeyRecord};
use crate::namespace::tables;
use crate::namespace::vault::Vault;
use std::ops::ControlFlow;

/// The access keys whose secrets lie open. A key that opens none of the sealed ones is the wrong
/// one. One that opens some is right, and the others are damaged: they verify nothing, and the log
/// says so.
pub(crate) fn open_keys(map: &MapWriter, vault: &Vault) -> Result<Vec<String>, NamespaceError> {
    let (mut open, mut opened, mut closed) = (Vec::new(), 0u64, Vec::new());
    visit(map, |access_key, record| match &record.secret {
        Kept::Plain(_) => open.push(access_key.to_owned()),
        Kept::Sealed(_) if record.open(vault, access_key).is_ok() => opened += 1,
        Kept::Sealed(_) => closed.push(access_key.to_owned()),
    })?;
    if opened == 0 && !closed.is_empty() {
        return Err(NamespaceError::WrongSecretsKey);
    }
    for access_key in closed {
        tracing::error!(access_key, "the secret is damaged: set a new one");
    }
    Ok(open)
}

/// Whether any secret is sealed.
pub(crate) fn any_sealed(map: &impl Lookup) -> Result<bool, NamespaceError> {
    let mut sealed = false;
    visit(map, |_, record| {
        sealed |= matches!(record.secret, Kept::Sealed(_));
    })?;
    Ok(sealed)
}

fn visit(map: &impl Lookup, mut each: impl FnMut(&str, &KeyRecord)) -> Result<(), NamespaceError> {
    let mut access_keys = Vec::new();
    tables::with_prefix(map, &[keys::ACCESS_KEY], &[], |access_key, _| {
        access_keys.push(String::from_utf8_lossy(access_key).into_owned());
        ControlFlow::Continue(())
    })?;
    for access_key in access_keys {
        if let Some(record) = tables::key_record(map, &access_key)? {
            each(&access_key, &record);
        }
    }
    Ok(())
}
