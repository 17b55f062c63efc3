//! Which actions ask first, and with which words.

use serde::{Deserialize, Serialize};

use super::{Action, Key, Pane, Target};
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
    let again = Answer::Again { key, at: None };
    let (action, text, how) = match action {
        // Nothing ends with it.
        Action::Quit if state.picture_of.is_some_and(|of| of.replay) => return None,
        Action::Quit => (
            Action::Quit,
            format!(
                "{key} again quits: the processes end, {}",
                if state.setup.ephemeral {
                    "nothing is kept"
                } else {
                    "the data stays"
                }
            ),
            again,
        ),
        Action::Start(target) => {
            let picked = state.aimed(target);
            let [process] = picked.as_slice() else {
                return None;
            };
            let status = state.cluster.processes.get(process)?.status;
            if status != Status::Up {
                return None;
            }
            (
                Action::Restart(Target::Process(process.clone())),
                format!("{process} is up. {key} again restarts it"),
                again,
            )
        }
        Action::Kill(Target::AllBrokers) => (
            action.clone(),
            format!(
                "all {} brokers end at once. {key} again kills them",
                state.cluster.brokers().count()
            ),
            again,
        ),
        Action::Kill(Target::Random)
        | Action::Stop(Target::Random)
        | Action::Freeze(Target::Random)
        | Action::Restart(Target::Random) => (
            action.clone(),
            format!(
                "{action}: one broker, nobody knows which?   {{confirm accept}} do it   {{confirm back}} keep"
            ),
            Answer::Yes,
        ),
        Action::Delete if state.view.focus == Pane::Group => {
            let group = state.view.group_row.as_ref().unwrap_or(&state.view.group);
            return question(state, &Action::DeleteGroup(group.clone()), key);
        }
        Action::Delete => {
            let row = state.view.topic_row.as_ref();
            let row = row.filter(|_| state.view.focus == Pane::Replicas);
            let topic = row.unwrap_or(&state.view.topic).clone();
            return question(state, &Action::DeleteTopic(topic), key);
        }
        Action::DeleteTopic(topic) => {
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
        Action::DeleteGroup(group) => {
            state.cluster.groups.get(group)?;
            let text = format!(
                "delete group {group} and where it stands?   {{confirm accept}} delete   {{confirm back}} keep"
            );
            (action.clone(), text, Answer::Yes)
        }
        Action::SpreadPartitions => {
            let text = super::spread::question(state)?;
            (action.clone(), text, Answer::Yes)
        }
        Action::RewindGroup(None) => {
            return question(state, &super::rewind::meant(state).ok()?, key);
        }
        Action::RewindGroup(Some((group, place, to))) => {
            return super::rewind::question(state, group, place, *to).ok();
        }
        _ => return None,
    };
    Some(Ask {
        action,
        text: state.view.keys.fill(&text),
        since: state.now,
        how,
    })
}
