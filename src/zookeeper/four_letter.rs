//! Four-letter words: what operators and their scripts ask with `nc`, answered in the text of the
//! original, line for line, because scripts parse it.

use std::{collections::BTreeSet, fmt::Write, net::SocketAddr, path::Path, time::Duration};

use super::{
    processor::{Connection, Now, Processor, Traffic},
    session_tracker::{TIMEOUT_MAX, TIMEOUT_MIN},
};

/// Each word is this long.
pub(super) const WORD_BYTES: usize = 4;

/// The version of the original whose protocol is served, and ours.
const VERSION: &str = concat!("3.8.4-kafkarium-", env!("CARGO_PKG_VERSION"));

macro_rules! words {
    ($($(#[$doc:meta])* $word:ident = $bytes:literal,)*) => {
        /// The words that are answered.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum FourLetterWord {
            $($(#[$doc])* $word,)*
        }

        impl FourLetterWord {
            /// The word in these bytes. Read as the length of a frame it would be far too large.
            pub(super) fn read(bytes: &[u8; WORD_BYTES]) -> Option<Self> {
                match bytes {
                    $($bytes => Some(Self::$word),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    Ruok = b"ruok",
    Srvr = b"srvr",
    Stat = b"stat",
    Cons = b"cons",
    Dump = b"dump",
    Wchs = b"wchs",
    Wchp = b"wchp",
    Wchc = b"wchc",
    Mntr = b"mntr",
    Conf = b"conf",
    Envi = b"envi",
    Isro = b"isro",
}

/// What the processor does not know.
#[derive(Debug)]
pub(super) struct ServerFacts<'a> {
    pub address: SocketAddr,
    pub data_dir: &'a Path,
    pub connections: usize,
    pub connections_max: usize,
}

/// The answer to a word.
pub(super) fn answer(
    word: FourLetterWord,
    processor: &Processor,
    facts: &ServerFacts<'_>,
    now: Now,
) -> String {
    let mut text = String::new();
    let written = match word {
        FourLetterWord::Ruok => text.write_str("imok"),
        FourLetterWord::Isro => text.write_str("rw"),
        FourLetterWord::Srvr => server(&mut text, processor, facts, false),
        FourLetterWord::Stat => server(&mut text, processor, facts, true),
        FourLetterWord::Cons => connections(&mut text, processor),
        FourLetterWord::Dump => dump(&mut text, processor, now),
        FourLetterWord::Wchs => watch_summary(&mut text, processor),
        FourLetterWord::Wchp => watches_by_path(&mut text, processor),
        FourLetterWord::Wchc => watches_by_session(&mut text, processor),
        FourLetterWord::Mntr => monitor(&mut text, processor, facts),
        FourLetterWord::Conf => configuration(&mut text, facts),
        FourLetterWord::Envi => environment(&mut text),
    };
    written.expect("writing to a string does not fail");
    text
}

fn server(
    to: &mut String,
    processor: &Processor,
    facts: &ServerFacts<'_>,
    clients: bool,
) -> std::fmt::Result {
    writeln!(to, "Zookeeper version: {VERSION}")?;
    if clients {
        writeln!(to, "Clients:")?;
        for connection in processor.connections().values() {
            connection_line(to, processor, connection, true)?;
        }
        writeln!(to)?;
    }
    let Traffic { received, sent, .. } = processor.traffic();
    let latency = latencies(processor.traffic());
    writeln!(
        to,
        "Latency min/avg/max: {}/{}/{}",
        latency.0, latency.1, latency.2
    )?;
    writeln!(to, "Received: {received}")?;
    writeln!(to, "Sent: {sent}")?;
    writeln!(to, "Connections: {}", facts.connections)?;
    writeln!(to, "Outstanding: 0")?;
    writeln!(to, "Zxid: 0x{:x}", processor.last_zxid())?;
    writeln!(to, "Mode: standalone")?;
    writeln!(to, "Node count: {}", processor.tree().len())
}

fn connections(to: &mut String, processor: &Processor) -> std::fmt::Result {
    for connection in processor.connections().values() {
        connection_line(to, processor, connection, false)?;
    }
    writeln!(to)
}

fn connection_line(
    to: &mut String,
    processor: &Processor,
    connection: &Connection,
    brief: bool,
) -> std::fmt::Result {
    let Traffic { received, sent, .. } = connection.traffic;
    write!(
        to,
        " /{}[1](queued={},recved={received},sent={sent}",
        connection.peer,
        received.saturating_sub(connection.traffic.answers),
    )?;
    if let Some(session) = connection.session.filter(|_| !brief) {
        let latency = latencies(&connection.traffic);
        let timeout = processor
            .sessions()
            .get(session)
            .map_or(Duration::ZERO, |found| found.timeout);
        write!(
            to,
            ",sid=0x{session:x},lop={},est={},to={},lcxid=0x{:x},lzxid=0x{:x},lresp={},llat={},minlat={},avglat={},maxlat={}",
            connection.last_op,
            connection.since_ms,
            timeout.as_millis(),
            connection.last_xid,
            connection.last_zxid,
            connection.last_response_ms,
            connection.traffic.latency_last.as_millis(),
            latency.0,
            latency.1,
            latency.2,
        )?;
    }
    writeln!(to, ")")
}

fn dump(to: &mut String, processor: &Processor, now: Now) -> std::fmt::Result {
    let count = processor.sessions().iter().count();
    writeln!(to, "SessionTracker dump:")?;
    writeln!(to, "Session Sets ({count})/({count}):")?;
    for (id, session) in processor.sessions().iter() {
        let left = i64::try_from(session.time_left(now.instant).as_millis()).unwrap_or(i64::MAX);
        writeln!(
            to,
            "1 expire at {}:",
            date(now.wall_ms.saturating_add(left))
        )?;
        writeln!(to, "\t0x{id:x}")?;
    }
    writeln!(to, "ephemeral nodes dump:")?;
    let ephemerals = processor.tree().ephemerals();
    writeln!(to, "Sessions with Ephemerals ({}):", ephemerals.len())?;
    for (session, paths) in ephemerals {
        writeln!(to, "0x{session:x}:")?;
        for path in paths {
            writeln!(to, "\t{path}")?;
        }
    }
    writeln!(to, "Connections dump:")?;
    let connections = processor.connections();
    writeln!(to, "Connections Sets (1)/({}):", connections.len())?;
    for connection in connections.values() {
        writeln!(
            to,
            "\tip: /{} sessionId: 0x{:x}",
            connection.peer,
            connection.session.unwrap_or_default()
        )?;
    }
    // Apache's words end above, and tell a deadline in whole seconds: too coarse for a session of one and a half.
    writeln!(to, "Session deadlines:")?;
    for (id, session) in processor.sessions().iter() {
        let left = session.time_left(now.instant).as_millis();
        writeln!(to, "\t0x{id:x}: {left} ms left")?;
    }
    Ok(())
}

fn watch_summary(to: &mut String, processor: &Processor) -> std::fmt::Result {
    let watches = processor.watch_manager();
    let by_watcher = watches.by_watcher();
    let mut paths: Vec<&str> = by_watcher.values().flatten().copied().collect();
    paths.sort_unstable();
    paths.dedup();
    writeln!(
        to,
        "{} connections watching {} paths",
        by_watcher.len(),
        paths.len()
    )?;
    writeln!(to, "Total watches:{}\n", watches.len())
}

fn watches_by_path(to: &mut String, processor: &Processor) -> std::fmt::Result {
    for (path, watchers) in processor.watch_manager().by_path() {
        writeln!(to, "{path}")?;
        for watcher in watchers {
            let session = processor.connections().get(&watcher);
            let session = session.and_then(|found| found.session).unwrap_or_default();
            writeln!(to, "\t0x{session:x}")?;
        }
    }
    writeln!(to)
}

fn watches_by_session(to: &mut String, processor: &Processor) -> std::fmt::Result {
    for (watcher, paths) in processor.watch_manager().by_watcher() {
        let session = processor.connections().get(&watcher);
        let session = session.and_then(|found| found.session).unwrap_or_default();
        writeln!(to, "0x{session:x}")?;
        for path in paths {
            writeln!(to, "\t{path}")?;
        }
    }
    writeln!(to)
}

fn monitor(to: &mut String, processor: &Processor, facts: &ServerFacts<'_>) -> std::fmt::Result {
    let traffic = processor.traffic();
    let latency = latencies(traffic);
    let ephemerals: usize = processor
        .tree()
        .ephemerals()
        .values()
        .map(BTreeSet::len)
        .sum();
    writeln!(to, "zk_version\t{VERSION}")?;
    writeln!(to, "zk_server_state\tstandalone")?;
    writeln!(to, "zk_min_latency\t{}", latency.0)?;
    writeln!(to, "zk_avg_latency\t{}", latency.1)?;
    writeln!(to, "zk_max_latency\t{}", latency.2)?;
    writeln!(to, "zk_packets_received\t{}", traffic.received)?;
    writeln!(to, "zk_packets_sent\t{}", traffic.sent)?;
    writeln!(to, "zk_num_alive_connections\t{}", facts.connections)?;
    writeln!(to, "zk_outstanding_requests\t0")?;
    writeln!(to, "zk_znode_count\t{}", processor.tree().len())?;
    writeln!(to, "zk_watch_count\t{}", processor.watch_manager().len())?;
    writeln!(to, "zk_ephemerals_count\t{ephemerals}")?;
    writeln!(
        to,
        "zk_approximate_data_size\t{}",
        processor.tree().data_bytes()
    )?;
    writeln!(
        to,
        "zk_global_sessions\t{}",
        processor.sessions().iter().count()
    )
}

fn configuration(to: &mut String, facts: &ServerFacts<'_>) -> std::fmt::Result {
    writeln!(to, "clientPort={}", facts.address.port())?;
    writeln!(to, "dataDir={}", facts.data_dir.display())?;
    writeln!(to, "dataLogDir={}", facts.data_dir.display())?;
    // Sessions expire at their own deadlines: a tick is only the shortest of them.
    writeln!(to, "tickTime={}", TIMEOUT_MIN.as_millis())?;
    writeln!(to, "maxClientCnxns={}", facts.connections_max)?;
    writeln!(to, "minSessionTimeout={}", TIMEOUT_MIN.as_millis())?;
    writeln!(to, "maxSessionTimeout={}", TIMEOUT_MAX.as_millis())?;
    writeln!(to, "serverId=0")
}

fn environment(to: &mut String) -> std::fmt::Result {
    writeln!(to, "Environment:")?;
    writeln!(to, "zookeeper.version={VERSION}")?;
    writeln!(to, "os.name={}", std::env::consts::OS)?;
    writeln!(to, "os.arch={}", std::env::consts::ARCH)
}

/// Least, average and greatest, in milliseconds.
fn latencies(traffic: &Traffic) -> (u128, String, u128) {
    let answers = u32::try_from(traffic.answers.max(1)).unwrap_or(u32::MAX);
    let average: Duration = traffic.latency_sum / answers;
    (
        traffic.latency_min.as_millis(),
        format!("{:.4}", average.as_secs_f64() * 1_000.0),
        traffic.latency_max.as_millis(),
    )
}

/// A time as Java prints it: `Thu Nov 22 10:53:00 UTC 2029`.
fn date(at_ms: i64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = u64::try_from(at_ms / 1_000).unwrap_or_default();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let name = |names: &[&'static str], index: u64| {
        usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index).copied())
            .unwrap_or_default()
    };
    let (year, month, day) = civil(days);
    format!(
        "{} {} {day:02} {:02}:{:02}:{:02} UTC {year}",
        name(&WEEKDAYS, days % 7),
        name(&MONTHS, month - 1),
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month (from 1) and day of the day that is `days` after the first of January 1970, by eras
/// of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_read_as_in_java() {
        assert_eq!(date(0), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(date(951_782_400_000), "Tue Feb 29 00:00:00 UTC 2000");
        assert_eq!(date(1_732_272_780_000), "Fri Nov 22 10:53:00 UTC 2024");
    }
}
