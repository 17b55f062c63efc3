//! Requests in, answers out: the one place that changes the state, in one order for everybody.
//!
//! It does no input or output itself. What must happen outside comes back as [`Effects`], which the
//! server carries out only when the transactions among them are on the disk.

mod reads;
mod sessions;
mod watches;
mod writes;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    ConnectionId, acl,
    data_tree::DataTree,
    database::Database,
    session_tracker::SessionTracker,
    snapshot,
    txn::{PASSWORD_BYTES, SessionRecord, Stamp, Txn, TxnKind},
    watch_manager::WatchManager,
};
use wire::{
    jute::{
        AuthPacket, Id, JuteReader, KeeperCode, OpCode, Record, ReplyHeader, RequestHeader, frame,
    },
    report::Report,
};

/// Identities that one connection may add: more are of no use.
const IDENTITIES_MAX: usize = 32;

/// The state with everybody who is connected to it.
#[derive(Debug)]
pub(super) struct Processor {
    tree: DataTree,
    sessions: SessionTracker,
    watches: WatchManager,
    connections: BTreeMap<ConnectionId, Connection>,
    last_zxid: i64,
    last_session: i64,
    traffic: Traffic,
}

/// One connection, with or without a session yet.
#[derive(Debug)]
pub(super) struct Connection {
    pub peer: SocketAddr,
    pub session: Option<i64>,
    pub since_ms: i64,
    pub traffic: Traffic,
    /// The last answered operation.
    pub last_op: &'static str,
    pub last_xid: i32,
    pub last_zxid: i64,
    /// When it was answered, in milliseconds since the Unix epoch.
    pub last_response_ms: i64,
    identities: Arc<[Id]>,
    /// Frames of a connection that is being closed are not looked at.
    closing: bool,
}

/// What went in and out.
#[derive(Debug, Default, Clone)]
pub(super) struct Traffic {
    pub received: u64,
    pub sent: u64,
    /// Answers, the sum of their latencies, and the extremes.
    pub answers: u64,
    pub latency_sum: Duration,
    pub latency_min: Duration,
    pub latency_max: Duration,
    pub latency_last: Duration,
}

/// The two clocks, read once for everything that is done together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub instant: Instant,
    /// Milliseconds since the Unix epoch.
    pub wall_ms: i64,
}

/// What has to happen, in this order: transactions to the disk, then the rest.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub txns: Vec<Txn>,
    pub sends: Vec<(ConnectionId, Send)>,
    pub reports: Vec<Report>,
}

/// Something for one connection.
#[derive(Debug)]
pub(super) enum Send {
    /// The answer to a frame that came in at this instant.
    Reply { frame: Bytes, received: Instant },
    /// A watch event.
    Event(Bytes),
    /// No more after this.
    Close(CloseReason),
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseReason {
    SessionClosed,
    SessionExpired,
    SessionMoved,
    NoSuchSession,
    AheadOfServer,
    Malformed,
    AuthFailed,
}

impl Processor {
    /// Starts with what was recovered; its sessions get their full timeout from `now`.
    pub(super) fn new(database: Database, now: Now) -> Self {
        let mut sessions = SessionTracker::default();
        for record in database.sessions.values() {
            sessions.open(record, None, now.instant);
        }
        Self {
            tree: database.tree,
            sessions,
            watches: WatchManager::default(),
            connections: BTreeMap::new(),
            last_zxid: database.last_zxid,
            // Above every id of this and, by the clock, of any other server.
            last_session: database
                .last_session
                .max((now.wall_ms & 0xff_ffff_ffff) << 16),
            traffic: Traffic::default(),
        }
    }

    /// A client connected.
    pub(super) fn connected(&mut self, id: ConnectionId, peer: SocketAddr, now: Now) {
        self.connections.insert(
            id,
            Connection {
                peer,
                session: None,
                since_ms: now.wall_ms,
                traffic: Traffic::default(),
                last_op: "NA",
                last_xid: 0,
                last_zxid: 0,
                last_response_ms: now.wall_ms,
                identities: [acl::ip_identity(peer.ip())].into(),
                closing: false,
            },
        );
    }

    /// A connection is gone. Its watches go with it, its session stays until the deadline.
    pub(super) fn disconnected(&mut self, id: ConnectionId) {
        self.watches.forget(id);
        if let Some(Connection {
            session: Some(session),
            ..
        }) = self.connections.remove(&id)
        {
            self.sessions.detach(session, id);
        }
    }

