//! Picks a process: the one that the footer names and the verbs reach.

use crate::state::{
    State,
    action::{Action, ClusterAction, Pane},
    cluster::{Process, ProcessName},
};

/// Picks it, if there is one of that name.
pub(super) fn pick(state: &mut State, process: &ProcessName) {
    if state.cluster.processes.contains_key(process) {
        state.view.picked = process.clone();
        state.view.group_row = None;
        if !matches!(process, ProcessName::Consumer(_)) {
            state.view.focus = state.view.boxes();
        }
    } else if *process == ProcessName::ZooKeeper && state.cluster.quorum.is_some() {
        // It stands where ZooKeeper stood.
        state.view.picked = process.clone();
        state.view.group_row = None;
        if state.view.form().panes().contains(&Pane::Quorum) {
            state.view.focus_on(Pane::Quorum);
        } else {
            state.view.focus = state.view.boxes();
        }
    } else {
        let brokers: Vec<String> = state
            .cluster
            .brokers()
            .filter_map(Process::broker)
            .map(|broker| broker.to_string())
            .collect();
        let there = brokers.join(" ");
        let words = format!("there is no {process}: brokers {there}, {{pick 0}} is ZooKeeper");
        let adds = Action::Cluster(ClusterAction::AddBroker);
        let adds = match state.in_the_way(&adds) {
            None => ", {broker add} adds a broker",
            Some(_) => "",
        };
        state.message(words + adds, false);
    }
}
