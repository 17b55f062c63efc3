//! Free ports on loopback, held from the look on, and who holds the others.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};

use anyhow::{Result, anyhow, bail};

/// How many ports after the wanted one are tried: more than that means something else is wrong.
const TRIED_MAX: u16 = 1000;

/// Hands out ports, none of them twice.
#[derive(Debug, Default)]
pub struct Ports {
    taken: BTreeSet<u16>,
}

/// A port, and what to tell if it is not the wanted one.
#[derive(Debug)]
pub struct HeldPort {
    /// The port to listen on.
    pub port: u16,
    /// Listens there already: between a look and a later bind, any connection of this machine that goes out may be
    /// given the port.
    pub listener: TcpListener,
    /// Who holds the wanted one instead: `java (pid 812)`, or `another process`.
    pub wanted_held_by: Option<String>,
}

impl Ports {
    /// Keeps `ports` out of what others get instead of theirs.
    pub fn reserve(&mut self, ports: impl IntoIterator<Item = u16>) {
        self.taken.extend(ports);
    }

    /// `wanted` if nobody listens there, else the next free port that is not reserved; for 0 whichever the system
    /// gives.
    ///
    /// # Errors
    /// A thousand ports in a row are taken.
    pub fn take(&mut self, wanted: u16) -> Result<HeldPort> {
        if let Ok(listener) = TcpListener::bind(loopback(wanted)) {
            let port = listener.local_addr()?.port();
            self.taken.insert(port);
            return Ok(HeldPort {
                port,
                listener,
                wanted_held_by: None,
            });
        }
        let next = (wanted..=u16::MAX)
            .take(usize::from(TRIED_MAX))
            .skip(1)
            .filter(|port| !self.taken.contains(port))
            .find_map(|port| Some((port, TcpListener::bind(loopback(port)).ok()?)));
        let Some((port, listener)) = next else {
            bail!("no free port from {wanted} on: say --base-port or --zookeeper-port");
        };
        self.taken.insert(port);
        Ok(HeldPort {
            port,
            listener,
            wanted_held_by: Some(holder(wanted).unwrap_or_else(|| "another process".into())),
        })
    }
}

/// `port` on loopback.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into()
}

/// Listens where `who` listened before: clients know it there, so it gets no other port.
///
/// # Errors
/// Somebody has the port meanwhile; the sentence names who and what to do.
pub fn again(address: SocketAddr, who: &str) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        let port = address.port();
        match holder(port) {
            Some(holder) => anyhow!(
                "port {port} of {who} is taken by {holder}: end that, then {{start {who}}} starts it"
            ),
            None => anyhow!("cannot listen on {address}: {error}. {{start {who}}} tries again"),
        }
    })
}

/// The process that has `port`, as far as this user may see it: who listens there, or whose connection goes out
/// from there.
#[cfg(target_os = "linux")]
#[must_use]
pub fn holder(port: u16) -> Option<String> {
    use procfs::process::FDTarget;

    let inodes: BTreeSet<u64> = procfs::net::tcp()
        .into_iter()
        .chain(procfs::net::tcp6())
        .flatten()
        .filter(|entry| entry.local_address.port() == port && entry.inode != 0)
        .map(|entry| entry.inode)
        .collect();
    let process = procfs::process::all_processes()
        .ok()?
        .flatten()
        .find(|process| {
            process.fd().into_iter().flatten().flatten().any(|descriptor| {
            matches!(descriptor.target, FDTarget::Socket(inode) if inodes.contains(&inode))
        })
        })?;
    let name = process.stat().ok()?.comm;
    Some(format!("{name} (pid {})", process.pid()))
}

/// Only Linux tells without privileges.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn holder(_port: u16) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{Ports, again, loopback};

    #[test]
    fn a_taken_port_names_its_holder_and_the_next_free_one_is_used() {
        let listener = TcpListener::bind(loopback(0)).expect("a free port");
        let wanted = listener.local_addr().expect("bound").port();
        let mut ports = Ports::default();
        ports.reserve([wanted, wanted.saturating_add(1)]);
        let given = ports.take(wanted).expect("a free port");
        assert!(
            given.port > wanted + 1,
            "reserved ports are left to their owners"
        );
        if cfg!(target_os = "linux") {
            let pid = format!("(pid {})", std::process::id());
            assert!(given.wanted_held_by.expect("held").ends_with(&pid));
        }
    }

    #[test]
    fn nobody_takes_a_port_between_the_look_and_the_start() {
        let free = TcpListener::bind(loopback(0)).expect("a free port");
        let wanted = free.local_addr().expect("bound").port();
        drop(free);
        let given = Ports::default().take(wanted).expect("free");
        TcpListener::bind(loopback(given.port)).expect_err("it is held");
    }

    #[test]
    fn a_port_that_was_taken_meanwhile_names_its_holder() {
        let thief = TcpListener::bind(loopback(0)).expect("a free port");
        let address = thief.local_addr().expect("bound");
        let refused = again(address, "broker 2").expect_err("taken").to_string();
        let beginning = format!("port {} of broker 2 is taken by ", address.port());
        if cfg!(target_os = "linux") {
            assert!(refused.starts_with(&beginning), "{refused}");
        }
        assert!(refused.contains("{start broker 2}"), "{refused}");
        drop(thief);
        again(address, "broker 2").expect("free again");
    }

    #[test]
    fn no_port_is_given_twice() {
        let free = TcpListener::bind(loopback(0)).expect("a free port");
        let wanted = free.local_addr().expect("bound").port();
        let mut ports = Ports::default();
        let first = ports.take(wanted).expect("free");
        let second = ports.take(wanted).expect("free");
        assert_ne!(first.port, second.port);
    }
}
