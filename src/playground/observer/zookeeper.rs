//! Asks `ZooKeeper` by its four-letter words: sessions, when it last heard from them, counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::now;
use super::scope::Scope;
use crate::state::{Observation, SessionSeen, Timestamp, WatchSeen, ZooKeeperSeen};

/// How long it may take to answer a word.
const ANSWER_WAIT: Duration = Duration::from_millis(400);

/// How often to look: a heartbeat comes every third of a session.
const LOOK: Duration = Duration::from_millis(500);

/// How often to look while sessions count down on the screen.
const CLOSE_LOOK: Duration = Duration::from_millis(150);

/// How long two looks are apart at least.
const BUSY_LOOK: Duration = Duration::from_millis(60);

/// Watched paths that are told one by one; more than a screen of the tallest terminal shows.
const WATCHED_MAX: usize = 64;

/// The longest answer that is read: thousands of sessions.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Our server tells the time of its last answer; Apache's tells it on a clock that counts from
/// some start, which this keeps apart.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(600);

/// Looks at one `ZooKeeper` server.
pub(super) struct ZooKeeperLook {
    pub(super) address: String,
    pub(super) scope: Arc<Scope>,
    /// By session. One whose connection is gone lives on until it expires.
    heard: BTreeMap<i64, Heard>,
}

/// What is known of one session.
#[derive(Debug, Clone, Copy)]
struct Heard {
    timeout: Duration,
    /// Packets that came.
    received: u64,
    /// When that number was new.
    at: Timestamp,
}

/// One line of `cons`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Connection {
    session: i64,
    timeout_ms: u64,
    received: u64,
    /// When the server last answered, by its own clock.
    answered_ms: Option<i64>,
}

impl ZooKeeperLook {
    pub(super) fn new(address: String, scope: Arc<Scope>) -> Self {
        Self {
            address,
            scope,
            heard: BTreeMap::new(),
        }
    }

    /// Looks until cancelled.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut nudges = self.scope.nudges();
        let mut told = ZooKeeperSeen::default();
        loop {
            let changes = nudges.borrow_and_update().cluster;
            if let Some(seen) = self.look().await
                && seen != told
            {
                told.clone_from(&seen);
                self.scope.tell(Observation::ZooKeeper(seen)).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(BUSY_LOOK) => {}
            }
            let closely = self.scope.znodes().borrow().is_some();
            let pause = if closely { CLOSE_LOOK } else { LOOK };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                Ok(_) = nudges.wait_for(|nudges| nudges.cluster != changes) => {}
            }
        }
    }

    async fn look(&mut self) -> Option<ZooKeeperSeen> {
        let server = self.ask("srvr").await?;
        let mut refused = Vec::new();
        let mut answers = Vec::new();
        for word in ["cons", "dump", "wchp"] {
            let answer = self.ask(word).await?;
            if is_refused(&answer) {
                refused.push(word.to_owned());
                answers.push(String::new());
            } else {
                answers.push(answer);
            }
        }
        let [connected, dump, paths] = answers.try_into().ok()?;
        let connections = connections(&connected);
        let mut paths = watched_paths(&paths);
        let watches: usize = paths.iter().map(|path| path.sessions.len()).sum();
        paths.truncate(WATCHED_MAX);
        let mut ephemerals = ephemerals(&dump);
        let at = now();
        for connection in connections {
            let heard = self.heard.entry(connection.session).or_insert(Heard {
                timeout: Duration::from_millis(connection.timeout_ms),
                received: connection.received,
                at,
            });
            // Also less, on the new connection of an old session.
            if heard.received != connection.received {
                heard.received = connection.received;
                heard.at = at;
            }
            if let Some(answered) = connection.answered_ms.map(Timestamp::from_ms)
                && at.since(answered) < CLOCKS_APART_MAX
            {
                heard.at = answered.min(at);
            }
        }
        // Also of who is not connected any more: its last heartbeat may have come after the last look.
        for (session, left) in deadlines(&dump) {
            if let Some(heard) = self.heard.get_mut(&session) {
                heard.at = before(at, heard.timeout.saturating_sub(left));
            }
        }
        let alive = sessions(&dump);
        self.heard.retain(|session, _| alive.contains(session));
        let sessions = self
            .heard
            .iter()
            .map(|(session, heard)| SessionSeen {
                session: *session,
                timeout: heard.timeout,
                last_heard: heard.at,
                ephemerals: ephemerals.remove(session).unwrap_or_default(),
            })
            .collect();
        Some(ZooKeeperSeen {
            znodes: field(&server, "Node count:").unwrap_or(0),
            zxid: zxid(&server).unwrap_or(0),
            watches: u64::try_from(watches).unwrap_or(u64::MAX),
            watched: paths,
            sessions,
            exact: server
                .lines()
                .next()
                .is_some_and(|version| version.contains("-kafkarium-")),
            refused,
        })
    }

    /// One word and its answer; the server closes the connection after it.
    async fn ask(&self, word: &str) -> Option<String> {
        let exchange = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.write_all(word.as_bytes()).await?;
            let mut answer = Vec::new();
            stream
                .take(ANSWER_BYTES_MAX)
                .read_to_end(&mut answer)
                .await?;
            std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        tokio::time::timeout(ANSWER_WAIT, exchange).await.ok()?.ok()
    }
}

/// The lines of `cons`: ` /127.0.0.1:5[1](queued=0,recved=12,sent=12,sid=0x1,lop=PING,to=1500,...)`.
fn connections(answer: &str) -> Vec<Connection> {
    answer
        .lines()
        .filter_map(|line| {
            let (_, fields) = line.trim().trim_end_matches(')').split_once('(')?;
            let value = |name: &str| {
                fields
                    .split(',')
                    .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
            };
            Some(Connection {
                session: session(value("sid")?)?,
                timeout_ms: value("to")?.parse().ok()?,
                received: value("recved")?.parse().ok()?,
                answered_ms: value("lresp").and_then(|ms| ms.parse().ok()),
            })
        })
        .collect()
}

