//! Loopback is the rule: a listener that other machines can reach is meant, or it is not opened.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use clap::Args;

/// Whether others may connect.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Remote {
    /// Listen where other machines can connect. There is no authentication and no encryption: whoever reaches the
    /// port can read, write and delete everything.
    #[arg(long)]
    allow_remote: bool,
}

impl Remote {
    /// Looks whether a server may listen there.
    ///
    /// # Errors
    /// Others could connect, and nobody said that they may.
    pub(super) fn check(self, listener: SocketAddr) -> Result<()> {
        ensure!(
            self.allow_remote || listener.ip().to_canonical().is_loopback(),
            "other machines can connect to {listener}, and there is no authentication: whoever does can read, \
             write and delete everything. Listen on 127.0.0.1:{}, or say --allow-remote if it is meant",
            listener.port()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Remote;

    #[test]
    fn only_loopback_is_listened_on_unless_more_is_said() {
        let check = |allow_remote, address: &str| {
            Remote { allow_remote }.check(address.parse().expect("an address"))
        };
        for loopback in [
            "127.0.0.1:0",
            "127.8.0.1:9092",
            "[::1]:9092",
            "[::ffff:127.0.0.1]:1",
        ] {
            check(false, loopback).expect(loopback);
        }
        for remote in [
            "0.0.0.0:9092",
            "[::]:9092",
            "192.168.0.1:9092",
            "[::ffff:10.0.0.1]:1",
        ] {
            let refused = check(false, remote).expect_err(remote).to_string();
            assert!(refused.contains("there is no authentication"), "{refused}");
            assert!(refused.contains("--allow-remote"), "{refused}");
            check(true, remote).expect(remote);
        }
    }
}
