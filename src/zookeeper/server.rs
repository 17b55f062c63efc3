//! The task that owns the state: takes requests in their order, has their transactions written,
//! and lets answers and events go only when these are on the disk.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::BytesMut;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionId,
    connection::{Connection, Message, OUTPUTS_WAITING_MAX, Output},
    error::ZooKeeperError,
    four_letter::{self, ServerFacts},
    processor::{CloseReason, Effects, Now, Processor, Send},
    storage::Storage,
    txn_log,
};
use wire::{Reporter, report::Report};

/// Connections at once; a playground has some dozens.
const CONNECTIONS_MAX: usize = 1_024;

/// Frames that wait for this task, from all connections together.
const INBOX_MAX: usize = 1_024;

/// Messages that are worked off before their transactions go to the disk together.
const BATCH_MAX: usize = 256;

/// Bytes of events that are handed to a connection together.
const EVENT_BYTES: usize = 16 * 1024;

/// This task runs at least this often while there are sessions, so that a pause is noticed.
const TURN: Duration = Duration::from_millis(200);

/// A turn that comes this late means that the process did not run: it was stopped, or starved.
const PAUSE_MIN: Duration = Duration::from_millis(400);

/// After a pause, how long what waits in the sockets is read before sessions expire again.
const HOLD: Duration = Duration::from_millis(100);

/// How often containers that lost their last child are removed, as in the original.
const CONTAINER_CHECK: Duration = Duration::from_secs(60);

/// How long to wait before accepting again when that failed, for want of file descriptors say.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A ZooKeeper server that has recovered its state and listens.
#[derive(Debug)]
pub struct ZooKeeperServer {
    listener: TcpListener,
    address: SocketAddr,
    data_dir: PathBuf,
    storage: Storage,
    processor: Processor,
    reporter: Reporter,
    connections: BTreeMap<ConnectionId, Handle>,
    last_connection: u64,
    /// What waits for its transactions to be on the disk, in order.
    waiting: VecDeque<Waiting>,
    /// When this task last took requests.
    last_turn: Instant,
    last_container_check: Instant,
    /// Accepting failed; not before this instant again.
    accept_again: Option<Instant>,
}

/// Events of one moment, by the connections that they go to: a topic of thousands of partitions is as many events for
/// every broker.
type Events = BTreeMap<ConnectionId, BytesMut>;

/// The server's side of a connection.
#[derive(Debug)]
struct Handle {
    outputs: mpsc::Sender<Output>,
    stop: CancellationToken,
}

/// Effects that may be carried out once `ticket` is on the disk.
#[derive(Debug)]
struct Waiting {
    ticket: u64,
    sends: Vec<(ConnectionId, Send)>,
    reports: Vec<Report>,
}

impl ZooKeeperServer {
    /// Recovers the state in `data_dir`. Clients that connect to `listener` wait until [`Self::run`].
    ///
    /// # Errors
    /// The socket does not listen, or the folder cannot be read or is damaged.
    pub fn open(
        listener: std::net::TcpListener,
        data_dir: PathBuf,
        reporter: Reporter,
    ) -> Result<Self, ZooKeeperError> {
        listener
            .set_nonblocking(true)
            .map_err(ZooKeeperError::Listen)?;
        let socket = TcpListener::from_std(listener).map_err(ZooKeeperError::Listen)?;
        let address = socket.local_addr().map_err(ZooKeeperError::Listen)?;
        let (storage, database) = Storage::open(&data_dir)?;
        let now = now();
        tracing::info!(
            "recovered {} znodes and {} sessions up to transaction 0x{:x}",
            database.tree.len(),
            database.sessions.len(),
            database.last_zxid
        );
        Ok(Self {
            listener: socket,
            address,
            data_dir,
            storage,
            processor: Processor::new(database, now),
            reporter,
            connections: BTreeMap::new(),
            last_connection: 0,
            waiting: VecDeque::new(),
            last_turn: now.instant,
            last_container_check: now.instant,
            accept_again: None,
        })
    }

