//! One client's connection: frames in, requests in order, responses in order.
//!
//! Like Kafka, a connection has one request in its handler at a time. A handler that only waits
//! (a long-polling fetch, `acks=all`) hands its wait over as [`Reply::Later`], so that the next
//! request begins; the answers still leave in the order of the requests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use kafka_protocol::messages::ApiKey;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, timeout},
};

use super::{
    Broker,
    bounds::{HeldBytes, RequestBytes},
    handlers::{Api, Reply, RequestContext, RequestError, unsupported_version},
};
use wire::frame::{Frame, FrameError, FrameReader, RequestHead, read_client_id};

/// Requests of one connection that wait for their answers. Clients keep at most five in flight
/// (librdkafka up to a million, but it reads answers as they come).
const WAITING_MAX: usize = 32;

type Handling = BoxFuture<'static, Result<Reply, RequestError>>;

/// A connection and what it has in hand.
struct Connection {
    broker: Arc<Broker>,
    peer: SocketAddr,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    frames: FrameReader,
    /// The room of the request that is being read.
    coming: Option<HeldBytes>,
    /// The request whose handler runs.
    current: Option<Handling>,
    /// Answers to come, in the order of their requests.
    waiting: FuturesOrdered<Handling>,
    /// The last request is a fetch: no other is begun before it is answered, as in Kafka, or a client that reads nothing
    /// would have many large answers waiting.
    is_fetching: bool,
    idle_since: Instant,
}

/// Serves a connection until its end. Whatever ends it, other connections go on.
pub(crate) async fn run(broker: Arc<Broker>, stream: TcpStream, peer: SocketAddr) {
    // Answers are whole frames: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let frame_bytes_max =
        usize::try_from(broker.settings.socket_request_max_bytes).unwrap_or_default();
    let mut connection = Connection {
        broker,
        peer,
        reader,
        writer,
        frames: FrameReader::new(frame_bytes_max),
        current: None,
        waiting: FuturesOrdered::new(),
        coming: None,
        is_fetching: false,
        idle_since: Instant::now(),
    };
    match connection.serve().await {
        Ok(()) => {}
        Err(RequestError::Frame(FrameError::Io(error))) => {
            tracing::debug!(%peer, "connection ended: {error}");
        }
        Err(error) => tracing::warn!(%peer, "connection closed: {error}"),
    }
}

impl Connection {
    async fn serve(&mut self) -> Result<(), RequestError> {
        let idle_max = super::millis(self.broker.settings.connections_max_idle_ms);
        let mut open = true;
        while open || self.current.is_some() || !self.waiting.is_empty() {
            let idle = self.current.is_none() && self.waiting.is_empty();
            tokio::select! {
                // Answers first: what is finished frees memory before more is read.
                biased;
                Some(reply) = self.waiting.next(), if !self.waiting.is_empty() => {
                    self.send(reply?).await?;
                }
                reply = next(&mut self.current), if self.current.is_some() => {
                    self.current = None;
                    self.finish(reply?).await?;
                }
                frame = read(&mut self.frames, &mut self.reader, &self.broker.requests, &mut self.coming),
                    if open && self.current.is_none() && self.may_begin() =>
                {
                    match frame? {
                        Some((frame, held)) => self.begin(frame, held).await?,
                        None => open = false,
                    }
                    self.idle_since = Instant::now();
                }
                () = tokio::time::sleep_until(self.idle_since + idle_max), if idle => return Ok(()),
            }
        }
        Ok(())
    }

    fn may_begin(&self) -> bool {
        self.waiting.is_empty() || !self.is_fetching && self.waiting.len() < WAITING_MAX
    }

    /// Finds the handler of a request and starts it; most are done at once.
    async fn begin(&mut self, mut frame: Bytes, room: HeldBytes) -> Result<(), RequestError> {
        let head = RequestHead::read(&mut frame)?;
        let api = match Api::find(head.api_key, head.api_version) {
            Ok(api) => api,
            Err(_) if head.api_key == ApiKey::ApiVersions as i16 => {
                let reply = unsupported_version(head.correlation_id, self.peer)?;
                return self.finish(reply).await;
            }
            Err(error) => return Err(error),
        };
        let client_id = read_client_id(&mut frame, api.shape.is_flexible(head.api_version))?;
        let context = RequestContext {
            version: head.api_version,
            sent_version: head.api_version,
            correlation_id: head.correlation_id,
            client_id,
            peer: self.peer,
        };
        self.is_fetching = api.key == ApiKey::Fetch;
        let handled = api.handle(&self.broker, context, frame)?;
        let mut handling: Handling = Box::pin(async move {
            let reply = handled.await;
            drop(room);
            reply
        });
        if let Some(reply) = (&mut handling).now_or_never() {
            return self.finish(reply?).await;
        }
        self.current = Some(handling);
        Ok(())
    }

