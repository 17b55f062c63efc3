//! One client's socket: frames in, answers and events out, and nothing about what they mean.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionId,
    four_letter::{FourLetterWord, WORD_BYTES},
};
use wire::jute::FRAME_BYTES_MAX;

/// Requests of one connection that wait for their answers; more are left in its socket.
const OUTSTANDING_MAX: usize = 256;

/// Answers and runs of events that wait to be written to one connection. Answers are at most
/// [`OUTSTANDING_MAX`], so a full queue means a thousand events at least that the client does not read, and
/// some megabytes of them where many came at once.
pub(super) const OUTPUTS_WAITING_MAX: usize = 2_048;

/// How long the first frame, or the rest of one that has begun, may take.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// Room that is made for each read; most requests are far smaller.
const READ_BYTES: usize = 4 * 1024;

/// Bytes that are gathered into one write.
const WRITE_BYTES: usize = 64 * 1024;

/// How long the last answer may take to be read before the socket is closed under it.
const LINGER: Duration = Duration::from_secs(1);

/// What connections tell the server.
#[derive(Debug)]
pub(super) enum Message {
    /// One whole frame, without its length.
    Frame(ConnectionId, Bytes),
    /// An operator asks in text, and gets text.
    FourLetter(FourLetterWord, oneshot::Sender<String>),
    /// It is over.
    Closed(ConnectionId),
}

/// What the server tells a connection.
#[derive(Debug)]
pub(super) enum Output {
    /// An answer to one frame.
    Reply(Bytes),
    /// Watch events, one behind the other.
    Events(Bytes),
    /// Nothing follows.
    End,
}

/// Why a connection was closed from this side, other than by the server's word.
#[derive(Debug, Error)]
enum ConnectionError {
    #[error("{0}")]
    Socket(#[from] io::Error),
    #[error("a frame of {0} bytes is announced: not a ZooKeeper client, or beyond jute.maxbuffer")]
    FrameLength(i32),
    #[error("no whole frame came for {} seconds", FRAME_TIMEOUT.as_secs())]
    HalfFrame,
    #[error("it ended inside a frame")]
    EndInsideFrame,
}

/// The socket with what was read from it.
pub(super) struct Connection {
    pub id: ConnectionId,
    pub peer: SocketAddr,
    stream: TcpStream,
    buffer: BytesMut,
    /// The first frame came whole.
    greeted: bool,
    /// Frames handed over and not answered yet.
    outstanding: usize,
    /// When the frame that is being read must be whole.
    frame_deadline: Option<Instant>,
}

/// What is at the front of the buffer.
enum Front {
    Frame(Bytes),
    Word(FourLetterWord),
    Incomplete,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, peer: SocketAddr, stream: TcpStream) -> Self {
        Self {
            id,
            peer,
            stream,
            buffer: BytesMut::new(),
            greeted: false,
            outstanding: 0,
            frame_deadline: Some(Instant::now() + FRAME_TIMEOUT),
        }
    }

    /// Serves the socket until either side ends it or `stop` is cancelled.
    pub(super) async fn run(
        mut self,
        inbox: mpsc::Sender<Message>,
        mut outputs: mpsc::Receiver<Output>,
        stop: CancellationToken,
    ) {
        let served = tokio::select! {
            served = self.serve(&inbox, &mut outputs) => served,
            () = stop.cancelled() => Ok(()),
        };
        if let Err(error) = served {
            tracing::info!("connection from {}: closed: {error}", self.peer);
        }
        // The inbox is closed only when the server is gone.
        let _ = inbox.send(Message::Closed(self.id)).await;
    }

