//! A ring by hand: one operation under way per connection, a write and a flush linked to it for each
//! batch.

use crate::canned::{Feed, ROOM, Step, to_get, to_put};
use crate::journal::{Batch, Collector};
use crate::process::{listen, open_direct};
use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, opcode, types::Fd, types::FsyncFlags};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

const ENTRIES: u32 = 1024;
const ACCEPT: u64 = u64::MAX;
const WRITE: u64 = u64::MAX - 1;
const FLUSH: u64 = u64::MAX - 2;

struct Connection {
    socket: OwnedFd,
    feed: Feed,
    buf: Box<[u8]>,
    /// What is being sent, and how much of it was.
    sending: Option<(&'static [u8], usize)>,
}

struct Server {
    ring: IoUring,
    listener: std::net::TcpListener,
    file: File,
    connections: Vec<Connection>,
    collector: Collector<usize>,
    /// What is being written; its memory must not move before the ring is done with it.
    writing: Option<Batch<usize>>,
}

pub fn serve(file: &Path) -> io::Result<()> {
    let ring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(ENTRIES)?;
    let mut server = Server {
        ring,
        listener: listen()?,
        file: open_direct(file)?,
        connections: Vec::new(),
        collector: Collector::default(),
        writing: None,
    };
    let accept = opcode::AcceptMulti::new(Fd(server.listener.as_raw_fd())).build();
    server.push(accept.user_data(ACCEPT))?;
    let mut completed = Vec::new();
    loop {
        server.ring.submit_and_wait(1)?;
        completed.extend(
            server
                .ring
                .completion()
                .map(|c| (c.user_data(), c.result())),
        );
        for (who, result) in completed.drain(..) {
            server.complete(who, result)?;
        }
        server.commit()?;
    }
}

impl Server {
    fn push(&mut self, entry: Entry) -> io::Result<()> {
        loop {
            // SAFETY: every buffer named by an entry belongs to a connection or to the batch that is
            // being written; both are kept, and left alone, until the entry has completed.
            let pushed = unsafe { self.ring.submission().push(&entry) };
            if pushed.is_ok() {
                return Ok(());
            }
            self.ring.submit()?;
        }
    }

    fn complete(&mut self, who: u64, result: i32) -> io::Result<()> {
        match who {
            ACCEPT => {
                let socket = check(result)?;
                // SAFETY: the kernel has just made this descriptor for us; nobody else has it.
                let socket = unsafe { OwnedFd::from_raw_fd(socket) };
                self.connections.push(Connection {
                    socket,
                    feed: Feed::default(),
                    buf: vec![0; ROOM].into(),
                    sending: None,
                });
                self.receive(self.connections.len() - 1)
            }
            WRITE => check(result).map(drop),
            FLUSH => {
                check(result)?;
                let waiting = self.writing.take().map(|batch| batch.waiting);
                for number in waiting.unwrap_or_default() {
                    self.send(number, to_put(), 0)?;
                }
                Ok(())
            }
            number => self.advance(usize::try_from(number).unwrap_or(usize::MAX), result),
        }
    }

    /// A receive or a send of a connection completed. One that failed or ended is left alone.
    fn advance(&mut self, number: usize, result: i32) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        let count = match usize::try_from(result) {
            Ok(count) if count > 0 => count,
            _ => return Ok(()),
        };
        if let Some((bytes, from)) = connection.sending.take() {
            return if from + count < bytes.len() {
                self.send(number, bytes, from + count)
            } else {
                self.receive(number)
            };
        }
        match connection
            .feed
            .take(connection.buf.get(..count).unwrap_or_default())
        {
            Step::More => self.receive(number),
            Step::Bad => Ok(()),
            Step::Get => self.send(number, to_get(), 0),
            Step::Put(body) => {
                self.collector.append(body, number);
                Ok(())
            }
        }
    }

    fn receive(&mut self, number: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        let (room, length) = (connection.buf.as_mut_ptr(), ROOM as u32);
        let entry = opcode::Recv::new(Fd(connection.socket.as_raw_fd()), room, length).build();
        self.push(entry.user_data(number as u64))
    }

    fn send(&mut self, number: usize, bytes: &'static [u8], from: usize) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        connection.sending = Some((bytes, from));
        let rest = bytes.get(from..).unwrap_or_default();
        let socket = Fd(connection.socket.as_raw_fd());
        let entry = opcode::Send::new(socket, rest.as_ptr(), rest.len() as u32).build();
        self.push(entry.user_data(number as u64))
    }

    /// Writes what has collected, unless a batch is under way.
    fn commit(&mut self) -> io::Result<()> {
        if self.writing.is_some() {
            return Ok(());
        }
        self.writing = self.collector.take();
        let Some(batch) = &self.writing else {
            return Ok(());
        };
        let (file, bytes) = (Fd(self.file.as_raw_fd()), batch.blocks.bytes());
        let write = opcode::Write::new(file, bytes.as_ptr(), bytes.len() as u32);
        let write = write.offset(batch.at).build().flags(Flags::IO_LINK);
        self.push(write.user_data(WRITE))?;
        let flush = opcode::Fsync::new(file).flags(FsyncFlags::DATASYNC).build();
        self.push(flush.user_data(FLUSH))
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::from_raw_os_error(-result))
    } else {
        Ok(result)
    }
}
