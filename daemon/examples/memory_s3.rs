//! A store in memory behind this project's own HTTP: what S3 requests cost when nothing is
//! authenticated, hashed, routed or kept. The floor that stores on a device are compared with.
//!
//! ```text
//! target/release/examples/memory_s3 0 9092
//! ```
//!
//! `PUT /bucket/key`, `GET`, `HEAD`, `DELETE`, and `GET /bucket?list-type=2` with `start-after`,
//! `max-keys` and the delimiter `/`. Keys are taken as they are sent. One core.

use chainringd::base::{AlignedBuf, SharedBytes};
use chainringd::http::{Chunk, Close, Exchange, Handler, Server, Stream};
use chainringd::io::{RealClock, net, runtime};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Bound;
use std::rc::Rc;

const NO_FIELDS: [(&str, &str); 0] = [];
const FIELDS: [(&str, &str); 3] = [
    ("ETag", "\"0\""),
    ("Content-Type", "binary/octet-stream"),
    ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
];

#[derive(Default)]
struct Memory {
    /// By `/bucket/key`.
    objects: RefCell<BTreeMap<Vec<u8>, SharedBytes>>,
}

impl Handler for Memory {
    async fn handle<S: Stream>(&self, exchange: &mut Exchange<'_, S>) -> Result<(), Close> {
        let path = exchange.raw_path();
        let is_object = path.iter().skip(1).any(|byte| *byte == b'/');
        match (exchange.method(), is_object) {
            (b"PUT", true) => {
                let length = exchange.body_remaining().unwrap_or(0);
                let length = usize::try_from(length).unwrap_or(0);
                let buf = AlignedBuf::with_capacity(length.max(1));
                let (read, buf) = exchange.read_full(buf, 0, length).await;
                read?;
                let path = path.to_vec();
                self.objects.borrow_mut().insert(path, buf.into());
                exchange.respond(200, &FIELDS, b"").await
            }
            (b"GET" | b"HEAD", true) => {
                let found = self.objects.borrow().get(path).cloned();
                match found {
                    Some(body) => exchange.respond(200, &FIELDS, Chunk::Shared(body)).await,
                    None => exchange.respond(404, &NO_FIELDS, b"").await,
                }
            }
            (b"DELETE", true) => {
                self.objects.borrow_mut().remove(path);
                exchange.respond(204, &NO_FIELDS, b"").await
            }
            (b"GET", false) => {
                let query = exchange.raw_query().unwrap_or_default();
                let page = self.page(path, &String::from_utf8_lossy(query));
                let fields = [("Content-Type", "application/xml")];
                exchange.respond(200, &fields, page.into_bytes()).await
            }
            _ => exchange.respond(200, &NO_FIELDS, b"").await,
        }
    }
}

impl Memory {
    fn page(&self, bucket: &[u8], query: &str) -> String {
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
        };
        let most = parameter("max-keys").and_then(|digits| digits.parse().ok());
        let most: usize = most.unwrap_or(1000);
        let prefix = [bucket, b"/"].concat();
        let after = parameter("start-after").unwrap_or_default();
        let after = after.replace("%2F", "/").into_bytes();
        let mut from = [prefix.as_slice(), &after].concat();
        let mut xml = String::from("<?xml version=\"1.0\"?><ListBucketResult>");
        let objects = self.objects.borrow();
        for _ in 0..most {
            let range = (Bound::Excluded(from.as_slice()), Bound::Unbounded);
            let next = objects.range::<[u8], _>(range).next();
            let Some((path, body)) = next.filter(|(path, _)| path.starts_with(&prefix)) else {
                break;
            };
            let key = path.get(prefix.len()..).unwrap_or_default();
            let folder = key.iter().position(|byte| *byte == b'/');
            if let (Some(end), true) = (folder, parameter("delimiter").is_some()) {
                let folder = key.get(..=end).unwrap_or_default();
                let name = String::from_utf8_lossy(folder);
                xml.push_str(&format!(
                    "<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"
                ));
                from = [prefix.as_slice(), folder, b"\xff"].concat();
                continue;
            }
            xml.push_str(&format!(
                "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                 <ETag>&quot;0&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass>\
                 </Contents>",
                String::from_utf8_lossy(key),
                body.len()
            ));
            from.clone_from(path);
        }
        xml.push_str("</ListBucketResult>");
        xml
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: memory_s3 CPU PORT");
    let cpu = argument()?.parse()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, argument()?.parse()?));
    runtime::run_on_core(cpu, serve(address))??;
    Ok(())
}

async fn serve(address: SocketAddr) -> std::io::Result<()> {
    let listener = net::listen(address, 1)?.pop();
    let listener = listener.ok_or_else(|| std::io::Error::other("no listener"))?;
    let memory = Rc::new(Memory::default());
    let server = Server::new(RealClock);
    let timers = server.clone();
    runtime::spawn(async move { timers.run().await });
    loop {
        let stream = listener.accept().await?;
        let (server, memory) = (server.clone(), memory.clone());
        runtime::spawn(async move { server.serve(stream, &*memory).await });
    }
}
