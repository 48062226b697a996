//! tokio: epoll for sockets, its thread pool for files.

use crate::canned::{Feed, ROOM, Step, to_get, to_put};
use crate::journal::{Journal, answer};
use crate::process::{listen, open_direct};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_blocking, spawn_local};

/// Runs a future, and what it spawns, on this thread.
pub fn run(future: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    LocalSet::new().block_on(&runtime, future)
}

/// The listener, as tokio takes it.
pub fn listener() -> io::Result<TcpListener> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

pub fn serve(file: &Path) -> io::Result<()> {
    run(async {
        let listener = listener()?;
        let journal = Journal::default();
        let file = Arc::new(open_direct(file)?);
        spawn_local(commit(file, journal.clone()));
        loop {
            let (stream, _) = listener.accept().await?;
            spawn_local(connection(stream, journal.clone()));
        }
    })
}

async fn commit(file: Arc<File>, journal: Journal) -> io::Result<()> {
    loop {
        let batch = journal.next().await;
        let (file, blocks, at) = (file.clone(), batch.blocks, batch.at);
        spawn_blocking(move || {
            file.write_all_at(blocks.bytes(), at)?;
            file.sync_data()
        })
        .await??;
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
