//! Credentials in use, opened once per state of the namespace: opening a sealed secret takes 0.3 µs
//! and decoding its record more, and every request needs one.

use crate::namespace::error::ReadError;
use crate::namespace::reader::NamespaceReader;
use crate::namespace::types::Credential;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Most credentials kept. Beyond it the cache starts over.
const KEPT_MAX: usize = 1024;

/// The credentials that a core has used in the present state of the namespace. Any change of the
/// namespace forgets all of them, so what is revoked or rotated is so at once. Unknown access keys
/// are not remembered: strangers cannot fill it.
#[derive(Default)]
pub struct Credentials {
    generation: Cell<u64>,
    known: RefCell<HashMap<Box<str>, Rc<Credential>>>,
    /// The one used last, which is among the known: most requests follow one of the same client.
    last: RefCell<Option<(Box<str>, Rc<Credential>)>>,
}

impl Credentials {
    /// As [`NamespaceReader::user_by_access_key`].
    pub fn get(
        &self,
        reader: &NamespaceReader,
        access_key: &str,
    ) -> Result<Option<Rc<Credential>>, ReadError> {
        // Asked before the look-up: what is found is of this state or a later one, and a later one
        // has another number.
        let generation = reader.generation();
        let mut known = self.known.borrow_mut();
        if self.generation.replace(generation) != generation {
            known.clear();
            self.last.take();
        }
        if let Some((key, credential)) = &*self.last.borrow()
            && **key == *access_key
        {
            return Ok(Some(credential.clone()));
        }
        if let Some((key, credential)) = known.get_key_value(access_key) {
            self.last.replace(Some((key.clone(), credential.clone())));
            return Ok(Some(credential.clone()));
        }
        let found = reader.user_by_access_key(access_key)?.map(Rc::new);
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        if let Some(credential) = &found {
            known.insert(access_key.into(), credential.clone());
        }
        Ok(found)
    }
}
