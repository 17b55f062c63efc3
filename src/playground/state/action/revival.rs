//! What brings back whom a partition waits for.

use super::{Action, ClusterAction, Target};
use crate::state::cluster::{Cluster, ProcessName, Status};
use wire::BrokerId;

impl Cluster {
    /// What brings `ZooKeeper` back, if it is away and does not come by itself.
    #[must_use]
    pub fn revival_of_zookeeper(&self) -> Option<Action> {
        revives(ProcessName::ZooKeeper, self.zookeeper_away()?)
    }

    /// How a process that died by itself comes back. A broker that found no `ZooKeeper` would only die again.
    pub(in crate::state) fn revival_hint(&self, process: &ProcessName) -> String {
        let broker = matches!(process, ProcessName::Broker(_));
        if broker && self.revival_of_zookeeper().is_some() {
            return "  it needs ZooKeeper: {heal} starts both".to_owned();
        }
        format!("  {{start {process}}} starts it again")
    }

    /// What brings this broker back, in order: nobody is elected before `ZooKeeper` is there.
    #[must_use]
    pub fn revival(&self, broker: BrokerId) -> Vec<Action> {
        // Nobody here brings back what others run.
        let process = self.process(broker).filter(|process| process.ours);
        let status = process.map(|process| process.status);
        let itself = status.and_then(|status| revives(ProcessName::Broker(broker), status));
        self.revival_of_zookeeper()
            .into_iter()
            .chain(itself)
            .collect()
    }
}

fn revives(process: ProcessName, status: Status) -> Option<Action> {
    let target = Target::Process(process);
    match status {
        Status::Frozen => Some(Action::Cluster(ClusterAction::Freeze(target))),
        status if status.is_gone() => Some(Action::Cluster(ClusterAction::Start(target))),
        _ => None,
    }
}
