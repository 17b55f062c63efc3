//! The state that survives a restart: znodes, sessions and the last transaction.

use std::collections::BTreeMap;

use super::{
    data_tree::DataTree,
    txn::{SessionRecord, Txn, TxnKind},
};
use wire::jute::KeeperCode;

/// What snapshots and logs add up to.
#[derive(Debug)]
pub(super) struct Database {
    pub tree: DataTree,
    pub sessions: BTreeMap<i64, SessionRecord>,
    pub last_zxid: i64,
    /// The largest session id that was ever given out.
    pub last_session: i64,
}

/// A transaction of the log does not follow from the state before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReplayError {
    /// Its id is not the next one.
    Gap { expected: i64, found: i64 },
    /// The tree refuses it.
    Refused { zxid: i64, code: KeeperCode },
}

impl Database {
    /// The state of a new server.
    pub(super) fn new() -> Self {
        Self {
            tree: DataTree::new(),
            sessions: BTreeMap::new(),
            last_zxid: 0,
            last_session: 0,
        }
    }

    /// Repeats a logged transaction. One that is part of the state already is skipped.
    ///
    /// # Errors
    /// The log is not the one that belongs to this state.
    pub(super) fn replay(&mut self, txn: &Txn) -> Result<(), ReplayError> {
        let zxid = txn.at.zxid;
        if zxid <= self.last_zxid {
            return Ok(());
        }
        if zxid != self.last_zxid + 1 {
            return Err(ReplayError::Gap {
                expected: self.last_zxid + 1,
                found: zxid,
            });
        }
        match &txn.kind {
            TxnKind::CreateSession(record) => {
                self.last_session = self.last_session.max(record.session);
                self.sessions.insert(record.session, record.clone());
            }
            TxnKind::CloseSession { session } => {
                self.sessions.remove(session);
                self.tree.delete_ephemerals(*session, txn.at);
            }
            TxnKind::Changes(changes) => {
                for change in changes {
                    self.tree
                        .apply(change, txn.at)
                        .map_err(|code| ReplayError::Refused { zxid, code })?;
                }
            }
        }
        self.last_zxid = zxid;
        Ok(())
    }
}

impl std::fmt::Display for ReplayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gap { expected, found } => write!(
                f,
                "transaction 0x{found:x} is found where 0x{expected:x} must follow"
            ),
            Self::Refused { zxid, code } => {
                write!(f, "transaction 0x{zxid:x} is not possible: {code:?}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Database, ReplayError};
    use crate::txn::{Change, SessionRecord, Stamp, Txn, TxnKind};
    use wire::jute::open_acl;

    fn txn(zxid: i64, kind: TxnKind) -> Txn {
        Txn {
            at: Stamp { zxid, time_ms: 0 },
            kind,
        }
    }

    #[test]
    fn a_closed_session_takes_its_ephemerals_with_it() {
        let mut database = Database::new();
        let record = SessionRecord {
            session: 9,
            timeout_ms: 1000,
            password: [0; 16],
        };
        let create = Change::Create {
            path: "/e".into(),
            data: None,
            acl: open_acl(),
            owner: 9,
        };
        let txns = [
            txn(1, TxnKind::CreateSession(record)),
            txn(2, TxnKind::Changes(vec![create])),
            txn(3, TxnKind::CloseSession { session: 9 }),
        ];
        for txn in &txns {
            database.replay(txn).expect("in order");
        }
        database.replay(&txns[1]).expect("known already");
        assert!(database.tree.get("/e").is_none());
        assert!(database.sessions.is_empty());
        assert_eq!((database.last_zxid, database.last_session), (3, 9));
    }

    #[test]
    fn a_missing_transaction_is_noticed() {
        let gap = Database::new().replay(&txn(2, TxnKind::Changes(vec![])));
        assert_eq!(
            gap,
            Err(ReplayError::Gap {
                expected: 1,
                found: 2
            })
        );
    }
}
