//! The session's thread: one connection after the other, its requests, heartbeats and watch events.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    ChangedPaths, Connection, Link, ZooKeeperOptions,
    link::{Broken, Wire},
    requests::{self, Chroot},
};
use wire::jute::{ConnectRequest, ConnectResponse, EventType, JuteReader, Record, WatcherEvent};

/// Pause between two attempts to reach the port.
const PROBE_PAUSE: Duration = Duration::from_millis(2);

/// A server that starts beside its client is there sooner.
const TOLD_AFTER: Duration = Duration::from_secs(1);

/// From this long away on, probes are rarer: the loss of one more pause does not show any more.
const PROBE_OFTEN: Duration = Duration::from_secs(2);

/// Pause between two attempts when ZooKeeper has been away for longer.
const PROBE_PAUSE_LATER: Duration = Duration::from_millis(20);

/// A host that does not even refuse is tried again after this.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long closing waits for ZooKeeper's answer: without one the session runs out by itself.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// Requests that wait to be sent: as many as one reader of znodes asks at once, and some writers.
const ASKED_MAX: usize = 512;

/// The parts of a session's timeout after which a silent client tells that it lives, and after which a silent server
/// is given up: as in the original client, so that there is time for another one.
const PING_AFTER: u32 = 3;
const LOST_AFTER: (u32, u32) = (2, 3);

/// With what a new session is asked for: as many bytes as a password has.
const NO_PASSWORD: Bytes = Bytes::from_static(&[0; 16]);

/// What is asked of ZooKeeper, and who waits for the answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: requests::Request,
    pub(super) answer: oneshot::Sender<Result<Bytes, i32>>,
}

/// What the session's thread works on.
pub(super) struct Session {
    options: ZooKeeperOptions,
    /// `host:port` of each server.
    hosts: Vec<String>,
    chroot: Arc<Chroot>,
    links: watch::Sender<Link>,
    changed: Arc<ChangedPaths>,
    close: CancellationToken,
    /// The session to take up again; `None` before the first and after ZooKeeper ended one.
    taken_up: Option<TakenUp>,
    connections: u64,
}

/// A session that was begun: who knows both may go on with it.
#[derive(Debug, Clone)]
struct TakenUp {
    session: i64,
    password: Option<Bytes>,
}

/// A connection on which ZooKeeper granted the session.
struct Granted {
    wire: Wire,
    session: i64,
    timeout: Duration,
}

impl Session {
    pub(super) fn new(
        options: ZooKeeperOptions,
        links: watch::Sender<Link>,
        changed: Arc<ChangedPaths>,
        close: CancellationToken,
    ) -> Self {
        Self {
            hosts: hosts(&options.connect),
            chroot: Arc::new(Chroot::of(&options.connect)),
            options,
            links,
            changed,
            close,
            taken_up: None,
            connections: 0,
        }
    }

    /// Connects, serves and connects again until closed.
    pub(super) fn run(mut self) {
        while !self.close.is_cancelled() {
            match tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
            {
                Ok(runtime) => runtime.block_on(self.connect_and_serve()),
                Err(error) => {
                    tracing::error!(%error, "no runtime for the ZooKeeper session");
                    thread::sleep(PROBE_TIMEOUT);
                }
            }
        }
        self.links.send_replace(Link::Closed);
    }

    async fn connect_and_serve(&mut self) {
        let close = self.close.clone();
        while !close.is_cancelled() {
            let Some(connected) = close.run_until_cancelled(self.connect()).await else {
                return;
            };
            match connected {
                Ok(Some(granted)) => {
                    if let Err(error) = self.serve(granted).await {
                        tracing::info!(%error, "the connection to ZooKeeper is lost");
                        self.links.send_replace(Link::Connecting);
                    }
                }
                Ok(None) => match self.taken_up.take() {
                    Some(ended) => {
                        let session = format!("{:#x}", ended.session);
                        tracing::warn!(session, "ZooKeeper ended the session");
                    }
                    // It gives nobody one just now.
                    None => sleep(PROBE_PAUSE_LATER).await,
                },
                Err(error) => {
                    tracing::info!(%error, "no ZooKeeper session yet");
                    // One that accepts and does not answer must not keep the others from being asked.
                    self.hosts.rotate_left(1);
                    sleep(PROBE_PAUSE).await;
                }
            }
        }
    }

    /// Connects and asks for the session, or for a new one; `None`: the one that it had is over.
    async fn connect(&mut self) -> Result<Option<Granted>, Broken> {
        let asked = self.options.session_timeout;
        let stream = self.probe().await;
        let mut wire = Wire::new(stream);
        let taken_up = self.taken_up.clone();
        let request = ConnectRequest {
            protocol_version: 0,
            // Everything is read after each connect, so that an older state does no harm.
            last_zxid_seen: 0,
            timeout_ms: i32::try_from(asked.as_millis()).unwrap_or(i32::MAX),
            session_id: taken_up.as_ref().map_or(0, |known| known.session),
            password: taken_up.map_or(Some(NO_PASSWORD), |known| known.password),
        };
        wire.put(|to| {
            request.write(to);
            // No server that only reads.
            false.write(to);
        });
        let answered = timeout(asked * LOST_AFTER.0 / LOST_AFTER.1, wire.next());
        let bytes = answered.await.map_err(|_| Broken::Silent)??;
        let response: ConnectResponse = JuteReader::new(&bytes).read()?;
        let timeout = Duration::from_millis(u64::try_from(response.timeout_ms).unwrap_or(0));
        if timeout.is_zero() {
            return Ok(None);
        }
        let session = response.session_id;
        self.taken_up = Some(TakenUp {
            session,
            password: response.password,
        });
        Ok(Some(Granted {
            wire,
            session,
            timeout,
        }))
    }

