//! monoio with the HTTP that belongs to it.

use super::on_monoio::runtime;
use crate::canned::BODY;
use crate::process::listen;
use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use monoio::io::Splitable;
use monoio::io::sink::SinkExt;
use monoio::io::stream::Stream;
use monoio::net::{TcpListener, TcpStream};
use monoio::spawn;
use monoio_http::common::error::HttpError;
use monoio_http::common::request::Request;
use monoio_http::h1::codec::decoder::RequestDecoder;
use monoio_http::h1::codec::encoder::GenericEncoder;
use monoio_http::h1::payload::{FixedPayload, Payload};
use std::io;

pub fn serve() -> io::Result<()> {
    runtime()?.block_on(async {
        let listener = TcpListener::from_std(listen()?)?;
        let body = Bytes::from(vec![b'x'; BODY]);
        loop {
            let (stream, _) = listener.accept().await?;
            spawn(connection(stream, body.clone()));
        }
    })
}

async fn connection(stream: TcpStream, body: Bytes) -> Result<(), HttpError> {
    let (receiving, sending) = stream.into_split();
    let mut sender = GenericEncoder::new(sending);
    let mut receiver = RequestDecoder::new(receiving);
    while let Some(request) = receiver.next().await {
        let _: Request = request?;
        let payload: Payload = Payload::Fixed(FixedPayload::new(body.clone()));
        let mut response = Response::new(payload);
        let kind = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        sender.send_and_flush(response).await?;
    }
    Ok(())
}
