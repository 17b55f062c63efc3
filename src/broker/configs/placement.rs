//! Where a broker is and where its things are, as `server.properties` says it.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use super::{
    broker::Settings,
    check::{ConfigError, items},
};

/// What a broker is started with, as far as its configs say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    pub id: Option<i32>,
    pub listener: Option<Endpoint>,
    /// What clients are told, where it is not the listener.
    pub advertised: Option<Endpoint>,
    pub data_dir: Option<String>,
    /// Folders that are named after the first and not used.
    pub other_data_dirs: Vec<String>,
    /// ZooKeeper's servers, `host:port` with commas between.
    pub zookeeper: Option<String>,
}

/// A place to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// None: any of this machine's.
    pub host: Option<String>,
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.as_deref() {
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{}:{}", host.unwrap_or_default(), self.port),
        }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    /// `host:port`, `[::1]:9092`, or a host alone with port 0.
    fn from_str(text: &str) -> Result<Self, String> {
        let usage = || format!("HOST:PORT expected instead of {text:?}, as broker1.example:9092");
        let is_bare = !text.contains(':') || text.ends_with(']');
        let (host, port) = if is_bare {
            (text, 0)
        } else {
            let (host, port) = text.rsplit_once(':').ok_or_else(usage)?;
            (host, port.parse().map_err(|_| usage())?)
        };
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match inner {
            Some(ip) if ip.parse::<Ipv6Addr>().is_ok() => ip,
            None if !host.is_empty() && !host.contains([':', '[', ']', '/', ' ']) => host,
            _ => return Err(usage()),
        };
        Ok(Self {
            host: Some(host.to_owned()),
            port,
        })
    }
}

const PLAINTEXT: &str = "PLAINTEXT";

impl Placement {
    /// Reads what was given; nothing is here that only Kafka's defaults say.
    ///
    /// # Errors
    /// A config that does not read, or asks for what this broker is not.
    pub fn of(settings: &Settings) -> Result<Self, ConfigError> {
        if let Some(roles) = given(settings, "process.roles") {
            let why = "this file is for KRaft mode, and brokers coordinate by ZooKeeper here: take \
                       one with zookeeper.connect, as config/server.properties of Kafka 3.9";
            return Err(not_here("process.roles", roles, why));
        }
        let listener = endpoint(settings, "listeners")?;
        let advertised = endpoint(settings, "advertised.listeners")?;
        if advertised.as_ref().is_some_and(is_meta_address) {
            return Err(ConfigError::MetaAddress);
        }
        let folders = given(settings, "log.dirs").or(given(settings, "log.dir"));
        let mut folders = folders.into_iter().flat_map(items).map(str::to_owned);
        Ok(Self {
            id: id(settings)?,
            listener,
            advertised,
            data_dir: folders.next(),
            other_data_dirs: folders.collect(),
            zookeeper: given(settings, "zookeeper.connect").map(str::to_owned),
        })
    }
}

/// What was given and is not empty.
fn given<'a>(settings: &'a Settings, name: &str) -> Option<&'a str> {
    let value = settings.given.get(name)?.trim();
    (!value.is_empty()).then_some(value)
}

fn not_here(name: &str, value: &str, why: &'static str) -> ConfigError {
    ConfigError::NotHere {
        name: name.to_owned(),
        value: value.to_owned(),
        why,
    }
}

fn id(settings: &Settings) -> Result<Option<i32>, ConfigError> {
    let number = |name| given(settings, name).and_then(|it| it.parse::<i32>().ok());
    let (broker, node) = (number("broker.id"), number("node.id"));
    if let (Some(broker), Some(node)) = (broker, node)
        && broker != node
    {
        let why = "You must set `node.id` to the same value as `broker.id`.";
        return Err(not_here("node.id", &node.to_string(), why));
    }
    match broker.or(node) {
        Some(id) if id < 0 => Err(not_here(
            "broker.id",
            &id.to_string(),
            "ids are not made here: give one from 0 on",
        )),
        id => Ok(id),
    }
}

