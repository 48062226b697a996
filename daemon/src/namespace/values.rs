//! Values longer than the index takes: an access control list may have many rules, a prefix may be
//! as long as a key. Such a value is kept in pieces under keys of their own; under its key stands a
//! byte 0 (which begins no other value: see [`crate::namespace::derived::pack`]) and its length.

use crate::base::codec::{Malformed, Put, Reader};
use crate::index::map::{Lookup, MapWriter};
use crate::namespace::keys;
use crate::namespace::tables::Read;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Bytes of a value kept under one key.
pub(crate) const PIECE_BYTES: usize = 960;
/// What stands in place of a value in pieces begins with this.
const IN_PIECES: u8 = 0;

/// Whether `value` only says that the value is in pieces.
pub(crate) fn in_pieces(value: &[u8]) -> bool {
    value.first() == Some(&IN_PIECES)
}

/// A key and its value.
type Row = (Vec<u8>, Vec<u8>);

/// The pieces of a value that is too long, with what stands in its place; nothing for others.
pub(crate) fn split(key: &[u8], value: &[u8]) -> Option<(Vec<u8>, Vec<Row>)> {
    if value.len() <= PIECE_BYTES {
        return None;
    }
    let mut mark = vec![IN_PIECES];
    mark.put_varint(value.len() as u64);
    let pieces = (0u16..).zip(value.chunks(PIECE_BYTES));
    let pieces = pieces.map(|(number, piece)| (piece_key(key, number), piece.to_vec()));
    Some((mark, pieces.collect()))
}

fn pieces_of(key: &[u8]) -> Vec<u8> {
    // The zero keeps the pieces of a key apart from those of a longer one.
    [&[keys::PIECES], key, &[0]].concat()
}

fn piece_key(key: &[u8], number: u16) -> Vec<u8> {
    let mut out = pieces_of(key);
    out.extend_from_slice(&number.to_be_bytes());
    out
}

/// Sets a value of any length.
pub(crate) fn put(map: &mut MapWriter, key: &[u8], value: &[u8]) -> Read<()> {
    remove_pieces(map, key)?;
    match split(key, value) {
        None => map.insert(key, value)?,
        Some((mark, pieces)) => {
            map.insert(key, &mark)?;
            for (key, piece) in pieces {
                map.insert(&key, &piece)?;
            }
        }
    }
    Ok(())
}

/// Removes a value with its pieces.
pub(crate) fn remove(map: &mut MapWriter, key: &[u8]) -> Read<()> {
    remove_pieces(map, key)?;
    map.remove(key)?;
    Ok(())
}

fn remove_pieces(map: &mut MapWriter, key: &[u8]) -> Read<()> {
    if !map.value(key)?.is_some_and(|value| in_pieces(&value)) {
        return Ok(());
    }
    let mut number = 0;
    while map.remove(&piece_key(key, number))? {
        number += 1;
    }
    Ok(())
}

/// A value of any length.
pub(crate) fn get(map: &impl Lookup, key: &[u8]) -> Read<Option<Vec<u8>>> {
    match map.value(key)? {
        Some(value) if in_pieces(&value) => joined(map, key, &value).map(Some),
        value => Ok(value),
    }
}

/// A value of any length, given what stands under its key.
pub(crate) fn whole<'v>(map: &impl Lookup, key: &[u8], value: &'v [u8]) -> Read<Cow<'v, [u8]>> {
    if in_pieces(value) {
        joined(map, key, value).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(value))
    }
}

fn joined(map: &impl Lookup, key: &[u8], mark: &[u8]) -> Read<Vec<u8>> {
    let mut mark = Reader::new(mark.get(1..).unwrap_or(&[]));
    let len = mark.varint()?;
    mark.finish()?;
    let mut whole = Vec::new();
    let prefix = pieces_of(key);
    map.scan(&prefix, &mut |key, piece| {
        if !key.starts_with(&prefix) || key.len() != prefix.len() + 2 {
            return ControlFlow::Break(());
        }
        whole.extend_from_slice(piece);
        ControlFlow::Continue(())
    })?;
    if whole.len() as u64 == len {
        Ok(whole)
    } else {
        Err(Malformed("pieces of a value").into())
    }
}
