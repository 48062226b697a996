//! glommio. It makes its own rings and takes no flags.

use crate::canned::{Feed, ROOM, Step, to_get, to_put};
use crate::journal::{Journal, answer};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use glommio::io::{DmaFile, OpenOptions};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement, spawn_local};
use std::io;
use std::path::Path;

pub fn serve(file: &Path) -> io::Result<()> {
    let file = file.to_owned();
    // The process is on one core already.
    let executor = LocalExecutorBuilder::new(Placement::Unbound).make()?;
    executor.run(async move {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        println!("{}", listener.local_addr()?.port());
        let journal = Journal::default();
        let file = OpenOptions::new().write(true).dma_open(&file).await?;
        spawn_local(commit(file, journal.clone())).detach();
        loop {
            let stream = listener.accept().await?;
            spawn_local(connection(stream, journal.clone())).detach();
        }
    })
}

async fn commit(file: DmaFile, journal: Journal) -> io::Result<()> {
    loop {
        let batch = journal.next().await;
        let bytes = batch.blocks.bytes();
        let mut buf = file.alloc_dma_buffer(bytes.len());
        buf.as_bytes_mut().copy_from_slice(bytes);
        file.write_at(buf, batch.at).await?;
        file.fdatasync().await?;
        answer(batch.waiting);
    }
}

async fn connection(mut stream: TcpStream, journal: Journal) -> io::Result<()> {
    let (mut feed, mut buf) = (Feed::default(), vec![0; ROOM]);
    loop {
        let count = stream.read(&mut buf).await?;
        if count == 0 {
            return Ok(());
        }
        match feed.take(buf.get(..count).unwrap_or_default()) {
            Step::More => {}
            Step::Bad => return Ok(()),
            Step::Get => stream.write_all(to_get()).await?,
            Step::Put(body) => {
                let flushed = journal.append(body);
                if flushed.await.is_err() {
                    return Ok(());
                }
                stream.write_all(to_put()).await?;
            }
        }
    }
}