    /// One frame came from a connection. `password` is for the session it may ask for: random bytes.
    pub(super) fn frame(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        password: [u8; PASSWORD_BYTES],
        now: Now,
        effects: &mut Effects,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.closing {
            return;
        }
        connection.traffic.received += 1;
        self.traffic.received += 1;
        match connection.session {
            None => self.connect(id, bytes, password, now, effects),
            Some(session) => {
                self.sessions.touch(session, now.instant);
                self.request(id, session, bytes, now, effects);
            }
        }
    }

    /// Ends the sessions whose deadline is reached.
    pub(super) fn expire(&mut self, now: Now, effects: &mut Effects) {
        for session in self.sessions.expired(now.instant) {
            self.end_session(session, true, now, effects);
        }
    }

    /// An answer left the server.
    pub(super) fn answered(&mut self, id: ConnectionId, received: Instant, now: Now) {
        let latency = now.instant.saturating_duration_since(received);
        self.traffic.answered(latency);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.traffic.answered(latency);
            connection.last_response_ms = now.wall_ms;
        }
    }

    /// The bytes of a snapshot of the state, and the transaction it goes up to.
    pub(super) fn snapshot(&self) -> (Vec<u8>, i64) {
        let sessions: Vec<SessionRecord> = self
            .sessions
            .iter()
            .map(|(id, session)| session.record(id))
            .collect();
        let bytes = snapshot::encode(&self.tree, &sessions, self.last_zxid, self.last_session);
        (bytes, self.last_zxid)
    }

    /// This process did not run for `pause`; see [`SessionTracker::resume_after`].
    pub(super) fn resume_after(&mut self, pause: Duration, now: Now, hold: Duration) {
        self.sessions.resume_after(pause, now.instant, hold);
    }

    /// When a session expires next, if nothing is heard from it.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.sessions.next_deadline()
    }

    pub(super) fn tree(&self) -> &DataTree {
        &self.tree
    }

    pub(super) fn sessions(&self) -> &SessionTracker {
        &self.sessions
    }

    pub(super) fn watch_manager(&self) -> &WatchManager {
        &self.watches
    }

    pub(super) fn connections(&self) -> &BTreeMap<ConnectionId, Connection> {
        &self.connections
    }

    pub(super) fn last_zxid(&self) -> i64 {
        self.last_zxid
    }

    /// A watch event left the server.
    pub(super) fn notified(&mut self, id: ConnectionId) {
        self.traffic.sent += 1;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.traffic.sent += 1;
        }
    }

    pub(super) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    fn request(
        &mut self,
        id: ConnectionId,
        session: i64,
        bytes: &[u8],
        now: Now,
        effects: &mut Effects,
    ) {
        let mut body = JuteReader::new(bytes);
        let Ok(header) = body.read::<RequestHeader>() else {
            self.close(id, CloseReason::Malformed, effects);
            return;
        };
        let op = OpCode::from_code(header.op_code);
        let result = match op {
            None | Some(OpCode::Error) => Err(KeeperCode::Unimplemented),
            Some(OpCode::Ping) => Ok(Vec::new()),
            Some(OpCode::CloseSession) => {
                self.end_session(session, false, now, effects);
                Ok(Vec::new())
            }
            Some(OpCode::Auth) => self.authenticate(id, &mut body),
            Some(
                op @ (OpCode::SetWatches
                | OpCode::SetWatches2
                | OpCode::AddWatch
                | OpCode::CheckWatches
                | OpCode::RemoveWatches),
            ) => self.watch_request(id, op, &mut body, effects),
            Some(
                op @ (OpCode::Create
                | OpCode::Create2
                | OpCode::CreateContainer
                | OpCode::CreateTtl
                | OpCode::Delete
                | OpCode::DeleteContainer
                | OpCode::SetData
                | OpCode::SetAcl
                | OpCode::Check
                | OpCode::Multi),
            ) => self.write_request(id, session, op, &mut body, now, effects),
            Some(op) => self.read_request(id, session, op, &mut body),
        };
        let name = op.map_or("NA", short_name);
        self.reply(id, &header, name, &result, now, effects);
        match (op, &result) {
            (Some(OpCode::CloseSession), _) => self.close(id, CloseReason::SessionClosed, effects),
            (Some(OpCode::Auth), Err(_)) => self.close(id, CloseReason::AuthFailed, effects),
            _ => {}
        }
    }

    fn reply(
        &mut self,
        id: ConnectionId,
        header: &RequestHeader,
        name: &'static str,
        result: &Result<Vec<u8>, KeeperCode>,
        now: Now,
        effects: &mut Effects,
    ) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.last_op = name;
            connection.last_zxid = self.last_zxid;
            if header.xid >= 0 {
                connection.last_xid = header.xid;
            }
        }
        let reply = ReplyHeader {
            xid: header.xid,
            zxid: self.last_zxid,
            err: result.as_ref().err().map_or(0, |code| code.code()),
        };
        let frame = frame(|to| {
            reply.write(to);
            if let Ok(body) = result {
                to.extend_from_slice(body);
            }
        });
        effects.sends.push((
            id,
            Send::Reply {
                frame: frame.into(),
                received: now.instant,
            },
        ));
    }

    fn authenticate(
        &mut self,
        id: ConnectionId,
        body: &mut JuteReader<'_>,
    ) -> Result<Vec<u8>, KeeperCode> {
        let packet: AuthPacket = body.read()?;
        let connection = self
            .connections
            .get_mut(&id)
            .ok_or(KeeperCode::AuthFailed)?;
        let identity = match packet.scheme.as_str() {
            "digest" => acl::digest_identity(&packet.auth.unwrap_or_default()),
            "ip" => Some(acl::ip_identity(connection.peer.ip())),
            _ => None,
        }
        .ok_or(KeeperCode::AuthFailed)?;
        if !connection.identities.contains(&identity) {
            if connection.identities.len() >= IDENTITIES_MAX {
                return Err(KeeperCode::AuthFailed);
            }
            let mut identities = connection.identities.to_vec();
            identities.push(identity);
            connection.identities = identities.into();
        }
        Ok(Vec::new())
    }

    /// Who a connection is.
    fn identities(&self, id: ConnectionId) -> Arc<[Id]> {
        self.connections
            .get(&id)
            .map_or_else(|| Vec::new().into(), |found| found.identities.clone())
    }

    /// The stamp of the next transaction.
    fn next_stamp(&self, now: Now) -> Stamp {
        Stamp {
            zxid: self.last_zxid + 1,
            time_ms: now.wall_ms,
        }
    }

    /// A transaction happened: from here on it is part of the state.
    fn commit(&mut self, at: Stamp, kind: TxnKind, effects: &mut Effects) {
        assert!(
            at.zxid == self.last_zxid + 1,
            "transactions follow each other"
        );
        self.last_zxid = at.zxid;
        effects.txns.push(Txn { at, kind });
    }

    fn close(&mut self, id: ConnectionId, reason: CloseReason, effects: &mut Effects) {
        if let Some(connection) = self.connections.get_mut(&id)
            && !connection.closing
        {
            connection.closing = true;
            effects.sends.push((id, Send::Close(reason)));
        }
    }
}

