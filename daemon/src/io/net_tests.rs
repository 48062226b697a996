//! Connections over loopback against the standard library's sockets.

use super::*;
use crate::base::AlignedBuf;
use crate::io::connection::{Bytes, Parts};
use crate::io::runtime::{run, spawn, timeout, yield_now};
use std::io::{Read, Write};
use std::net::TcpStream as Client;
use std::rc::Rc;
use std::thread;

fn loopback(count: usize) -> Vec<TcpListener> {
    listen("127.0.0.1:0".parse().unwrap(), count).unwrap()
}

/// Bytes that differ from place to place.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// A head and a buffer shared with others.
struct Answer {
    head: Vec<u8>,
    body: Rc<AlignedBuf>,
    sent: usize,
}

impl Parts for Answer {
    fn unsent(&self) -> [&[u8]; 2] {
        match self.head.get(self.sent..) {
            Some(head) => [head, &self.body],
            None => [&[], &self.body[self.sent - self.head.len()..]],
        }
    }

    fn advance(&mut self, count: usize) {
        self.sent += count;
    }
}

#[test]
fn receives_directly_and_sends_what_is_shared() {
    const BODY: usize = 3 << 20;
    let listener = loopback(1).remove(0);
    let address = listener.local_addr();
    let client = thread::spawn(move || {
        let mut client = Client::connect(address).unwrap();
        client.write_all(&pattern(BODY)).unwrap();
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        (client.local_addr().unwrap(), back)
    });
    let peer = run(async move {
        let stream = listener.accept().await.unwrap();
        assert!(sockopt::tcp_nodelay(&*stream).unwrap());
        let mut buf = AlignedBuf::with_capacity(4096 + BODY);
        let mut at = 4096;
        while at < 4096 + BODY {
            let (received, back) = stream.recv_into(buf, at, 4096 + BODY - at).await;
            buf = back;
            at += received.unwrap();
        }
        assert_eq!(buf.len(), 0);
        assert!(buf.whole()[4096..4096 + BODY] == pattern(BODY));
        buf.set_len(4096 + BODY);
        let head = b"a head".to_vec();
        let body = Rc::new(buf);
        let answer = Answer {
            head,
            body: body.clone(),
            sent: 0,
        };
        let (sent, answer) = stream.send_all(answer).await;
        sent.unwrap();
        assert_eq!(answer.sent, 6 + 4096 + BODY);
        stream.shutdown().await.unwrap();
        let (end, _) = stream.recv(Vec::new()).await;
        assert_eq!(end.unwrap(), 0);
        stream.peer_addr()
    })
    .unwrap();
    let (local, back) = client.join().unwrap();
    assert_eq!(peer, local);
    assert_eq!(&back[..6], b"a head");
    assert!(back[6 + 4096..] == pattern(BODY));
}

#[test]
fn many_connections_on_several_cores() {
    const CLIENTS: usize = 64;
    let listeners = loopback(2);
    let address = listeners[0].local_addr();
    assert_eq!(address, listeners[1].local_addr());
    for listener in listeners {
        // Ends with the process.
        thread::spawn(move || {
            run(async move {
                while let Ok(stream) = listener.accept().await {
                    spawn(async move {
                        loop {
                            let (received, bytes) = stream.recv(Vec::new()).await;
                            match received {
                                Ok(0) | Err(_) => return,
                                Ok(_) => (),
                            }
                            let _ = stream.send_all(Bytes::from(bytes)).await;
                        }
                    });
                }
            })
        });
    }
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| Client::connect(address).unwrap())
        .collect();
    for round in 0..5u8 {
        for (client, id) in clients.iter_mut().zip(0..) {
            client.write_all(&[id, round]).unwrap();
        }
        for (client, id) in clients.iter_mut().zip(0..) {
            let mut back = [0; 2];
            client.read_exact(&mut back).unwrap();
            assert_eq!(back, [id, round]);
        }
    }
}

#[test]
fn a_port_in_use_is_refused() {
    let ours = loopback(2);
    let address = ours[0].local_addr();
    let second = listen(address, 2).err().unwrap();
    assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
}

/// Giving up a receive and dropping the connection closes it although the kernel was waiting.
#[test]
fn a_dropped_receive_lets_the_connection_close() {
    let listener = loopback(1).remove(0);
    let mut client = Client::connect(listener.local_addr()).unwrap();
    run(async move {
        let stream = listener.accept().await.unwrap();
        let receiving = stream.recv(Vec::new());
        assert!(timeout(Duration::from_millis(5), receiving).await.is_err());
        drop(stream);
        yield_now().await;
        let closed = thread::spawn(move || client.read(&mut [0; 8]).unwrap());
        while !closed.is_finished() {
            yield_now().await;
        }
        assert_eq!(closed.join().unwrap(), 0);
    })
    .unwrap();
}

#[test]
fn a_reset_is_an_error_not_a_crash() {
    let listener = loopback(1).remove(0);
    let client = Client::connect(listener.local_addr()).unwrap();
    run(async move {
        let stream = listener.accept().await.unwrap();
        // Unread bytes make the close a reset.
        let (sent, _) = stream.send_all(Bytes::from(vec![1; 64])).await;
        sent.unwrap();
        drop(client);
        let (received, _) = stream.recv(Vec::new()).await;
        assert_eq!(received.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        let (sent, _) = stream.send_all(Bytes::from(vec![1; 64])).await;
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    })
    .unwrap();
}
