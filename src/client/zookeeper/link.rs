//! One connection to ZooKeeper: requests out, answers and watch events in, in their orders.

use std::{collections::VecDeque, io, time::Instant};

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::oneshot,
};

use super::session::Asked;
use wire::{
    frame::{FrameError, FrameReader},
    jute::{
        JuteError, JuteReader, OpCode, Record, ReplyHeader, RequestHeader, WatcherEvent, frame, xid,
    },
};

/// The longest answer that is read: the names of all topics, or the partitions of a very large one.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// While so many bytes wait to be sent, no more requests are taken.
const UNSENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a connection is of no use any more.
#[derive(Debug, Error)]
pub(super) enum Broken {
    #[error("ZooKeeper closed it")]
    Closed,
    #[error("ZooKeeper did not answer in time")]
    Silent,
    #[error("ZooKeeper refuses to be watched: code {0}")]
    Refused(i32),
    #[error("an answer to a request that was not sent")]
    OutOfOrder,
    #[error(transparent)]
    Answer(#[from] JuteError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The connection, what is to be sent on it, and who waits for which answer.
pub(super) struct Wire {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    frames: FrameReader,
    unsent: BytesMut,
    /// In the order of their requests, which is that of the answers.
    waiting: VecDeque<(i32, oneshot::Sender<Result<Bytes, i32>>)>,
    last_xid: i32,
    last_sent: Instant,
    last_heard: Instant,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        // Requests are whole frames: nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        let now = Instant::now();
        Self {
            reader,
            writer,
            frames: FrameReader::new(ANSWER_BYTES_MAX),
            unsent: BytesMut::new(),
            waiting: VecDeque::new(),
            last_xid: 0,
            last_sent: now,
            last_heard: now,
        }
    }

    /// When a request or a heartbeat was last given to it.
    pub(super) fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// When ZooKeeper was last heard.
    pub(super) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// Whether more requests may be given to it.
    pub(super) fn has_room(&self) -> bool {
        self.unsent.len() < UNSENT_BYTES_MAX
    }

    /// Will send a frame.
    pub(super) fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.unsent.extend_from_slice(&frame(write));
        self.last_sent = Instant::now();
    }

    /// Will send a request.
    pub(super) fn ask(&mut self, asked: Asked) {
        // Below zero they mean something by themselves.
        self.last_xid = self.last_xid.checked_add(1).unwrap_or(1);
        let header = RequestHeader {
            xid: self.last_xid,
            op_code: asked.request.op.code(),
        };
        self.put(|to| {
            header.write(to);
            to.extend_from_slice(&asked.request.body);
        });
        self.waiting.push_back((header.xid, asked.answer));
    }

    /// Will tell that this client lives.
    pub(super) fn ping(&mut self, now: Instant) {
        let header = RequestHeader {
            xid: xid::PING,
            op_code: OpCode::Ping.code(),
        };
        self.put(|to| header.write(to));
        self.last_sent = now;
    }

    /// Sends what is to be sent until a frame comes. It may be dropped between polls without losing bytes.
    pub(super) async fn next(&mut self) -> Result<Bytes, Broken> {
        let Self {
            reader,
            writer,
            frames,
            unsent,
            last_heard,
            ..
        } = self;
        loop {
            tokio::select! {
                biased;
                sent = writer.write_buf(unsent), if unsent.has_remaining() => {
                    if sent? == 0 {
                        return Err(Broken::Closed);
                    }
                }
                frame = frames.read(reader) => {
                    *last_heard = Instant::now();
                    return frame?.ok_or(Broken::Closed);
                }
            }
        }
    }

    /// Hands an answer to who waits for it; a watch event is returned.
    pub(super) fn take(&mut self, bytes: &Bytes) -> Result<Option<WatcherEvent>, Broken> {
        let mut reader = JuteReader::new(bytes);
        let header: ReplyHeader = reader.read()?;
        match header.xid {
            xid::NOTIFICATION => return Ok(Some(reader.read()?)),
            xid::PING => return Ok(None),
            _ => {}
        }
        let (xid, answer) = self.waiting.pop_front().ok_or(Broken::OutOfOrder)?;
        if xid != header.xid {
            return Err(Broken::OutOfOrder);
        }
        let body = bytes.slice(bytes.len() - reader.remaining()..);
        let result = if header.err == 0 {
            Ok(body)
        } else {
            Err(header.err)
        };
        // Who asked may have given up.
        let _ = answer.send(result);
        Ok(None)
    }

    /// Ends the session and waits until ZooKeeper has hung up or said so.
    pub(super) async fn close(&mut self) -> Result<(), Broken> {
        let (answer, mut answered) = oneshot::channel();
        let request = super::requests::Request {
            op: OpCode::CloseSession,
            body: Vec::new(),
        };
        self.ask(Asked { request, answer });
        while answered.try_recv().is_err() {
            let bytes = self.next().await?;
            self.take(&bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::zookeeper::requests::Request;
    use wire::jute::{EventType, KeeperCode};

    async fn connected() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (server, _) = accepted.expect("a client");
        (Wire::new(client.expect("a server")), server)
    }

    fn reply(xid: i32, err: i32, body: &impl Record) -> Vec<u8> {
        frame(|to| {
            ReplyHeader { xid, zxid: 7, err }.write(to);
            body.write(to);
        })
    }

    fn asked() -> (Asked, oneshot::Receiver<Result<Bytes, i32>>) {
        let (answer, answered) = oneshot::channel();
        let request = Request {
            op: OpCode::GetData,
            body: vec![1, 2, 3],
        };
        (Asked { request, answer }, answered)
    }

    #[tokio::test]
    async fn answers_reach_who_asked_and_events_are_passed_on() {
        let (mut wire, mut server) = connected().await;
        let ((first, mut first_answer), (second, mut second_answer)) = (asked(), asked());
        wire.ask(first);
        wire.ping(Instant::now());
        wire.ask(second);
        let event = WatcherEvent {
            event_type: EventType::NodeDeleted.code(),
            state: 3,
            path: "/brokers/ids/2".into(),
        };
        let no_node = KeeperCode::NoNode.code();
        let sent = [
            reply(xid::NOTIFICATION, 0, &event),
            reply(1, 0, &5_i32),
            reply(xid::PING, 0, &0_i32),
            reply(2, no_node, &0_i32),
        ];
        server.write_all(&sent.concat()).await.expect("it is read");
        let mut events = Vec::new();
        for _ in &sent {
            let bytes = wire.next().await.expect("a frame");
            events.extend(wire.take(&bytes).expect("in order"));
        }
        assert_eq!(events, [event]);
        let body = Ok(Bytes::from_static(&[0, 0, 0, 5]));
        assert_eq!(first_answer.try_recv(), Ok(body));
        assert_eq!(second_answer.try_recv(), Ok(Err(no_node)));
    }

    #[tokio::test]
    async fn an_answer_to_what_was_not_asked_ends_the_connection() {
        let (mut wire, mut server) = connected().await;
        server.write_all(&reply(1, 0, &0_i32)).await.expect("read");
        let bytes = wire.next().await.expect("a frame");
        assert!(matches!(wire.take(&bytes), Err(Broken::OutOfOrder)));
        let (first, _answer) = asked();
        wire.ask(first);
        server.write_all(&reply(2, 0, &0_i32)).await.expect("read");
        let bytes = wire.next().await.expect("a frame");
        assert!(matches!(wire.take(&bytes), Err(Broken::OutOfOrder)));
        drop(server);
        assert!(wire.next().await.is_err());
    }
}
