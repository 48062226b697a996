//! The admin protocol: frames and messages have one encoding, and a frame that is not all there waits.

use crate::input::Input;
use chainring_protocol::frame::{Frame, HEADER_BYTES};
use chainring_protocol::message::{Authentication, Hello};
use chainring_protocol::{Codec, Failure, Opcode, Reply, Request};

/// A stream of frames.
pub fn frame(data: &[u8]) {
    let mut rest = data;
    loop {
        match Frame::parse(rest) {
            Err(error) => {
                let _ = error.to_string();
                return;
            }
            Ok(None) => return,
            Ok(Some(frame)) => {
                let bytes = frame.bytes();
                assert_eq!(bytes.len(), frame.header.frame_bytes());
                assert_eq!(frame.header.to_bytes(), bytes[..HEADER_BYTES]);
                assert_eq!(frame.tag().is_some(), frame.header.signed);
                assert!(frame.body().len() <= frame.header.kind.body_bytes_max() as usize);
                for cut in [HEADER_BYTES, bytes.len() - 1] {
                    if cut < bytes.len() {
                        assert_eq!(Frame::parse(&rest[..cut]), Ok(None), "a frame cut off");
                    }
                }
                message(frame.header.opcode, frame.body());
                rest = &rest[bytes.len()..];
            }
        }
    }
}

fn message(number: u16, body: &[u8]) {
    let mut again = Vec::new();
    let Some(opcode) = Opcode::from_number(number) else {
        return;
    };
    if let Ok(request) = Request::from_body(opcode, body) {
        request.encode_body(&mut again).unwrap();
        assert_eq!(again, body, "{request:?}");
        assert_eq!(request.opcode(), opcode);
        // What is logged of a request is not its secrets; that it can be logged is seen here.
        let _ = format!("{request:?}");
    }
    again.clear();
    if let Ok(reply) = Reply::from_body(opcode, body) {
        reply.encode_body(&mut again).unwrap();
        assert_eq!(again, body, "{reply:?}");
    }
}

/// Bodies of requests, replies and failures.
pub fn request(data: &[u8]) {
    let mut input = Input(data);
    let chosen = usize::from(input.byte());
    let number = Opcode::ALL[chosen % Opcode::ALL.len()].number();
    message(number, input.0);
    let _ = Hello::from_bytes(input.0);
    let _ = Authentication::from_bytes(input.0);
    let _ = Failure::from_frame(input.number(), input.0);
}
