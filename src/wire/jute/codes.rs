//! Numbers of the ZooKeeper protocol with their names: operations, errors, modes, events.

/// Transaction ids of a request that mean something by themselves.
pub mod xid {
    /// A watch event, which answers no request.
    pub const NOTIFICATION: i32 = -1;
    /// A heartbeat.
    pub const PING: i32 = -2;
    /// An authentication.
    pub const AUTH: i32 = -4;
    /// Watches set again after a reconnect.
    pub const SET_WATCHES: i32 = -8;
}

/// Permission bits of an ACL.
pub mod perms {
    pub const READ: i32 = 1;
    pub const WRITE: i32 = 2;
    pub const CREATE: i32 = 4;
    pub const DELETE: i32 = 8;
    pub const ADMIN: i32 = 16;
    pub const ALL: i32 = 31;
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i32)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $code,)*
        }

        impl $name {
            /// The value with this code, if there is one.
            #[must_use]
            pub const fn from_code(code: i32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> i32 {
                self as i32
            }
        }
    };
}

codes! {
    /// What a request asks for.
    OpCode {
        Create = 1,
        Delete = 2,
        Exists = 3,
        GetData = 4,
        SetData = 5,
        GetAcl = 6,
        SetAcl = 7,
        GetChildren = 8,
        Sync = 9,
        Ping = 11,
        GetChildren2 = 12,
        Check = 13,
        Multi = 14,
        Create2 = 15,
        CheckWatches = 17,
        RemoveWatches = 18,
        CreateContainer = 19,
        DeleteContainer = 20,
        CreateTtl = 21,
        MultiRead = 22,
        Auth = 100,
        SetWatches = 101,
        GetEphemerals = 103,
        GetAllChildrenNumber = 104,
        SetWatches2 = 105,
        AddWatch = 106,
        WhoAmI = 107,
        CloseSession = -11,
        /// Only in the results of a multi: this operation failed, or fell with one that did.
        Error = -1,
    }
}

codes! {
    /// `KeeperException.Code`: why a request was refused.
    KeeperCode {
        Ok = 0,
        RuntimeInconsistency = -2,
        MarshallingError = -5,
        Unimplemented = -6,
        BadArguments = -8,
        NoNode = -101,
        NoAuth = -102,
        BadVersion = -103,
        NoChildrenForEphemerals = -108,
        NodeExists = -110,
        NotEmpty = -111,
        SessionExpired = -112,
        InvalidAcl = -114,
        AuthFailed = -115,
        NoWatcher = -121,
    }
}

codes! {
    /// What kind of znode is created: the `flags` of a create.
    CreateMode {
        Persistent = 0,
        Ephemeral = 1,
        PersistentSequential = 2,
        EphemeralSequential = 3,
        Container = 4,
        PersistentWithTtl = 5,
        PersistentSequentialWithTtl = 6,
    }
}

/// A request whose bytes are not a request is answered with a marshalling error.
impl From<super::JuteError> for KeeperCode {
    fn from(_: super::JuteError) -> Self {
        Self::MarshallingError
    }
}

impl CreateMode {
    /// Whether the server appends the parent's counter to the name.
    #[must_use]
    pub const fn is_sequential(self) -> bool {
        matches!(
            self,
            Self::PersistentSequential
                | Self::EphemeralSequential
                | Self::PersistentSequentialWithTtl
        )
    }

    /// Whether the znode goes with its session.
    #[must_use]
    pub const fn is_ephemeral(self) -> bool {
        matches!(self, Self::Ephemeral | Self::EphemeralSequential)
    }
}

codes! {
    /// What a watch saw.
    EventType {
        NodeCreated = 1,
        NodeDeleted = 2,
        NodeDataChanged = 3,
        NodeChildrenChanged = 4,
    }
}

codes! {
    /// How a watch set by `addWatch` lives.
    WatchMode {
        Persistent = 0,
        PersistentRecursive = 1,
    }
}

codes! {
    /// Which watches of a path `checkWatches` and `removeWatches` mean.
    WatcherType {
        Children = 1,
        Data = 2,
        Any = 3,
        Persistent = 4,
        PersistentRecursive = 5,
    }
}
