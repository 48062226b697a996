//! Every limit of the daemon, in one place. A limit that a client can meet is answered with a
//! typed error, never with a panic or unbounded memory.

use std::time::Duration;

/// Alignment and granularity of every log write and of [`crate::base::AlignedBuf`].
pub const BLOCK: usize = 4096;

/// Longest object key in bytes (S3 user guide, "Object key naming guidelines").
pub const KEY_BYTES_MAX: usize = 1024;
/// Most bytes of user metadata, names and values together (S3: 2 KB).
pub const USER_METADATA_BYTES_MAX: usize = 2 * 1024;
/// Most tags on an object.
pub const TAGS_MAX: usize = 10;
/// Characters of a tag key.
pub const TAG_KEY_CHARS_MAX: usize = 128;
/// Characters of a tag value.
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// Bodies up to this many bytes are copied once into the batch of the group commit; longer ones are
/// written as extents, straight from the buffer they were received into.
pub const INLINE_BODY_MAX: usize = 32 * 1024;
/// Most body bytes of one extent record.
pub const EXTENT_BODY_MAX: usize = 1024 * 1024;
/// A body is checksummed in blocks of this size, so that a range read verifies what it returns.
pub const BODY_CRC_BLOCK: usize = 64 * 1024;
/// Bytes kept free in front of an extent's body for its header.
pub const EXTENT_HEAD: usize = BLOCK;
/// Size of a segment of a shard's log in bytes.
pub const SEGMENT_BYTES: u32 = 64 * 1024 * 1024;
/// Size of a segment of the namespace log in bytes.
pub const NAMESPACE_SEGMENT_BYTES: u32 = 4 * 1024 * 1024;
/// Most bytes a single non-extent record may have.
pub const RECORD_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Smallest part of a multipart upload but the last.
pub const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// Largest part, and largest object of a single PUT.
pub const PART_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// Most parts of an upload.
pub const PARTS_MAX: u32 = 10_000;
/// Largest object.
pub const OBJECT_BYTES_MAX: u64 = 50 * 1024 * 1024 * 1024 * 1024;

/// Most entries of one page of a listing.
pub const LIST_PAGE_MAX: usize = 1000;
/// Most keys of one DeleteObjects request.
pub const DELETE_OBJECTS_MAX: usize = 1000;
/// Largest XML body accepted.
pub const XML_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Most bytes of a form before its file's content (S3: 20 KB), framing included.
pub const FORM_BYTES_MAX: usize = 20 * 1024;
/// Most fields of a form.
pub const FORM_FIELDS_MAX: usize = 100;
/// Most bytes of the head of one part of a form, in which its name stands.
pub const FORM_PART_HEAD_BYTES_MAX: usize = 4 * 1024;

/// Most hops from a link to its source.
pub const LINK_CHAIN_MAX: usize = 16;

