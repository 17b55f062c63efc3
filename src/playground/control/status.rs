//! What is known of the cluster, as programs read it.

use std::path::PathBuf;

use crate::state::{Cluster, Process, State, Status as ProcessState, Topic};
use wire::GroupState;
use wire::control::{GroupStatus, PartitionStatus, ProcessStatus, Status, TopicStatus, VERSION};

/// What only the playground itself knows.
#[derive(Debug)]
pub(crate) struct Own {
    /// All brokers' addresses, dead ones too: they come back on the same port.
    pub bootstrap: String,
    pub zookeeper: String,
    pub folder: PathBuf,
    /// Where other shells ask.
    pub control: Option<PathBuf>,
}

/// Everything that a program may ask of this moment.
pub(crate) fn status(state: &State, own: Own) -> Status {
    let cluster = &state.cluster;
    let ready_after = state.opening.ready_after;
    Status {
        version: VERSION,
        name: state.setup.name.clone(),
        pid: std::process::id(),
        ready: ready_after.is_some(),
        ready_after_ms: ready_after
            .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        bootstrap: own.bootstrap,
        zookeeper: own.zookeeper,
        folder: own.folder,
        control: own.control,
        controller: cluster.controller.map(|(id, _)| id),
        processes: cluster.processes.values().map(process).collect(),
        topics: cluster.topics.iter().map(topic).collect(),
        groups: groups(cluster),
        sent: cluster.produced.sent,
        acked: cluster.produced.acked,
        failed: cluster.produced.failed,
        lost: cluster.lost,
    }
}

fn process(process: &Process) -> ProcessStatus {
    let status = match process.status {
        ProcessState::Planned | ProcessState::Starting => "starting",
        ProcessState::Up => "up",
        ProcessState::Frozen => "frozen",
        ProcessState::Stopping => "stopping",
        ProcessState::Stopped => "stopped",
        ProcessState::Killed => "killed",
        ProcessState::Died { .. } => "died",
        ProcessState::Silent => "silent",
        ProcessState::Gone => "gone",
    };
    let runs = process.status.is_running();
    ProcessStatus {
        name: process.name.to_string(),
        status: status.to_owned(),
        pid: process.pid.filter(|_| runs),
        address: process.address.clone(),
        rss_bytes: process.rss_bytes.filter(|_| runs),
    }
}

fn topic((name, topic): (&String, &Topic)) -> TopicStatus {
    let partitions = topic.partitions.iter().map(|partition| PartitionStatus {
        partition: partition.seen.partition,
        leader: partition.seen.leader,
        epoch: partition.seen.epoch,
        replicas: partition.seen.replicas.clone(),
        isr: partition.seen.isr.clone(),
        log_start: partition.measured.then_some(partition.log_start),
        high_watermark: partition.measured.then_some(partition.high_watermark),
    });
    TopicStatus {
        name: name.clone(),
        internal: topic.internal,
        partitions: partitions.collect(),
    }
}

fn groups(cluster: &Cluster) -> Vec<GroupStatus> {
    let there = cluster.groups.iter();
    let there = there.filter(|(_, group)| group.state != GroupState::Dead);
    let groups = there.map(|(id, group)| GroupStatus {
        group: id.clone(),
        state: group.state.to_string(),
        members: group.members.len(),
        lag: cluster.group_lag(group),
    });
    groups.collect()
}
