//! The S3 dialect. The modules listed here do no I/O: they parse, verify and format.

pub mod body;
pub mod checksum;
pub mod conditions;
pub mod error;
pub mod head;
pub mod headers;
pub mod path;
pub mod percent;
pub mod query;
pub mod range;
pub mod route;
pub mod sigv4;
pub mod tagging;
pub mod time;
pub mod xml;
