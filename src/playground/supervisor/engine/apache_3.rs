//! Brokers of Apache Kafka 3.9, which keep their registry in our `ZooKeeper`.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use wire::BrokerId;

use self::log4j::{Log4j, Partitions};
use super::{BrokerPlace, Jars, Launch};
use crate::supervisor::broker_settings::common_settings;

mod log4j;

/// The largest heap of each.
pub(super) const HEAP_MAX: &str = "-Xmx512m";

/// Its own start script gives a JVM a gigabyte, which three of them on a laptop do not need.
const JVM: [&str; 7] = [
    "-server",
    HEAP_MAX,
    "-Xms128m",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-Djava.awt.headless=true",
];

/// The release, and what its brokers have told of partitions.
#[derive(Debug, Clone)]
pub struct Apache3 {
    java: PathBuf,
    jars: Jars,
    partitions: Arc<Mutex<Partitions>>,
}

impl Apache3 {
    /// With a Java that runs.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn new(jars: Jars) -> Result<Self> {
        ensure!(
            cfg!(target_os = "linux"),
            "--engine needs Linux: elsewhere nothing ends a JVM together with the playground"
        );
        let java = std::env::var_os("JAVA_HOME").map_or_else(
            || PathBuf::from("java"),
            |home| Path::new(&home).join("bin/java"),
        );
        let asked = Command::new(&java)
            .arg("-version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let runs = asked.is_ok_and(|status| status.success());
        ensure!(
            runs,
            "Apache Kafka needs Java 8 or later: {} does not run",
            java.display()
        );
        Ok(Self {
            java,
            jars,
            partitions: Arc::default(),
        })
    }

    pub(super) fn release(&self) -> &str {
        &self.jars.version
    }

    pub(super) fn prepare(&self, place: &BrokerPlace) -> Result<Launch> {
        let properties = place.folder.join("server.properties");
        let log4j = place.folder.join("log4j.properties");
        let write = |file: &Path, text: String| {
            fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
        };
        fs::create_dir_all(&place.folder)
            .with_context(|| format!("cannot create {}", place.folder.display()))?;
        write(&properties, settings(place))?;
        write(&log4j, log4j::properties(&place.folder.join("server.log")))?;
        let mut logging = OsString::from("-Dlog4j.configuration=file:");
        logging.push(&log4j);
        let mut other: Vec<OsString> = vec![self.java.clone().into()];
        other.extend(JVM.map(OsString::from));
        other.extend([
            logging,
            "-cp".into(),
            self.jars.folder.join("*").into(),
            "kafka.Kafka".into(),
            properties.into(),
        ]);
        Ok(Launch {
            arguments: vec!["foreign".into()],
            other,
        })
    }

    pub(super) fn speech(&self, broker: BrokerId, address: SocketAddr) -> Log4j {
        Log4j::new(broker, address, Arc::clone(&self.partitions))
    }
}

/// What our own brokers are told too; not the followers' long wait, in which Apache's would not see a new partition.
fn settings(place: &BrokerPlace) -> String {
    let BrokerPlace {
        id,
        address,
        zookeeper,
        folder,
        ..
    } = place;
    let logs = folder.join("logs");
    format!(
        "# Written at each start of the broker.\n\
         broker.id={id}\n\
         listeners=PLAINTEXT://{address}\n\
         zookeeper.connect={zookeeper}\n\
         log.dirs={}\n\
         {}\n",
        logs.display(),
        common_settings(place.brokers).join("\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::{BrokerPlace, settings};
    use wire::BrokerId;

    #[test]
    fn a_single_broker_keeps_offsets_alone() {
        let place = BrokerPlace {
            id: BrokerId(1),
            address: "127.0.0.1:9092".parse().expect("an address"),
            zookeeper: "127.0.0.1:2181".parse().expect("an address"),
            folder: "/data/broker-1".into(),
            brokers: 1,
        };
        let told = settings(&place);
        for line in [
            "broker.id=1",
            "listeners=PLAINTEXT://127.0.0.1:9092",
            "log.dirs=/data/broker-1/logs",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.min.isr=1",
        ] {
            assert!(told.lines().any(|it| it == line), "{line}: {told}");
        }
    }
}
