//! tokio with hyper.

use super::on_tokio::{listener, run};
use crate::canned::BODY;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::io;
use tokio::task::spawn_local;

pub fn serve() -> io::Result<()> {
    run(async {
        let listener = listener()?;
        let body = Bytes::from(vec![b'x'; BODY]);
        loop {
            let (stream, _) = listener.accept().await?;
            let body = body.clone();
            let service = service_fn(move |_: Request<Incoming>| {
                let body = Full::new(body.clone());
                async move {
                    Response::builder()
                        .header("Content-Type", "application/octet-stream")
                        .body(body)
                }
            });
            spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}