    /// The address it listens on, with the port that was picked.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled. Sessions stay open: they go on after a restart.
    ///
    /// # Errors
    /// The disk failed. What was answered is on it.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ZooKeeperError> {
        let (inbox, mut messages) = mpsc::channel(INBOX_MAX);
        let mut tasks = JoinSet::new();
        let mut batch = Vec::with_capacity(BATCH_MAX);
        self.last_turn = Instant::now();
        loop {
            let room = self.storage.has_room();
            let turn = self.next_turn();
            // No branch goes first: under steady load each one must have its turn.
            tokio::select! {
                () = stop.cancelled() => break,
                progress = self.storage.progress() => progress?,
                _ = messages.recv_many(&mut batch, BATCH_MAX), if room => {
                    self.take_turn(&mut batch);
                }
                accepted = accept_after(&self.listener, self.accept_again) => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer, &inbox, &mut tasks),
                    Err(error) => {
                        tracing::warn!("cannot accept a connection: {error}");
                        self.accept_again = Some(Instant::now() + ACCEPT_RETRY);
                    }
                },
                Some(_) = tasks.join_next() => {}
                () = sleep_until(turn.into()), if room => {
                    // Heartbeats that are in the sockets come before the judgement.
                    tokio::task::yield_now().await;
                    while batch.len() < INBOX_MAX
                        && let Ok(message) = messages.try_recv()
                    {
                        batch.push(message);
                    }
                    self.take_turn(&mut batch);
                    self.expire();
                }
            }
            self.release();
        }
        for handle in self.connections.values() {
            handle.stop.cancel();
        }
        drop(messages);
        self.storage.close()?;
        while tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// When to run without a message.
    fn next_turn(&self) -> Instant {
        match self.processor.next_deadline() {
            Some(deadline) => deadline.min(self.last_turn + TURN),
            None => self.last_turn + CONTAINER_CHECK,
        }
    }

    fn take_turn(&mut self, batch: &mut Vec<Message>) {
        let now = now();
        let gap = now.instant.saturating_duration_since(self.last_turn);
        self.last_turn = now.instant;
        if gap >= PAUSE_MIN && self.processor.next_deadline().is_some() {
            tracing::warn!("this process did not run for {gap:?}: sessions get that time back");
            self.processor
                .resume_after(gap.saturating_sub(HOLD), now, HOLD);
        }
        let mut effects = Effects::default();
        for message in batch.drain(..) {
            match message {
                Message::Frame(id, bytes) => {
                    self.processor
                        .frame(id, &bytes, rand::random(), now, &mut effects);
                }
                Message::FourLetter(word, answer) => {
                    let text = four_letter::answer(word, &self.processor, &self.facts(), now);
                    // The asker may be gone already.
                    let _ = answer.send(text);
                }
                Message::Closed(id) => {
                    self.processor.disconnected(id);
                    self.connections.remove(&id);
                }
            }
        }
        self.submit(effects);
    }

    fn expire(&mut self) {
        let now = now();
        let mut effects = Effects::default();
        self.processor.expire(now, &mut effects);
        if now.instant.duration_since(self.last_container_check) >= CONTAINER_CHECK {
            self.last_container_check = now.instant;
            self.processor.delete_empty_containers(now, &mut effects);
        }
        self.submit(effects);
    }

    /// Has the transactions written, and keeps the rest until they are.
    fn submit(&mut self, effects: Effects) {
        let Effects {
            txns,
            sends,
            reports,
        } = effects;
        if !txns.is_empty() {
            let mut records = Vec::new();
            for txn in &txns {
                txn_log::encode(txn, &mut records);
            }
            self.storage.append(records);
            if self.storage.wants_snapshot() {
                let (snapshot, zxid) = self.processor.snapshot();
                self.storage.roll(snapshot, zxid);
            }
        }
        if !sends.is_empty() || !reports.is_empty() {
            self.waiting.push_back(Waiting {
                ticket: self.storage.submitted(),
                sends,
                reports,
            });
        }
    }

    /// Carries out what waited for transactions that are on the disk now.
    fn release(&mut self) {
        let durable = self.storage.durable();
        while self
            .waiting
            .front()
            .is_some_and(|first| first.ticket <= durable)
            && let Some(ready) = self.waiting.pop_front()
        {
            let now = now();
            for report in ready.reports {
                self.reporter.report(report);
            }
            let mut events = Events::default();
            for (id, send) in ready.sends {
                self.send(id, send, &mut events, now);
            }
            for (id, gathered) in events {
                self.put_out(id, Output::Events(gathered.freeze()));
            }
        }
    }

    /// Hands an answer over, behind the events that come before it; events wait for more of them.
    fn send(&mut self, id: ConnectionId, send: Send, events: &mut Events, now: Now) {
        let output = match send {
            Send::Event(frame) => {
                self.processor.notified(id);
                let gathered = events.entry(id).or_default();
                gathered.extend_from_slice(&frame);
                if gathered.len() < EVENT_BYTES {
                    return;
                }
                Output::Events(gathered.split().freeze())
            }
            Send::Reply { frame, received } => {
                self.processor.answered(id, received, now);
                Output::Reply(frame)
            }
            Send::Close(reason) => {
                self.log_close(id, reason);
                Output::End
            }
        };
        if let Some(gathered) = events.remove(&id).filter(|gathered| !gathered.is_empty()) {
            self.put_out(id, Output::Events(gathered.freeze()));
        }
        self.put_out(id, output);
    }

    fn put_out(&self, id: ConnectionId, output: Output) {
        if let Some(handle) = self.connections.get(&id)
            && handle.outputs.try_send(output).is_err()
            && !handle.stop.is_cancelled()
        {
            tracing::info!("connection {}: closed: it does not read its events", id.0);
            handle.stop.cancel();
        }
    }

    fn log_close(&self, id: ConnectionId, reason: CloseReason) {
        let Some(connection) = self.processor.connections().get(&id) else {
            return;
        };
        let peer = connection.peer;
        if reason == CloseReason::SessionClosed {
            tracing::debug!("connection from {peer}: closed: {reason}");
        } else {
            tracing::info!("connection from {peer}: closed: {reason}");
        }
    }

    fn accept(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        inbox: &mpsc::Sender<Message>,
        tasks: &mut JoinSet<()>,
    ) {
        if self.connections.len() >= CONNECTIONS_MAX {
            tracing::warn!("connection from {peer}: refused: there are {CONNECTIONS_MAX} already");
            return;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("connection from {peer}: {error}");
        }
        self.last_connection += 1;
        let id = ConnectionId(self.last_connection);
        let (outputs, waiting) = mpsc::channel(OUTPUTS_WAITING_MAX);
        let stop = CancellationToken::new();
        self.processor.connected(id, peer, now());
        self.connections.insert(
            id,
            Handle {
                outputs,
                stop: stop.clone(),
            },
        );
        tasks.spawn(Connection::new(id, peer, stream).run(inbox.clone(), waiting, stop));
    }

    fn facts(&self) -> ServerFacts<'_> {
        ServerFacts {
            address: self.address,
            data_dir: &self.data_dir,
            connections: self.connections.len(),
            connections_max: CONNECTIONS_MAX,
        }
    }
}

async fn accept_after(
    listener: &TcpListener,
    not_before: Option<Instant>,
) -> io::Result<(TcpStream, SocketAddr)> {
    if let Some(not_before) = not_before {
        sleep_until(not_before.into()).await;
    }
    listener.accept().await
}

fn now() -> Now {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        instant: Instant::now(),
        wall_ms: i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX),
    }
}
