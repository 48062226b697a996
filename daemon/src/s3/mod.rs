//! The S3 dialect. [`service`] takes a request through parsing, authentication and authorization to
//! one of the operations in [`ops`]; the modules beside them do no I/O: they parse, verify and format.

pub mod access;
pub mod body;
pub mod checksum;
pub mod conditions;
pub mod error;
pub mod form;
pub mod head;
pub mod headers;
pub mod keys;
pub mod list_page;
pub mod observe;
pub mod ops;
pub mod path;
pub mod percent;
pub mod place;
pub mod query;
pub mod range;
pub mod reply;
pub mod rights;
pub mod route;
pub mod service;
pub mod sigv4;
pub mod stored;
pub mod tagging;
pub mod time;
pub mod xml;
