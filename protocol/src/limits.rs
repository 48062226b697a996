//! Every limit of the protocol.

/// Most body bytes of a request.
pub const REQUEST_BYTES_MAX: u32 = 64 * 1024;
/// Most body bytes of a response: a full page of the longest keys fits.
pub const RESPONSE_BYTES_MAX: u32 = 2 * 1024 * 1024;
/// Most body bytes of one piece of a stream.
pub const DATA_BYTES_MAX: u32 = 1024 * 1024;
/// Most body bytes of the frame that ends a stream: empty, or a failure.
pub const END_BYTES_MAX: u32 = 16 * 1024;
/// Data frames a sender may send before the receiver grants more. Bounds what a receiver must hold
/// for one stream to `STREAM_WINDOW * DATA_BYTES_MAX`.
pub const STREAM_WINDOW: u32 = 4;
/// Most credit that may be outstanding; a grant beyond it is an error.
pub const STREAM_CREDIT_MAX: u32 = 64;
/// Most entries of a page of a listing.
pub const PAGE_ENTRIES_MAX: u16 = 1000;
/// Most bytes of the text of a failure; longer ones are cut when they are made.
pub const FAILURE_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a nonce, a key and a tag.
pub const TAG_BYTES: usize = 32;