/// Every session that `dump` names, connected or not.
fn sessions(answer: &str) -> BTreeSet<i64> {
    let lines = answer.lines().map(|line| line.trim().trim_end_matches(':'));
    lines.filter_map(session).collect()
}

/// What our own server adds to `dump`: how long each session has left.
fn deadlines(answer: &str) -> BTreeMap<i64, Duration> {
    let left = answer.lines().filter_map(|line| {
        let (id, left) = line.trim().split_once(": ")?;
        let ms = left.strip_suffix(" ms left")?.parse().ok()?;
        Some((session(id)?, Duration::from_millis(ms)))
    });
    left.collect()
}

fn before(at: Timestamp, passed: Duration) -> Timestamp {
    Timestamp(at.0 - i64::try_from(passed.as_micros()).unwrap_or(0))
}

/// The part of `dump` that lists ephemeral znodes below their sessions.
fn ephemerals(answer: &str) -> BTreeMap<i64, Vec<String>> {
    let mut found: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut owner = None;
    for line in answer.lines().map(str::trim) {
        if let Some(id) = line.strip_suffix(':').and_then(session) {
            owner = Some(id);
        } else if line.starts_with('/') {
            if let Some(owner) = owner {
                found.entry(owner).or_default().push(line.to_owned());
            }
        } else {
            owner = None;
        }
    }
    found
}

/// `wchp` lists paths, and below each the sessions that watch it.
fn watched_paths(answer: &str) -> Vec<WatchSeen> {
    let mut found: Vec<WatchSeen> = Vec::new();
    for line in answer.lines().map(str::trim) {
        if line.starts_with('/') {
            found.push(WatchSeen {
                path: line.to_owned(),
                sessions: Vec::new(),
            });
        } else if let (Some(session), Some(last)) = (session(line), found.last_mut()) {
            last.sessions.push(session);
        }
    }
    for watch in &mut found {
        watch.sessions.sort_unstable();
    }
    found
}

/// What Apache's server says where `4lw.commands.whitelist` leaves a word out.
fn is_refused(answer: &str) -> bool {
    answer.contains("is not executed because it is not in the whitelist")
}

fn zxid(server: &str) -> Option<i64> {
    let line = server.lines().find_map(|line| line.strip_prefix("Zxid:"))?;
    session(line.trim())
}

fn field(answer: &str, name: &str) -> Option<u64> {
    answer
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn session(text: &str) -> Option<i64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16)
        .ok()
        .map(u64::cast_signed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        before, connections, deadlines, ephemerals, field, is_refused, sessions, watched_paths,
        zxid,
    };
    use crate::state::Timestamp;

    #[test]
    fn a_session_was_heard_its_timeout_before_its_deadline() {
        let dump = "Connections dump:\nConnections Sets (1)/(1):\n\tip: /127.0.0.1:4 sessionId: 0x1\n\
                    Session deadlines:\n\t0x1: 1350 ms left\n\t0x2: 0 ms left\n";
        let left = deadlines(dump);
        assert_eq!(left.get(&1), Some(&Duration::from_millis(1350)));
        assert_eq!(left.get(&2), Some(&Duration::ZERO));
        let heard = before(Timestamp::from_ms(1000), Duration::from_millis(150));
        assert_eq!(heard, Timestamp::from_ms(850));
    }

    #[test]
    fn the_words_of_zookeeper_3_8_are_read() {
        let cons = " /127.0.0.1:40846[1](queued=0,recved=123,sent=125,sid=0x1000016d3eb0001,\
                    lop=PING,est=1763805,to=18000,lcxid=0x51,lzxid=0x3c,lresp=9,llat=0,minlat=0)\n\
                    \x20/127.0.0.1:40852[0](queued=0,recved=1,sent=0)\n";
        let read = connections(cons);
        assert_eq!(
            read.len(),
            1,
            "the second one is our own, without a session"
        );
        let first = read.first().expect("one");
        assert_eq!(
            (first.session, first.timeout_ms),
            (0x0100_0016_d3eb_0001, 18000)
        );
        assert_eq!(first.received, 123);

        let dump = "SessionTracker dump:\nSession Sets (1)/(1):\n1 expire at Sat:\n\t0x1\n\
                    ephemeral nodes dump:\nSessions with Ephemerals (1):\n\
                    0x1:\n\t/brokers/ids/1\n\t/controller\nConnections dump:\n";
        let owned = ephemerals(dump);
        assert_eq!(owned.get(&1).map(Vec::len), Some(2));
        assert_eq!(sessions(dump).into_iter().collect::<Vec<_>>(), [1]);
        assert!(deadlines(dump).is_empty(), "Apache's tells whole seconds");
        let watched = watched_paths("/brokers\n\t0x2\n\t0x1\n/controller\n\t0x1\n\n");
        let told: Vec<(&str, &[i64])> = watched
            .iter()
            .map(|watch| (watch.path.as_str(), watch.sessions.as_slice()))
            .collect();
        assert_eq!(told, [("/brokers", &[1, 2][..]), ("/controller", &[1])]);
        assert_eq!(zxid("Zxid: 0x9e\nMode: standalone\n"), Some(0x9e));
        assert!(is_refused(
            "cons is not executed because it is not in the whitelist.\n"
        ));
        assert_eq!(
            field("Mode: standalone\nNode count: 61\n", "Node count:"),
            Some(61)
        );
    }
}
