//! An object as it was read: its record, and the bytes that stand behind the record's head.

use crate::base::SharedBytes;
use crate::base::codec::Malformed;
use crate::log::OwnedRecord;
use crate::store::record::{Body, ObjectRecord};
use std::any::Any;
use std::cell::OnceCell;
use std::rc::Rc;

/// See the module. Never changes once it is read, so it is shared by whoever reads it.
pub struct Object {
    /// Everything but the bytes.
    pub record: ObjectRecord,
    inline: SharedBytes,
    /// What a layer above made of the record and wants to find again with it.
    note: OnceCell<Rc<dyn Any>>,
}

impl Object {
    /// Decodes a record that was read.
    pub fn new(raw: OwnedRecord) -> Result<Self, Malformed> {
        let (record, _) = ObjectRecord::decode(raw.payload())?;
        let inline = inline_bytes(raw, &record.body);
        Ok(Self {
            record,
            inline,
            note: OnceCell::new(),
        })
    }

    /// The same in memory that holds little else: the buffers that devices read into are whole
    /// blocks.
    pub(super) fn compact(self) -> Self {
        Self {
            inline: SharedBytes::copy_of(&self.inline),
            ..self
        }
    }

    /// The body, when it stands in the record; empty otherwise.
    #[must_use]
    pub const fn inline(&self) -> &SharedBytes {
        &self.inline
    }

    /// Bytes of memory it takes, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.inline.held_bytes() + self.record.memory_bytes()
    }

    /// What [`Object::note`] was first given for this object, if that was a `T`.
    #[must_use]
    pub fn noted<T: 'static>(&self) -> Option<Rc<T>> {
        self.note.get()?.clone().downcast().ok()
    }

    /// Keeps something beside the object for as long as it is in memory. The first call counts.
    pub fn note<T: 'static>(&self, note: Rc<T>) {
        // What stands there already was made of the same record.
        let _ = self.note.set(note);
    }
}

/// The bytes behind the head of a record that was decoded, in the buffer it was read into.
pub(super) fn inline_bytes(raw: OwnedRecord, body: &Body) -> SharedBytes {
    let len = match body {
        Body::Inline(len) => *len as usize,
        Body::Extents(_) | Body::Parts(_) => return SharedBytes::EMPTY,
    };
    let end = raw.range.end;
    SharedBytes::of_buffer(raw.buf, end.saturating_sub(len)..end)
}
