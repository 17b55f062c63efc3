//! One client's connection: frames in, requests in order, responses in order.
//!
//! Like Kafka, a connection has one request in its handler at a time. A handler that only waits
//! (a long-polling fetch, `acks=all`) hands its wait over as [`Reply::Later`], so that the next
//! request begins; the answers still leave in the order of the requests.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use kafka_protocol::messages::ApiKey;
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::Instant,
};

use super::{
    Broker,
    handlers::{Api, Reply, RequestContext, RequestError, unsupported_version},
};
use wire::frame::{FrameError, FrameReader, RequestHead, read_client_id};

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
    /// The request whose handler runs.
    current: Option<Handling>,
    /// Answers to come, in the order of their requests.
    waiting: FuturesOrdered<Handling>,
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
                frame = self.frames.read(&mut self.reader),
                    if open && self.current.is_none() && self.waiting.len() < WAITING_MAX =>
                {
                    match frame? {
                        Some(frame) => self.begin(frame).await?,
                        None => open = false,
                    }
                    self.idle_since = Instant::now();
                }
                () = tokio::time::sleep_until(self.idle_since + idle_max), if idle => return Ok(()),
            }
        }
        Ok(())
    }

    /// Finds the handler of a request and starts it; most are done at once.
    async fn begin(&mut self, mut frame: Bytes) -> Result<(), RequestError> {
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
            correlation_id: head.correlation_id,
            client_id,
            peer: self.peer,
        };
        let mut handling = api.handle(&self.broker, context, frame)?;
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
                Reply::Frame(mut frame) => {
                    self.writer
                        .write_all_buf(&mut frame)
                        .await
                        .map_err(FrameError::from)?;
                    self.idle_since = Instant::now();
                    return Ok(());
                }
                Reply::Later(wait) => reply = wait.await?,
            }
        }
    }
}

/// Waits for the handler that runs, without taking it out: the wait may be dropped.
async fn next(current: &mut Option<Handling>) -> Result<Reply, RequestError> {
    match current {
        Some(handling) => handling.await,
        None => std::future::pending().await,
    }
}
