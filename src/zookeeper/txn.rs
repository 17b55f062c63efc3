//! Transactions: everything that changes the server's state, as the log keeps it.

use bytes::Bytes;

use wire::jute::{Acl, JuteError, JuteReader, Record};

/// Bytes of a session's password.
pub(super) const PASSWORD_BYTES: usize = 16;

/// When something changed: the transaction's id and its time in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub zxid: i64,
    pub time_ms: i64,
}

/// One transaction. Ids rise by one without holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Txn {
    pub at: Stamp,
    pub kind: TxnKind,
}

/// What a transaction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TxnKind {
    CreateSession(SessionRecord),
    /// Closed or expired: its ephemeral znodes go with it.
    CloseSession {
        session: i64,
    },
    /// All of them or none, under one id.
    Changes(Vec<Change>),
}

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionRecord {
    pub session: i64,
    pub timeout_ms: i32,
    pub password: [u8; PASSWORD_BYTES],
}

/// One change of the tree, with names and numbers settled, so that it means the same at every replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Create {
        path: String,
        data: Option<Bytes>,
        acl: Vec<Acl>,
        owner: i64,
    },
    Delete {
        path: String,
    },
    SetData {
        path: String,
        data: Option<Bytes>,
    },
    SetAcl {
        path: String,
        acl: Vec<Acl>,
    },
}

/// The first byte of each kind of transaction and change on disk.
mod tag {
    pub(super) const CREATE_SESSION: u8 = 1;
    pub(super) const CLOSE_SESSION: u8 = 2;
    pub(super) const CHANGES: u8 = 3;
    pub(super) const CREATE: u8 = 1;
    pub(super) const DELETE: u8 = 2;
    pub(super) const SET_DATA: u8 = 3;
    pub(super) const SET_ACL: u8 = 4;
}

impl Record for Stamp {
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        Ok(Self {
            zxid: from.read()?,
            time_ms: from.read()?,
        })
    }

    fn write(&self, to: &mut Vec<u8>) {
        self.zxid.write(to);
        self.time_ms.write(to);
    }
}

impl Record for SessionRecord {
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        let session = from.read()?;
        let timeout_ms = from.read()?;
        let mut password = [0; PASSWORD_BYTES];
        for byte in &mut password {
            *byte = from.read()?;
        }
        Ok(Self {
            session,
            timeout_ms,
            password,
        })
    }

    fn write(&self, to: &mut Vec<u8>) {
        self.session.write(to);
        self.timeout_ms.write(to);
        to.extend_from_slice(&self.password);
    }
}

impl Record for Change {
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        Ok(match from.read::<u8>()? {
            tag::CREATE => Self::Create {
                path: from.read()?,
                data: from.read()?,
                acl: from.read()?,
                owner: from.read()?,
            },
            tag::DELETE => Self::Delete { path: from.read()? },
            tag::SET_DATA => Self::SetData {
                path: from.read()?,
                data: from.read()?,
            },
            tag::SET_ACL => Self::SetAcl {
                path: from.read()?,
                acl: from.read()?,
            },
            other => return Err(JuteError::Tag(other)),
        })
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Create {
                path,
                data,
                acl,
                owner,
            } => {
                tag::CREATE.write(to);
                path.write(to);
                data.write(to);
                acl.write(to);
                owner.write(to);
            }
            Self::Delete { path } => {
                tag::DELETE.write(to);
                path.write(to);
            }
            Self::SetData { path, data } => {
                tag::SET_DATA.write(to);
                path.write(to);
                data.write(to);
            }
            Self::SetAcl { path, acl } => {
                tag::SET_ACL.write(to);
                path.write(to);
                acl.write(to);
            }
        }
    }
}

impl Record for Txn {
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        let at = from.read()?;
        let kind = match from.read::<u8>()? {
            tag::CREATE_SESSION => TxnKind::CreateSession(from.read()?),
            tag::CLOSE_SESSION => TxnKind::CloseSession {
                session: from.read()?,
            },
            tag::CHANGES => TxnKind::Changes(from.read()?),
            other => return Err(JuteError::Tag(other)),
        };
        Ok(Self { at, kind })
    }

    fn write(&self, to: &mut Vec<u8>) {
        self.at.write(to);
        match &self.kind {
            TxnKind::CreateSession(session) => {
                tag::CREATE_SESSION.write(to);
                session.write(to);
            }
            TxnKind::CloseSession { session } => {
                tag::CLOSE_SESSION.write(to);
                session.write(to);
            }
            TxnKind::Changes(changes) => {
                tag::CHANGES.write(to);
                changes.write(to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Change, SessionRecord, Stamp, Txn, TxnKind};
    use wire::jute::{JuteReader, open_acl, to_bytes};

    #[test]
    fn transactions_read_back_as_they_were_written() {
        let at = Stamp {
            zxid: 5,
            time_ms: 6,
        };
        for kind in [
            TxnKind::CreateSession(SessionRecord {
                session: 1,
                timeout_ms: 1500,
                password: *b"0123456789abcdef",
            }),
            TxnKind::CloseSession { session: 1 },
            TxnKind::Changes(vec![
                Change::Create {
                    path: "/a".into(),
                    data: Some(Bytes::new()),
                    acl: open_acl(),
                    owner: 1,
                },
                Change::SetData {
                    path: "/a".into(),
                    data: None,
                },
                Change::SetAcl {
                    path: "/a".into(),
                    acl: vec![],
                },
                Change::Delete { path: "/a".into() },
            ]),
        ] {
            let txn = Txn { at, kind };
            let bytes = to_bytes(&txn);
            assert_eq!(JuteReader::new(&bytes).read(), Ok(txn));
        }
    }
}
