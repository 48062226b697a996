//! monoio, with the flags of the daemon.

use crate::canned::{Feed, ROOM, Step, to_get, to_put};
use crate::journal::{Journal, answer};
use crate::process::{listen, open_direct};
use monoio::fs::File;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, Runtime, RuntimeBuilder, spawn};
use std::io;
use std::path::Path;

/// A runtime with the flags.
pub fn runtime() -> io::Result<Runtime<IoUringDriver>> {
    let mut ring = io_uring_06::IoUring::builder();
    ring.setup_single_issuer().setup_defer_taskrun();
    RuntimeBuilder::<IoUringDriver>::new()
        .uring_builder(ring)
        .build()
}

pub fn serve(file: &Path) -> io::Result<()> {
    runtime()?.block_on(async {
        let listener = TcpListener::from_std(listen()?)?;
        let journal = Journal::default();
        let file = File::from_std(open_direct(file)?)?;
        spawn(commit(file, journal.clone()));
        loop {
            let (stream, _) = listener.accept().await?;
            spawn(connection(stream, journal.clone()));
        }
    })
}

async fn commit(file: File, journal: Journal) -> io::Result<()> {
    loop {
        let batch = journal.next().await;
        let (written, _) = file.write_all_at(batch.blocks, batch.at).await;
        written?;
        file.sync_data().await?;
        answer(batch.waiting);
    }
}

async fn connection(mut stream: TcpStream, journal: Journal) -> io::Result<()> {
    let (mut feed, mut buf) = (Feed::default(), Vec::with_capacity(ROOM));
    loop {
        buf.clear();
        let (count, filled) = stream.read(buf).await;
        buf = filled;
        if count? == 0 {
            return Ok(());
        }
        let (sent, _) = match feed.take(&buf) {
            Step::More => continue,
            Step::Bad => return Ok(()),
            Step::Get => stream.write_all(to_get()).await,
            Step::Put(body) => {
                let flushed = journal.append(body);
                if flushed.await.is_err() {
                    return Ok(());
                }
                stream.write_all(to_put()).await
            }
        };
        sent?;
    }
}
