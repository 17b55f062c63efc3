//! `kafkarium mirror`: how `MirrorMaker`, which moves data between clusters, is told to move this one's.

use std::io::Write as _;

use anyhow::{Result, ensure};
use clap::Args;

use super::cluster::{ClusterArguments, address};

/// Prints how Apache Kafka's `MirrorMaker` moves topics, records and offsets of groups to another cluster.
#[derive(Debug, Args)]
pub(super) struct MirrorArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Any brokers of the cluster that everything goes to, with commas between.
    #[arg(long, value_name = "HOST:PORT")]
    to: String,
    /// Which topics, as a regular expression; those that Kafka keeps for itself stay here.
    #[arg(long, value_name = "REGEX", default_value = ".*")]
    topics: String,
}

pub(super) fn run(arguments: &MirrorArguments) -> Result<()> {
    arguments
        .to
        .split(',')
        .try_for_each(|server| address("--to", server))?;
    let from = arguments.cluster.bootstrap()?;
    let same = |server: &str| {
        arguments
            .to
            .split(',')
            .any(|other| other.trim() == server.trim())
    };
    ensure!(
        !from.split(',').any(same),
        "--to {}: this is the cluster itself: name brokers of the other one",
        arguments.to
    );
    let mut stdout = std::io::stdout().lock();
    write!(
        stdout,
        "{}",
        commands(&from, &arguments.to, &arguments.topics)
    )?;
    Ok(())
}

/// Lines for a shell. A topic keeps its name, and a group its offsets, so that clients only need another address.
fn commands(from: &str, to: &str, topics: &str) -> String {
    format!(
        "cat > mirror.properties <<'END'
clusters = here, there
here.bootstrap.servers = {from}
there.bootstrap.servers = {to}
here->there.enabled = true
here->there.topics = {topics}
here->there.groups = .*
there->here.enabled = false
replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy
here->there.sync.group.offsets.enabled = true
# A broker of a small cluster may be alone.
replication.factor = -1
offset-syncs.topic.replication.factor = -1
checkpoints.topic.replication.factor = -1
heartbeats.topic.replication.factor = -1
config.storage.replication.factor = -1
offset.storage.replication.factor = -1
status.storage.replication.factor = -1
END
connect-mirror-maker.sh mirror.properties   # of Apache Kafka; it goes on until ^C
"
    )
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn mirror_maker_is_told_both_clusters_and_which_topics() {
        let said = commands("127.0.0.1:9092", "kafka:9092", "orders.*");
        for line in [
            "here.bootstrap.servers = 127.0.0.1:9092",
            "there.bootstrap.servers = kafka:9092",
            "here->there.topics = orders.*",
            "connect-mirror-maker.sh mirror.properties",
        ] {
            assert!(
                said.lines().any(|it| it.starts_with(line)),
                "{line} in {said}"
            );
        }
    }
}