/// Largest HTTP request head in bytes.
pub const HTTP_HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most headers of a request.
pub const HTTP_HEADERS_MAX: usize = 100;
/// A request head must be complete this long after its first byte.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle keep-alive connection is closed after this time.
pub const HTTP_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// A body that brings no byte for this long, or falls below [`HTTP_BODY_RATE_MIN`], is cut off.
pub const HTTP_BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Slowest body accepted, bytes per second averaged over [`HTTP_BODY_TIMEOUT`].
pub const HTTP_BODY_RATE_MIN: u64 = 1024;
/// Bytes of a connection's receive buffer; it grows up to [`HTTP_HEAD_BYTES_MAX`] for a longer head.
pub const HTTP_BUFFER_BYTES: usize = 8 * 1024;
/// How often the timers of a core's connections are looked at; a timeout fires up to two of these late.
pub const HTTP_TICK: Duration = Duration::from_millis(500);
/// A request body that its handler did not want is read and thrown away up to this size to keep the
/// connection; beyond it the connection is closed.
pub const HTTP_DRAIN_BYTES_MAX: u64 = 256 * 1024;
/// After the last answer on a connection what the client still sends is thrown away for this long ...
pub const HTTP_LINGER_TIMEOUT: Duration = Duration::from_secs(5);
/// ... and up to this many bytes, so that the answer is not lost to a reset.
pub const HTTP_LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest extension of a chunk of the chunked transfer coding.
pub const HTTP_CHUNK_EXTENSION_BYTES_MAX: usize = 64;
/// Largest chunk of the chunked transfer coding: no body is larger than the largest part.
pub const HTTP_CHUNK_BYTES_MAX: u64 = PART_BYTES_MAX;
/// Most bytes of the trailers of a chunked body.
pub const HTTP_TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Most connections of the whole daemon.
pub const CONNECTIONS_MAX: usize = 16 * 1024;
/// Most connections of one client address on one core.
pub const CONNECTIONS_PER_PEER_MAX: usize = 4 * 1024;
/// Most body bytes in memory at once, all cores together. Uploads beyond it wait.
pub const IN_FLIGHT_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Most bytes of documents (XML) in memory that clients without credentials sent, all cores together:
/// they are read before it is known whether the sender may do anything. More of them wait.
pub const STRANGERS_DOCUMENT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Documents up to this size count with the connection they come over, and in no budget.
pub const SMALL_DOCUMENT_BYTES: usize = HTTP_BUFFER_BYTES;
/// Most bytes of objects in memory on their way to clients, all cores together. Downloads beyond it
/// wait for others to be read.
pub const SENDING_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Most connections of each admin listener, the unix socket's and TCP's.
pub const ADMIN_CONNECTIONS_MAX: usize = 128;
/// Most connections of the admin TCP port that have not logged in yet; more wait to be accepted.
pub const ADMIN_LOGINS_MAX: usize = 16;
/// Of these, most of one client address; more are closed at once. Neither can one address keep
/// others from logging in, nor guess more often than this many times in each penalty.
pub const ADMIN_LOGINS_PER_PEER_MAX: usize = 4;
/// Hello and login must be over this long after a connection was accepted.
pub const ADMIN_LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// A wrong login is answered after this time. With the number of logins at once it bounds guessing.
pub const ADMIN_LOGIN_PENALTY: Duration = Duration::from_secs(1);
/// Requests of an admin connection in progress at once. No more is read meanwhile.
pub const ADMIN_REQUESTS_MAX: usize = 32;
/// Uploads and downloads of an admin connection at once.
pub const ADMIN_STREAMS_MAX: usize = 4;
/// Bytes to be sent on an admin connection that are kept before requests and downloads wait.
pub const ADMIN_OUTBOX_BYTES: usize = 2 * 1024 * 1024;
/// An admin client that takes no byte for this long is cut off.
pub const ADMIN_SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// An upload that brings nothing, or a download that is granted nothing, for this long is over.
pub const ADMIN_STREAM_TIMEOUT: Duration = Duration::from_secs(600);

/// Links whose counters a core keeps: those used last.
pub const LINK_METERS_MAX: usize = 64 * 1024;
/// Links whose counters are shown to a monitor: those used last.
pub const LINK_METERS_SHOWN_MAX: usize = 1000;

/// Lines of the audit log leave a core together once they have this many bytes ...
pub const AUDIT_BATCH_BYTES: usize = 64 * 1024;
/// ... or are this old.
pub const AUDIT_BATCH_AGE: Duration = Duration::from_millis(100);
/// Batches of a core that may wait for the audit log's writer.
pub const AUDIT_BATCHES_MAX: usize = 16;
/// Bytes of lines that a core keeps when no more batches may wait. Lines beyond it are lost.
pub const AUDIT_PENDING_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a text in a line of the audit log, before it is escaped. Keys are shorter.
pub const AUDIT_TEXT_BYTES_MAX: usize = 4096;

/// Most connections to the port for metrics.
pub const METRICS_CONNECTIONS_MAX: usize = 16;
