//! The records of the ZooKeeper client protocol, field by field as in `zookeeper.jute`.

use bytes::Bytes;

use super::{JuteError, JuteReader, Record, perms};

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Record for $name {
            fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
                Ok(Self { $($field: Record::read(from)?,)* })
            }

            fn write(&self, to: &mut Vec<u8>) {
                $(self.$field.write(to);)*
            }
        }
    )*};
}

records! {
    /// The first frame of a connection. A `read_only` byte may follow (since 3.4).
    ConnectRequest {
        protocol_version: i32,
        last_zxid_seen: i64,
        timeout_ms: i32,
        /// 0 asks for a new session.
        session_id: i64,
        password: Option<Bytes>,
    }
    /// The answer to it; a timeout of 0 says that the session is expired. A `read_only` byte follows
    /// if one came with the request.
    ConnectResponse {
        protocol_version: i32,
        timeout_ms: i32,
        session_id: i64,
        password: Option<Bytes>,
    }
    /// In front of every later request.
    RequestHeader {
        xid: i32,
        op_code: i32,
    }
    /// In front of every answer and watch event.
    ReplyHeader {
        xid: i32,
        zxid: i64,
        err: i32,
    }
    /// In front of each part of a multi, in both directions; `done` ends it.
    MultiHeader {
        op_code: i32,
        done: bool,
        err: i32,
    }
    /// A znode's numbers; times in milliseconds since the Unix epoch.
    #[derive(Copy)]
    Stat {
        czxid: i64,
        mzxid: i64,
        ctime_ms: i64,
        mtime_ms: i64,
        version: i32,
        cversion: i32,
        aversion: i32,
        ephemeral_owner: i64,
        data_length: i32,
        num_children: i32,
        pzxid: i64,
    }
    /// Who: a scheme (`world`, `digest`, `ip`) and a name in it.
    Id {
        scheme: String,
        id: String,
    }
    /// Who may do what; the bits are in [`perms`].
    Acl {
        perms: i32,
        id: Id,
    }
    /// `create`, `create2` and `createContainer`.
    CreateRequest {
        path: String,
        data: Option<Bytes>,
        acl: Vec<Acl>,
        flags: i32,
    }
    /// `createTTL`.
    CreateTtlRequest {
        path: String,
        data: Option<Bytes>,
        acl: Vec<Acl>,
        flags: i32,
        ttl_ms: i64,
    }
    CreateResponse {
        path: String,
    }
    Create2Response {
        path: String,
        stat: Stat,
    }
    DeleteRequest {
        path: String,
        /// -1 takes any version.
        version: i32,
    }
    /// `check`.
    PathVersionRequest {
        path: String,
        version: i32,
    }
    /// `exists`, `getData`, `getChildren` and `getChildren2`.
    PathWatchRequest {
        path: String,
        watch: bool,
    }
    /// `sync`, `getACL`, `getEphemerals`, `getAllChildrenNumber` and `deleteContainer`; the answer to `sync`.
    PathRequest {
        path: String,
    }
    SetDataRequest {
        path: String,
        data: Option<Bytes>,
        version: i32,
    }
    SetAclRequest {
        path: String,
        acl: Vec<Acl>,
        /// The `aversion`; -1 takes any.
        version: i32,
    }
    GetDataResponse {
        data: Option<Bytes>,
        stat: Stat,
    }
    GetAclResponse {
        acl: Vec<Acl>,
        stat: Stat,
    }
    /// Also the answer to `getEphemerals`.
    GetChildrenResponse {
        children: Vec<String>,
    }
    GetChildren2Response {
        children: Vec<String>,
        stat: Stat,
    }
    AddWatchRequest {
        path: String,
        mode: i32,
    }
    /// Also `removeWatches`.
    CheckWatchesRequest {
        path: String,
        watcher_type: i32,
    }
    SetWatches {
        relative_zxid: i64,
        data: Vec<String>,
        exist: Vec<String>,
        child: Vec<String>,
    }
    SetWatches2 {
        /// The last transaction the client saw: what changed since then fires at once.
        relative_zxid: i64,
        data: Vec<String>,
        exist: Vec<String>,
        child: Vec<String>,
        persistent: Vec<String>,
        persistent_recursive: Vec<String>,
    }
    AuthPacket {
        auth_type: i32,
        scheme: String,
        auth: Option<Bytes>,
    }
    WatcherEvent {
        event_type: i32,
        state: i32,
        path: String,
    }
    /// One identity of a connection, in the answer to `whoAmI`.
    ClientInfo {
        auth_scheme: String,
        user: String,
    }
}

impl Acl {
    /// Everybody may do what `perms` says.
    #[must_use]
    pub fn world(perms: i32) -> Self {
        Self {
            perms,
            id: Id {
                scheme: "world".into(),
                id: "anyone".into(),
            },
        }
    }
}

/// Everybody may do everything: `OPEN_ACL_UNSAFE`.
#[must_use]
pub fn open_acl() -> Vec<Acl> {
    vec![Acl::world(perms::ALL)]
}
