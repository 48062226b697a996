//! compio: the runtime of the daemon, with the flags of the daemon and with its own.

use crate::canned::{Feed, ROOM, Step, to_get, to_put};
use crate::journal::{Journal, answer};
use crate::process::listen;
use compio::BufResult;
use compio::driver::ProactorBuilder;
use compio::fs::OpenOptions;
use compio::io::{AsyncRead, AsyncWriteAtExt, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{RuntimeBuilder, spawn};
use std::io;
use std::path::Path;

pub fn serve(file: &Path, flags: bool) -> io::Result<()> {
    let mut ring = ProactorBuilder::new();
    if flags {
        ring.single_issuer(true).defer_taskrun(true);
    }
    let runtime = RuntimeBuilder::new().with_proactor(ring).build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listen()?)?;
        let journal = Journal::default();
        spawn(commit(file.to_owned(), journal.clone())).detach();
        loop {
            let (stream, _) = listener.accept().await?;
            spawn(connection(stream, journal.clone())).detach();
        }
    })
}

async fn commit(file: std::path::PathBuf, journal: Journal) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(libc::O_DIRECT);
    let file = options.open(&file).await?;
    loop {
        let batch = journal.next().await;
        let BufResult(written, _) = (&file).write_all_at(batch.blocks, batch.at).await;
        written?;
        file.sync_data().await?;
        answer(batch.waiting);
    }
}

async fn connection(mut stream: TcpStream, journal: Journal) -> io::Result<()> {
    let (mut feed, mut buf) = (Feed::default(), Vec::with_capacity(ROOM));
    loop {
        buf.clear();
        let BufResult(count, filled) = stream.read(buf).await;
        buf = filled;
        if count? == 0 {
            return Ok(());
        }
        let BufResult(sent, _) = match feed.take(&buf) {
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
