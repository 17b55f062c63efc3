//! Which actions ask first, and with which words.

use serde::{Deserialize, Serialize};

use super::{Action, ClusterAction, Key, Pane, Target, TerminalAction};
use crate::state::{State, Timestamp, cluster::Status, story::grouped};

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// What will be done.
    pub action: Action,
    /// The question, as the footer shows it.
    pub text: String,
    /// When it was put.
    pub since: Timestamp,
    /// How it is answered.
    pub how: Answer,
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// With `y`; anything else keeps everything as it is.
    Yes,
    /// With the same key again; `at` is when that came, and it acts unless a third follows.
    Again {
        /// The key.
        key: Key,
        /// The second press.
        at: Option<Timestamp>,
    },
}

/// The question to put before this action, if there is one.
pub(in crate::state) fn question(state: &State, action: &Action, key: Key) -> Option<Ask> {
    match action {
        Action::Cluster(action) => {
            super::several::question(state, action).or_else(|| of_cluster(state, action, key))
        }
        Action::Terminal(TerminalAction::Quit) => quitting(state, key),
        Action::Screen(_) | Action::Terminal(_) | Action::Lesson(_) => None,
    }
}

fn quitting(state: &State, key: Key) -> Option<Ask> {
    // Nothing ends with it.
    if state.picture_of.is_some_and(|of| of.replay) {
        return None;
    }
    let kept = if state.setup.ephemeral {
        "nothing is kept"
    } else {
        "the data stays"
    };
    let text = if state.setup.reach.is_own() {
        format!("{key} again quits: the processes end, {kept}")
    } else {
        format!("{key} again quits: the cluster goes on without this screen")
    };
    let how = Answer::Again { key, at: None };
    Some(ask(state, TerminalAction::Quit, &text, how))
}

fn ask(state: &State, action: impl Into<Action>, text: &str, how: Answer) -> Ask {
    Ask {
        action: action.into(),
        text: state.view.keys.fill(text),
        since: state.now,
        how,
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each action")]
fn of_cluster(state: &State, action: &ClusterAction, key: Key) -> Option<Ask> {
    let again = Answer::Again { key, at: None };
    let (action, text, how) = match action {
        ClusterAction::Start(target) => {
            let picked = state.aimed(target);
            let [process] = picked.as_slice() else {
                return None;
            };
            let status = state.cluster.processes.get(process)?.status;
            if status != Status::Up {
                return None;
            }
            (
                ClusterAction::Restart(Target::Process(process.clone())),
                format!("{process} is up. {key} again restarts it"),
                again,
            )
        }
        ClusterAction::Kill(Target::AllBrokers) => (
            action.clone(),
            format!(
                "all {} brokers end at once. {key} again kills them",
                state.cluster.brokers().count()
            ),
            again,
        ),
        ClusterAction::Kill(Target::Random)
        | ClusterAction::Stop(Target::Random)
        | ClusterAction::Freeze(Target::Random)
        | ClusterAction::Restart(Target::Random) => (
            action.clone(),
            format!(
                "{action}: one broker, nobody knows which?   {{confirm accept}} do it   {{confirm back}} keep"
            ),
            Answer::Yes,
        ),
        ClusterAction::Delete if state.view.focus == Pane::Group => {
            let group = state.view.group_row.as_ref().unwrap_or(&state.view.group);
            return of_cluster(state, &ClusterAction::DeleteGroup(group.clone()), key);
        }
        ClusterAction::Delete => {
            let row = state.view.topic_row.as_ref();
            let row = row.filter(|_| state.view.focus == Pane::Replicas);
            let topic = row.unwrap_or(&state.view.topic).clone();
            return of_cluster(state, &ClusterAction::DeleteTopic(topic), key);
        }
        ClusterAction::DeleteTopic(topic) => {
            let records: i64 = state
                .cluster
                .topics
                .get(topic)?
                .partitions
                .iter()
                .map(|partition| partition.log_end().0 - partition.log_start.0)
                .sum();
            let noun = if records == 1 { "record" } else { "records" };
            let text = format!(
                "delete topic {topic}, {} {noun}, for good?   {{confirm accept}} delete   {{confirm back}} keep",
                grouped(records)
            );
            (action.clone(), text, Answer::Yes)
        }
        ClusterAction::DeleteGroup(group) => {
            state.cluster.groups.get(group)?;
            let text = format!(
                "delete group {group} and where it stands?   {{confirm accept}} delete   {{confirm back}} keep"
            );
            (action.clone(), text, Answer::Yes)
        }
        ClusterAction::SpreadPartitions => {
            let text = super::spread::question(state)?;
            (action.clone(), text, Answer::Yes)
        }
        ClusterAction::RewindGroup(None) => {
            return of_cluster(state, &super::rewind::meant(state).ok()?, key);
        }
        ClusterAction::RewindGroup(Some((group, place, to))) => {
            return super::rewind::question(state, group, place, *to).ok();
        }
        ClusterAction::Kill(_)
        | ClusterAction::Stop(_)
        | ClusterAction::Freeze(_)
        | ClusterAction::Thaw(_)
        | ClusterAction::Restart(_)
        | ClusterAction::Heal
        | ClusterAction::Produce(_)
        | ClusterAction::Compose
        | ClusterAction::Acks(_)
        | ClusterAction::Stream(_)
        | ClusterAction::StreamInto(..)
        | ClusterAction::StreamFaster
        | ClusterAction::StreamSlower
        | ClusterAction::AddConsumer(_)
        | ClusterAction::AddGroup
        | ClusterAction::JoinBy(_)
        | ClusterAction::CreateTopic(_)
        | ClusterAction::SetConfig(_)
        | ClusterAction::AddBroker
        | ClusterAction::ElectLeaders
        | ClusterAction::Transaction(_)
        | ClusterAction::Reconnect
        | ClusterAction::Wait(_) => return None,
    };
    Some(ask(state, action, &text, how))
}