impl Traffic {
    fn answered(&mut self, latency: Duration) {
        self.latency_min = match self.answers {
            0 => latency,
            _ => self.latency_min.min(latency),
        };
        self.latency_max = self.latency_max.max(latency);
        self.latency_last = latency;
        self.latency_sum += latency;
        self.answers += 1;
        self.sent += 1;
    }
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SessionClosed => "its session is closed",
            Self::SessionExpired => "its session expired",
            Self::SessionMoved => "its session moved to another connection",
            Self::NoSuchSession => "it asked for a session that is expired or not its own",
            Self::AheadOfServer => {
                "it has seen later transactions than this server: it belongs to another one"
            }
            Self::Malformed => "it sent what is not a request",
            Self::AuthFailed => "its authentication failed",
        })
    }
}

/// The names of operations in the answer to `cons`, as in the original.
fn short_name(op: OpCode) -> &'static str {
    match op {
        OpCode::Create | OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => "CREA",
        OpCode::Delete | OpCode::DeleteContainer => "DELE",
        OpCode::Exists => "EXIS",
        OpCode::GetData => "GETD",
        OpCode::SetData => "SETD",
        OpCode::GetAcl => "GETA",
        OpCode::SetAcl => "SETA",
        OpCode::GetChildren | OpCode::GetChildren2 => "GETC",
        OpCode::Sync => "SYNC",
        OpCode::Ping => "PING",
        OpCode::Check => "CHEC",
        OpCode::Multi => "MULT",
        OpCode::MultiRead => "MLTR",
        OpCode::CheckWatches => "CHKW",
        OpCode::RemoveWatches => "REMW",
        OpCode::SetWatches => "SETW",
        OpCode::SetWatches2 => "STW2",
        OpCode::AddWatch => "ADDW",
        OpCode::GetEphemerals => "GETE",
        OpCode::GetAllChildrenNumber => "GETACN",
        OpCode::WhoAmI => "HOMI",
        OpCode::CloseSession => "CLOS",
        OpCode::Auth | OpCode::Error => "NA",
    }
}

#[cfg(test)]
mod tests;