    async fn serve(
        &mut self,
        inbox: &mpsc::Sender<Message>,
        outputs: &mut mpsc::Receiver<Output>,
    ) -> Result<(), ConnectionError> {
        loop {
            while self.outstanding < OUTSTANDING_MAX {
                match self.front()? {
                    Front::Incomplete => break,
                    Front::Word(word) => return self.answer_word(word, inbox).await,
                    Front::Frame(frame) => {
                        self.outstanding += 1;
                        let message = Message::Frame(self.id, frame);
                        if inbox.send(message).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            }
            let reading = self.outstanding < OUTSTANDING_MAX;
            self.buffer.reserve(READ_BYTES);
            tokio::select! {
                // Reading first: after a pause of this process, what waits in the socket counts.
                biased;
                read = self.stream.read_buf(&mut self.buffer), if reading => {
                    if read? == 0 {
                        return if self.buffer.is_empty() {
                            Ok(())
                        } else {
                            Err(ConnectionError::EndInsideFrame)
                        };
                    }
                }
                output = outputs.recv() => {
                    let Some(output) = output else { return Ok(()) };
                    if !self.write(output, outputs).await? {
                        self.linger().await;
                        return Ok(());
                    }
                }
                () = wait_until(self.frame_deadline), if reading => {
                    return Err(ConnectionError::HalfFrame);
                }
            }
        }
    }

    /// Takes the next whole frame from the buffer, without trusting its length.
    fn front(&mut self) -> Result<Front, ConnectionError> {
        const PREFIX_BYTES: usize = size_of::<i32>();
        let whole = match self.buffer.first_chunk::<PREFIX_BYTES>() {
            None => None,
            Some(prefix) => {
                if !self.greeted
                    && let Some(word) = FourLetterWord::read(prefix)
                {
                    return Ok(Front::Word(word));
                }
                let announced = i32::from_be_bytes(*prefix);
                let length = usize::try_from(announced)
                    .ok()
                    .filter(|length| *length <= FRAME_BYTES_MAX)
                    .ok_or(ConnectionError::FrameLength(announced))?;
                (self.buffer.len() >= PREFIX_BYTES + length).then_some(length)
            }
        };
        if let Some(length) = whole {
            self.buffer.advance(PREFIX_BYTES);
            self.greeted = true;
            self.frame_deadline = None;
            return Ok(Front::Frame(self.buffer.split_to(length).freeze()));
        }
        if !self.buffer.is_empty() && self.frame_deadline.is_none() {
            self.frame_deadline = Some(Instant::now() + FRAME_TIMEOUT);
        }
        Ok(Front::Incomplete)
    }

    /// Writes an output with those that wait behind it; `false` when nothing follows.
    async fn write(
        &mut self,
        first: Output,
        outputs: &mut mpsc::Receiver<Output>,
    ) -> Result<bool, ConnectionError> {
        let mut bytes = BytesMut::new();
        let mut next = Some(first);
        let mut more = true;
        while let Some(output) = next.take() {
            match output {
                Output::Reply(frame) => {
                    self.outstanding = self.outstanding.saturating_sub(1);
                    bytes.extend_from_slice(&frame);
                }
                Output::Events(frames) => bytes.extend_from_slice(&frames),
                Output::End => {
                    more = false;
                    break;
                }
            }
            if bytes.len() < WRITE_BYTES {
                next = outputs.try_recv().ok();
            }
        }
        self.stream.write_all(&bytes).await?;
        Ok(more)
    }

    async fn answer_word(
        &mut self,
        word: FourLetterWord,
        inbox: &mpsc::Sender<Message>,
    ) -> Result<(), ConnectionError> {
        self.buffer.advance(WORD_BYTES);
        let (answer, answered) = oneshot::channel();
        if inbox.send(Message::FourLetter(word, answer)).await.is_ok()
            && let Ok(text) = answered.await
        {
            self.stream.write_all(text.as_bytes()).await?;
        }
        self.linger().await;
        Ok(())
    }

    /// Closes our side and waits for the other: closing a socket with unread bytes in it would
    /// reset the connection, and the last answer with it.
    async fn linger(&mut self) {
        let drained = async {
            self.stream.shutdown().await?;
            loop {
                self.buffer.clear();
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Ok::<(), io::Error>(());
                }
            }
        };
        // Whatever happens here, the connection is over.
        let _ = timeout(LINGER, drained).await;
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
