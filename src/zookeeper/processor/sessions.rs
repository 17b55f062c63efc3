//! How sessions begin, come back and end.

use bytes::Bytes;

use super::{CloseReason, Effects, Now, Processor, Send};
use crate::{
    ConnectionId,
    session_tracker::{NotThisSession, SessionTracker},
    txn::{PASSWORD_BYTES, SessionRecord, TxnKind},
};
use wire::{
    jute::{ConnectRequest, ConnectResponse, EventType, JuteReader, Record, frame},
    report::Report,
};

impl Processor {
    /// The first frame of a connection: asks for a session, a new one or its own again.
    pub(super) fn connect(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        password: [u8; PASSWORD_BYTES],
        now: Now,
        effects: &mut Effects,
    ) {
        let mut reader = JuteReader::new(bytes);
        let Ok(request) = reader.read::<ConnectRequest>() else {
            self.close(id, CloseReason::Malformed, effects);
            return;
        };
        // Clients before 3.4 neither send nor expect the byte about read-only servers.
        let knows_read_only = reader.read::<bool>().is_ok();
        if request.last_zxid_seen > self.last_zxid {
            self.close(id, CloseReason::AheadOfServer, effects);
            return;
        }
        let timeout = SessionTracker::negotiate(request.timeout_ms);
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let granted = if request.session_id == 0 {
            let record = SessionRecord {
                session: self.last_session + 1,
                timeout_ms,
                password,
            };
            self.open_session(id, &record, now, effects);
            Some(record)
        } else {
            self.reattach_session(id, &request, now, effects)
        };
        let response = match &granted {
            Some(record) => ConnectResponse {
                protocol_version: 0,
                timeout_ms,
                session_id: record.session,
                password: Some(Bytes::copy_from_slice(&record.password)),
            },
            None => ConnectResponse {
                password: Some(Bytes::from_static(&[0; PASSWORD_BYTES])),
                ..ConnectResponse::default()
            },
        };
        let frame = frame(|to| {
            response.write(to);
            if knows_read_only {
                false.write(to);
            }
        });
        effects.sends.push((
            id,
            Send::Reply {
                frame: frame.into(),
                received: now.instant,
            },
        ));
        match granted {
            Some(record) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.session = Some(record.session);
                    connection.last_op = "SESS";
                }
            }
            None => self.close(id, CloseReason::NoSuchSession, effects),
        }
    }

    fn open_session(
        &mut self,
        id: ConnectionId,
        record: &SessionRecord,
        now: Now,
        effects: &mut Effects,
    ) {
        self.last_session = record.session;
        self.sessions.open(record, Some(id), now.instant);
        self.commit(
            self.next_stamp(now),
            TxnKind::CreateSession(record.clone()),
            effects,
        );
        effects.reports.push(Report::SessionOpened {
            session: record.session,
            timeout_ms: u32::try_from(record.timeout_ms).unwrap_or_default(),
            reattached: false,
        });
    }

    fn reattach_session(
        &mut self,
        id: ConnectionId,
        request: &ConnectRequest,
        now: Now,
        effects: &mut Effects,
    ) -> Option<SessionRecord> {
        let session = request.session_id;
        let timeout = SessionTracker::negotiate(request.timeout_ms);
        let password = request.password.clone().unwrap_or_default();
        match self
            .sessions
            .reattach(session, &password, timeout, id, now.instant)
        {
            Err(NotThisSession) => None,
            Ok(before) => {
                if let Some(before) = before.filter(|before| *before != id) {
                    self.watches.forget(before);
                    self.close(before, CloseReason::SessionMoved, effects);
                }
                effects.reports.push(Report::SessionOpened {
                    session,
                    timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
                    reattached: true,
                });
                self.sessions
                    .get(session)
                    .map(|found| found.record(session))
            }
        }
    }

    /// Ends a session and deletes its ephemeral znodes, in one transaction.
    pub(super) fn end_session(
        &mut self,
        session: i64,
        expired: bool,
        now: Now,
        effects: &mut Effects,
    ) {
        let Some(ended) = self.sessions.close(session) else {
            return;
        };
        let at = self.next_stamp(now);
        let ephemerals = self.tree.delete_ephemerals(session, at);
        self.commit(at, TxnKind::CloseSession { session }, effects);
        effects.reports.push(if expired {
            Report::SessionExpired {
                session,
                timeout_ms: u32::try_from(ended.timeout.as_millis()).unwrap_or(u32::MAX),
                ephemerals: ephemerals.clone(),
            }
        } else {
            Report::SessionClosed {
                session,
                ephemerals: ephemerals.clone(),
            }
        });
        // A session that is over hears nothing any more, also not of its own end.
        if let Some(connection) = ended.connection {
            self.watches.forget(connection);
        }
        for path in &ephemerals {
            self.fire(path, EventType::NodeDeleted, effects);
            self.fire_children(path, effects);
        }
        if let Some(connection) = ended.connection
            && expired
        {
            self.close(connection, CloseReason::SessionExpired, effects);
        }
    }
}