    /// Connects to one of the servers; who reads the log is told what is waited for.
    async fn probe(&self) -> TcpStream {
        let since = Instant::now();
        let mut told = false;
        loop {
            for host in &self.hosts {
                match timeout(PROBE_TIMEOUT, TcpStream::connect(host)).await {
                    Ok(Ok(stream)) => return stream,
                    Ok(Err(error)) => tracing::trace!(%host, %error, "ZooKeeper does not answer"),
                    Err(_) => tracing::trace!(%host, "ZooKeeper does not answer in time"),
                }
            }
            if since.elapsed() >= TOLD_AFTER && !std::mem::replace(&mut told, true) {
                let connect = &self.options.connect;
                tracing::info!(%connect, "waiting for ZooKeeper: nobody answers there");
            }
            sleep(if since.elapsed() < PROBE_OFTEN {
                PROBE_PAUSE
            } else {
                PROBE_PAUSE_LATER
            })
            .await;
        }
    }

    /// Sets the watches, hands the connection out and does what is asked on it until it breaks.
    async fn serve(&mut self, granted: Granted) -> Result<(), Broken> {
        let Granted {
            mut wire,
            session,
            timeout: session_timeout,
        } = granted;
        let mut watching = Vec::new();
        for path in &self.options.watches {
            let (answer, answered) = oneshot::channel();
            let request = requests::watch(&self.chroot, path);
            wire.ask(Asked { request, answer });
            watching.push((path, answered));
        }
        let (asking, mut asked) = mpsc::channel(ASKED_MAX);
        // Given away once the watches are set.
        let mut asking = Some(asking);
        let close = self.close.clone();
        let (ping_after, lost_after) = (
            session_timeout / PING_AFTER,
            session_timeout * LOST_AFTER.0 / LOST_AFTER.1,
        );
        let mut batch = Vec::new();
        loop {
            if all_set(&mut watching)?
                && let Some(asking) = asking.take()
            {
                self.connections += 1;
                self.links.send_replace(Link::Connected(Connection {
                    number: self.connections,
                    session,
                    asking,
                    chroot: Arc::clone(&self.chroot),
                }));
            }
            let ping_at = wire.last_sent() + ping_after;
            let lost_at = wire.last_heard() + lost_after;
            tokio::select! {
                biased;
                () = close.cancelled() => {
                    self.links.send_replace(Link::Closed);
                    // Without an answer the session runs out by itself.
                    let _ = timeout(CLOSE_WAIT, wire.close()).await;
                    return Ok(());
                }
                heard = wire.next() => {
                    if let Some(event) = wire.take(&heard?)? {
                        self.pass_on(&event);
                    }
                }
                1.. = asked.recv_many(&mut batch, ASKED_MAX), if wire.has_room() => {
                    batch.drain(..).for_each(|asked| wire.ask(asked));
                }
                () = tokio::time::sleep_until(ping_at.min(lost_at).into()) => {
                    let now = Instant::now();
                    if now >= lost_at {
                        return Err(Broken::Silent);
                    }
                    wire.ping(now);
                }
            }
        }
    }

    fn pass_on(&self, event: &WatcherEvent) {
        // Others tell of the session's state.
        if EventType::from_code(event.event_type).is_some()
            && let Some(path) = self.chroot.outside(&event.path)
        {
            self.changed.add(path);
        }
    }
}

type Watching<'a> = (&'a &'static str, oneshot::Receiver<Result<Bytes, i32>>);

/// Whether every watch is set.
fn all_set(watching: &mut Vec<Watching<'_>>) -> Result<bool, Broken> {
    let mut refused = None;
    watching.retain_mut(|(path, answered)| match answered.try_recv() {
        Ok(Ok(_)) => false,
        Ok(Err(code)) => {
            tracing::warn!(%path, code, "cannot watch");
            refused = Some(code);
            false
        }
        Err(_) => true,
    });
    match refused {
        Some(code) => Err(Broken::Refused(code)),
        None => Ok(watching.is_empty()),
    }
}

/// The servers named in a connect string, without its chroot.
fn hosts(connect: &str) -> Vec<String> {
    /// ZooKeeper's port where none is given.
    const DEFAULT_PORT: u16 = 2181;
    let servers = connect
        .split_once('/')
        .map_or(connect, |(servers, _)| servers);
    servers
        .split(',')
        .map(|host| {
            let host = host.trim();
            if host
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
            {
                host.to_owned()
            } else {
                format!("{host}:{DEFAULT_PORT}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::hosts;

    #[test]
    fn a_connect_string_names_hosts_ports_and_chroot() {
        assert_eq!(hosts("a:1,b/kafka"), ["a:1", "b:2181"]);
        assert_eq!(hosts("127.0.0.1:2181"), ["127.0.0.1:2181"]);
    }
}