/// The one listener of a list.
fn endpoint(settings: &Settings, name: &str) -> Result<Option<Endpoint>, ConfigError> {
    let Some(text) = given(settings, name) else {
        return Ok(None);
    };
    let mut listeners = items(text);
    let (Some(first), None) = (listeners.next(), listeners.next()) else {
        let why = "a broker has one listener here: keep one of them";
        return Err(not_here(name, text, why));
    };
    let unreadable = || {
        let why = "listener names with places are expected, as PLAINTEXT://localhost:9092";
        not_here(name, text, why)
    };
    let (listener, place) = first.split_once("://").ok_or_else(unreadable)?;
    let (host, port) = place.rsplit_once(':').ok_or_else(unreadable)?;
    let port = port.parse::<u16>().map_err(|_| unreadable())?;
    if !protocol(settings, listener)?.eq_ignore_ascii_case(PLAINTEXT) {
        let why = "only PLAINTEXT is spoken here";
        return Err(not_here(name, text, why));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(Some(Endpoint {
        host: (!host.is_empty()).then(|| host.to_owned()),
        port,
    }))
}

/// The protocol of the listener of this name.
fn protocol(settings: &Settings, listener: &str) -> Result<String, ConfigError> {
    const MAP: &str = "listener.security.protocol.map";
    let map = settings.value(MAP).unwrap_or_default();
    for pair in items(&map) {
        let Some((name, protocol)) = pair.split_once(':') else {
            let why = "listener names with protocols are expected, as INTERNAL:PLAINTEXT";
            return Err(not_here(MAP, &map, why));
        };
        if name.trim().eq_ignore_ascii_case(listener) {
            return Ok(protocol.trim().to_owned());
        }
    }
    Err(ConfigError::Requirement(format!(
        "No security protocol defined for listener {listener}"
    )))
}

fn is_meta_address(endpoint: &Endpoint) -> bool {
    matches!(endpoint.host.as_deref(), Some("0.0.0.0" | "::"))
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Placement, Settings};

    fn placed(given: &[(&str, &str)]) -> Result<Placement, String> {
        let mut settings = Settings::default();
        for (name, value) in given {
            settings.set(name, value).expect("each is valid for itself");
        }
        Placement::of(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn an_endpoint_reads_as_it_is_written() {
        for text in ["broker1.example:9092", "127.0.0.1:0", "[::1]:9092"] {
            let endpoint: Endpoint = text.parse().expect(text);
            assert_eq!(endpoint.to_string(), text);
        }
        let bare: Endpoint = "[::1]".parse().expect("a host");
        assert_eq!((bare.host.as_deref(), bare.port), (Some("::1"), 0));
        for wrong in [
            "",
            ":9092",
            "a:b:c",
            "host:port",
            "PLAINTEXT://a:1",
            "[a]:1",
            "a b:1",
        ] {
            wrong.parse::<Endpoint>().expect_err(wrong);
        }
    }

    #[test]
    fn a_file_places_the_broker() {
        let placement = placed(&[
            ("broker.id", "3"),
            ("listeners", "PLAINTEXT://:9093"),
            ("advertised.listeners", "EXTERNAL://[::1]:9094"),
            (
                "listener.security.protocol.map",
                "EXTERNAL:PLAINTEXT,plaintext:PLAINTEXT",
            ),
            ("log.dirs", "/tmp/a, /tmp/b"),
            ("log.dir", "/tmp/c"),
            ("zookeeper.connect", "localhost:2181"),
        ]);
        let placement = placement.expect("valid");
        assert_eq!(placement.id, Some(3));
        let listener = placement.listener.expect("given");
        assert_eq!((listener.host, listener.port), (None, 9093));
        let advertised = placement.advertised.expect("given");
        assert_eq!(advertised.to_string(), "[::1]:9094");
        assert_eq!(placement.data_dir.as_deref(), Some("/tmp/a"));
        assert_eq!(placement.other_data_dirs, ["/tmp/b"]);
        assert_eq!(placement.zookeeper.as_deref(), Some("localhost:2181"));
        // The port is its own, the host the listener's.
        let advertised = placed(&[("advertised.listeners", "PLAINTEXT://:9094")]);
        let advertised = advertised.expect("valid").advertised.expect("given");
        assert_eq!((advertised.host, advertised.port), (None, 9094));
        assert_eq!(placed(&[]), Ok(Placement::default()));
        assert_eq!(placed(&[("node.id", "4")]).map(|it| it.id), Ok(Some(4)));
    }

    #[test]
    fn what_this_broker_is_not_is_said() {
        for (given, part) in [
            (
                &[("listeners", "nonsense")][..],
                "listeners=nonsense: listener names",
            ),
            (&[("listeners", "PLAINTEXT://:99999")], "listener names"),
            (&[("listeners", "SSL://:9092")], "only PLAINTEXT"),
            (
                &[("listeners", "OTHER://:9092")],
                "No security protocol defined for listener OTHER",
            ),
            (
                &[("listeners", "PLAINTEXT://:1,PLAINTEXT://:2")],
                "one listener here",
            ),
            (
                &[("advertised.listeners", "PLAINTEXT://0.0.0.0:9092")],
                "nonroutable meta-address",
            ),
            (&[("process.roles", "broker,controller")], "KRaft"),
            (&[("broker.id", "1"), ("node.id", "2")], "same value"),
            (&[("broker.id", "-1")], "ids are not made here"),
        ] {
            let refused = placed(given).expect_err(part);
            assert!(refused.contains(part), "{refused}");
        }
    }
}
