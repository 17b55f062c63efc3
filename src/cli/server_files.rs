//! The files that servers are started with: read, and the places in them found.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
};

use anyhow::Context;

use super::java_properties;

/// The settings of a properties file; the last of a name is in effect.
pub(super) fn read(file: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    // Java takes every byte for a Latin letter; where a file is UTF-8, it is meant as that.
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        let bytes = error.into_bytes();
        bytes.into_iter().map(char::from).collect()
    });
    let settings = java_properties::parse(&text).into_iter();
    Ok(settings
        .map(|(name, value)| (name, value.trim().to_owned()))
        .collect())
}

/// The address of a host of this machine, an IPv4 one where it has both, as Java takes it.
pub(super) fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    let mut found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.into_iter().next().ok_or_else(|| {
        let why = format!("{host} has no address");
        io::Error::new(io::ErrorKind::NotFound, why)
    })
}
