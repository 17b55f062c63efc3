//! The session's thread: one connection after the other, and its watch events.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use zookeeper_client::{
    AddWatchMode, Client, Error, EventType, SessionInfo, SessionState, StateWatcher, WatchedEvent,
};

use super::{ChangedPaths, Connection, Link, ZooKeeperOptions};

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

/// What the session's thread works on.
pub(super) struct Session {
    options: ZooKeeperOptions,
    /// `host:port` of each server.
    hosts: Vec<String>,
    links: watch::Sender<Link>,
    changed: Arc<ChangedPaths>,
    close: CancellationToken,
    /// The session to take up again; `None` before the first and after ZooKeeper ended one.
    taken_up: Option<SessionInfo>,
    connections: u64,
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
            // One runtime for each connection: dropping it ends the crate's task, which would
            // else reconnect by itself and take the session from the connection made here.
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
        let Some(Some(client)) = close.run_until_cancelled(self.connect()).await else {
            return;
        };
        self.serve(client).await;
    }

    async fn connect(&mut self) -> Option<Client> {
        self.probe().await;
        let timeout = self.options.session_timeout;
        let mut connector = Client::connector()
            .with_session_timeout(timeout)
            // The crate looks at its clock eight times as often and pings at every third look: without this thirteen
            // times a second, where sessions are as short as the playground's.
            .with_connection_timeout(timeout * 3 / 5);
        if let Some(session) = &self.taken_up {
            connector = connector.with_session(session.clone());
        }
        match connector.connect(&self.options.connect).await {
            Ok(client) => {
                self.taken_up = Some(client.session().clone());
                Some(client)
            }
            Err(Error::SessionExpired) => {
                if let Some(session) = self.taken_up.take() {
                    tracing::warn!(session = %session.id(), "ZooKeeper ended the session");
                }
                None
            }
            Err(error) => {
                tracing::info!(%error, "no ZooKeeper session yet");
                sleep(PROBE_PAUSE).await;
                None
            }
        }
    }

    /// Waits until one of the servers accepts a connection; who reads the log is told what is waited for.
    async fn probe(&self) {
        let since = Instant::now();
        let mut told = false;
        loop {
            for host in &self.hosts {
                match timeout(PROBE_TIMEOUT, TcpStream::connect(host)).await {
                    Ok(Ok(_)) => return,
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

    /// Hands the connection out and passes its watch events on until it breaks.
    async fn serve(&mut self, client: Client) {
        let mut states = client.state_watcher();
        let mut watchers = Vec::new();
        for path in &self.options.watches {
            match client.watch(path, AddWatchMode::PersistentRecursive).await {
                Ok(watcher) => watchers.push(watcher),
                Err(error) => {
                    tracing::warn!(path, %error, "cannot watch");
                    return;
                }
            }
        }
        let events = watchers.into_iter().map(|watcher| {
            stream::unfold(Some(watcher), |watcher| async {
                let mut watcher = watcher?;
                let event = watcher.changed().await;
                // After a last state there are no events any more, and asking panics.
                let over =
                    event.event_type == EventType::Session && event.session_state.is_terminated();
                Some((event, (!over).then_some(watcher)))
            })
            .boxed()
        });
        let mut events = stream::select_all(events);
        self.connections += 1;
        self.links.send_replace(Link::Connected(Connection {
            number: self.connections,
            session: client.session_id().0,
            client: client.clone(),
        }));
        loop {
            tokio::select! {
                biased;
                () = self.close.cancelled() => {
                    self.links.send_replace(Link::Closed);
                    // The watchers stay: dropped now, each would ask for its removal first, and the
                    // server hangs up before it has answered them all.
                    drop(client);
                    let _ = timeout(CLOSE_WAIT, until_terminated(&mut states)).await;
                    return;
                }
                // Any change means that this connection broke, even if the crate has the next one.
                state = states.changed() => {
                    tracing::info!(?state, "the connection to ZooKeeper is lost");
                    self.links.send_replace(Link::Connecting);
                    return;
                }
                Some(event) = events.next() => self.pass_on(event),
            }
        }
    }

    fn pass_on(&self, event: WatchedEvent) {
        if event.event_type != EventType::Session {
            self.changed.add(event.path);
        }
    }
}

async fn until_terminated(states: &mut StateWatcher) -> SessionState {
    loop {
        let state = states.changed().await;
        if state.is_terminated() {
            return state;
        }
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