    /// Sends a handler's reply, behind those that are still waited for.
    async fn finish(&mut self, reply: Reply) -> Result<(), RequestError> {
        match reply {
            Reply::Later(wait) => self.waiting.push_back(wait),
            reply if self.waiting.is_empty() => self.send(reply).await?,
            reply => self
                .waiting
                .push_back(Box::pin(std::future::ready(Ok(reply)))),
        }
        Ok(())
    }

    async fn send(&mut self, reply: Reply) -> Result<(), RequestError> {
        let mut reply = reply;
        loop {
            match reply {
                Reply::Nothing => return Ok(()),
                Reply::Frame(frame) => {
                    let patience = super::millis(self.broker.settings.connections_max_idle_ms);
                    let _counted = self.broker.answers.count(frame.remaining());
                    write(&mut self.writer, frame, patience).await?;
                    self.idle_since = Instant::now();
                    return Ok(());
                }
                Reply::Later(wait) => reply = wait.await?,
            }
        }
    }
}

/// Reads a request once there is room for it. It may be dropped between polls: what was read and the room stay.
async fn read<S: AsyncRead + Unpin>(
    frames: &mut FrameReader,
    stream: &mut S,
    requests: &RequestBytes,
    coming: &mut Option<HeldBytes>,
) -> Result<Option<(Bytes, HeldBytes)>, FrameError> {
    if coming.is_none() {
        let Some(length) = frames.announced(stream).await? else {
            return Ok(None);
        };
        *coming = Some(requests.hold(length).await);
    }
    let frame = frames.read(stream).await?;
    Ok(frame.zip(coming.take()))
}

/// Writes an answer. As in Kafka, a connection on which nothing moves for `connections.max.idle.ms` is closed, also
/// while its answer waits to be read: the memory of the answer is what a client that does not read would keep.
async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    mut frame: Frame,
    patience: Duration,
) -> Result<(), RequestError> {
    while frame.has_remaining() {
        let left = frame.remaining();
        match timeout(patience, stream.write_buf(&mut frame)).await {
            Ok(written) => {
                if written.map_err(FrameError::from)? == 0 {
                    return Err(FrameError::from(std::io::Error::from(
                        std::io::ErrorKind::WriteZero,
                    ))
                    .into());
                }
            }
            Err(_) => return Err(RequestError::Unread { left }),
        }
    }
    Ok(())
}

/// Waits for the handler that runs, without taking it out: the wait may be dropped.
async fn next(current: &mut Option<Handling>) -> Result<Reply, RequestError> {
    match current {
        Some(handling) => handling.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{read, write};
    use crate::{bounds::RequestBytes, handlers::RequestError};
    use wire::frame::{Frame, FrameReader};

    #[tokio::test]
    async fn a_request_is_read_when_there_is_room_for_it() {
        let requests = RequestBytes::new(8);
        let (mut client, mut server) = duplex(64);
        client.write_all(&[0, 0, 0, 5]).await.expect("it has room");
        let (mut frames, mut coming) = (FrameReader::new(100), None);
        let others = requests.hold(4).now_or_never();
        let half = read(&mut frames, &mut server, &requests, &mut coming).now_or_never();
        assert!(half.is_none() && coming.is_none(), "4 of 8 are held");
        drop(others);
        let half = read(&mut frames, &mut server, &requests, &mut coming).now_or_never();
        assert!(half.is_none() && coming.is_some(), "5 of 8 are its own");
        assert!(requests.hold(4).now_or_never().is_none());
        client.write_all(b"hello").await.expect("it has room");
        let frame = read(&mut frames, &mut server, &requests, &mut coming).await;
        let (frame, held) = frame.expect("whole").expect("a frame");
        assert_eq!(frame, "hello");
        assert!(requests.hold(4).now_or_never().is_none(), "handled now");
        drop(held);
        assert!(requests.hold(8).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up_and_one_that_reads_is_not() {
        let answer = || Frame::new(vec![Bytes::from_static(&[7; 100])]).expect("short");
        let (_deaf, mut server) = duplex(64);
        let unread = write(&mut server, answer(), Duration::from_millis(1)).await;
        assert!(matches!(unread, Err(RequestError::Unread { left: 40 })));

        let (mut client, mut server) = duplex(1);
        let mut bytes = [0; 104];
        let (written, read) = tokio::join!(
            write(&mut server, answer(), Duration::from_secs(600)),
            client.read_exact(&mut bytes)
        );
        written.expect("all of it is read");
        read.expect("all of it comes");
        assert_eq!(bytes.last(), Some(&7));
    }
}
