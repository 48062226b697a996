//! tokio-uring. With the flags of the daemon it hangs: it learns of completions by watching the ring
//! with epoll, and a ring that defers them posts none before somebody asks.

use crate::canned::{Feed, ROOM, Step, to_get, to_put};
use crate::journal::{Journal, answer};
use crate::process::{listen, open_direct};
use std::io;
use std::path::Path;
use tokio_uring::fs::File;
use tokio_uring::net::{TcpListener, TcpStream};

pub fn serve(file: &Path, flags: bool) -> io::Result<()> {
    let mut ring = tokio_uring::uring_builder();
    if flags {
        ring.setup_single_issuer().setup_defer_taskrun();
    }
    tokio_uring::builder().uring_builder(&ring).start(async {
        let listener = TcpListener::from_std(listen()?);
        let journal = Journal::default();
        let file = File::from_std(open_direct(file)?);
        tokio_uring::spawn(commit(file, journal.clone()));
        loop {
            let (stream, _) = listener.accept().await?;
            tokio_uring::spawn(connection(stream, journal.clone()));
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

async fn connection(stream: TcpStream, journal: Journal) -> io::Result<()> {
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
