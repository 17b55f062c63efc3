//! What ends a ZooKeeper server, or keeps it from starting.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a server did not start, or had to stop. Nothing of this is caused by a client.
#[derive(Debug, Error)]
pub enum ZooKeeperError {
    /// The socket does not listen.
    #[error("cannot use the socket to listen on")]
    Listen(#[source] io::Error),
    /// A file or folder cannot be read or written. What was not on disk was not answered.
    #[error("cannot {action} {}", .path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A file does not hold what this program wrote, other than by a torn last write.
    #[error("{} is damaged: {why}", .path.display())]
    Damaged { path: PathBuf, why: String },
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The thread that writes the log is gone without saying why.
    #[error("the thread that writes the transaction log is gone")]
    WriterGone,
}

impl ZooKeeperError {
    /// Makes the error of a failed action on a file.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}
