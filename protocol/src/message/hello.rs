//! The first messages of a connection.

use super::{byte_enum, message};
use crate::limits::TAG_BYTES;

message! {
    /// Opens a connection. The frame of this message and of its reply keep their form in every
    /// version of the protocol.
    pub struct Hello {
        /// The oldest version the client speaks.
        pub version_min: u8,
        /// The newest one.
        pub version_max: u8,
        /// Random bytes; zero where the connection is not going to be authenticated.
        pub nonce: [u8; TAG_BYTES],
        /// The access key whose secret the client is going to use; empty without authentication.
        pub key_id: String,
        /// The client's name and version, for the daemon's log.
        pub software: String,
        /// The user as whom an administrator wants everything to be judged and done; as himself when
        /// absent.
        pub act_as: Option<String>,
    }
}

message! {
    /// Says how the connection goes on.
    pub struct HelloReply {
        /// The version both are going to speak.
        pub version: u8,
        /// What the client has to do now.
        pub authentication: Authentication,
        /// Random bytes, never used before.
        pub nonce: [u8; TAG_BYTES],
        /// Most requests of this connection that may be in flight; further ones wait.
        pub requests_max: u16,
        /// The daemon's name and version.
        pub software: String,
    }
}

byte_enum! {
    /// What a client has to do after hello.
    pub enum Authentication {
        /// Nothing: the socket already says who it is.
        None = 0 "none",
        /// Send [`Authenticate`], signed, and sign every frame from then on.
        HmacSha256 = 1 "hmac-sha256",
    }
}

message! {
    /// Proves by the tag of its frame that the client knows the secret; the tag of the reply proves
    /// the same of the daemon. Nothing else is answered before.
    pub struct Authenticate {}
}
