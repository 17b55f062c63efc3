//! What an action would do, said before it is done: in words, with the way back, and as a command.

use crate::state::{
    State,
    action::{Action, Target, TopicConfig, next_broker, pace, perform},
    cluster::{ProcessName, StreamRate},
    settings::Setting,
    story::grouped,
    view::{Overlay, Preview},
};

/// Looks ahead.
pub(super) fn preview(state: &mut State, action: Action) -> Preview {
    Preview {
        does: does(state, &action),
        undo: undo(state, &action),
        command: command(state, &action),
        action,
    }
}

/// Does it in a copy that is thrown away: what is shown is what will stand in the footer.
fn command(state: &mut State, action: &Action) -> Option<String> {
    if matches!(action.aim(), Some((_, Target::Random))) {
        return None;
    }
    // These say nothing about one action, and are the heavy parts.
    let past = std::mem::take(&mut state.past);
    let held = state.held.take();
    let overlay = std::mem::replace(&mut state.view.overlay, Overlay::None);
    let mut trial = state.clone();
    state.past = past;
    state.held = held;
    state.view.overlay = overlay;
    trial.view.command = None;
    perform(&mut trial, action, true);
    trial.view.command.filter(|_| *action != Action::Copy)
}

fn does(state: &State, action: &Action) -> String {
    let topic = &state.view.topic;
    match action {
        Action::Pick(process) => format!("{process} is what the verbs reach"),
        Action::Stream(StreamRate::Off) => "no more records by themselves".to_owned(),
        Action::Stream(rate) => format!("{} demo records into {topic}, by six keys", pace(*rate)),
        Action::Produce(Some((key, value))) => format!("key {key}, value {value}, into {topic}"),
        Action::AddConsumer(group) => {
            let group = group.as_ref().unwrap_or(&state.view.group);
            format!("a process joins {group}: its members divide the partitions anew")
        }
        Action::AddGroup => "a consumer in a new group reads from the first record".to_owned(),
        Action::CreateTopic(Some((_, partitions, factor))) => {
            format!("{partitions} partitions, each on {factor} brokers")
        }
        Action::SetConfig(TopicConfig { topic, name, value }) => match value {
            Some(value) => format!("{name} of {topic} is {value} from now on, without a restart"),
            None => format!("{name} of {topic} is what the brokers have"),
        },
        Action::DeleteTopic(name) => {
            let records = state.cluster.topics.get(name).map_or(0, |topic| {
                let held = topic.partitions.iter();
                held.map(|partition| partition.log_end().0 - partition.log_start.0)
                    .sum()
            });
            let records = grouped(records);
            format!("{records} records are deleted for good; asks first")
        }
        Action::DeleteGroup(_) => "its committed offsets are forgotten; asks first".to_owned(),
        Action::ShowTopic(_) => "Replicas and Log show it; the stream goes on".to_owned(),
        Action::ShowGroup(_) => "the Group pane and the Log's readers show it".to_owned(),
        Action::Kill(Target::Random)
        | Action::Stop(Target::Random)
        | Action::Freeze(Target::Random)
        | Action::Restart(Target::Random) => "at one broker, by chance; asks first".to_owned(),
        Action::Layout(_) => "other panes, the same cluster".to_owned(),
        Action::Theme(_) => "other colours".to_owned(),
        other => {
            let label = state.view.keys.label_of(&other.to_string());
            label.unwrap_or_default()
        }
    }
}

/// The keys of another verb at the process that this action reaches.
fn at(state: &State, action: &Action, verb: &str) -> Option<String> {
    let (_, target) = action.aim()?;
    let aimed = state.aimed(target);
    let [process] = aimed.as_slice() else {
        return Some(state.view.keys.shown(verb));
    };
    let verb: Action = verb.parse().ok()?;
    Some(
        state
            .view
            .keys_for(&verb.at(Target::Process(process.clone()))),
    )
}

fn undo(state: &State, action: &Action) -> Option<String> {
    let key = |action: &str| state.view.keys.shown(action);
    Some(match action {
        Action::Kill(Target::AllBrokers) => key("heal"),
        Action::Kill(_) | Action::Stop(_) => at(state, action, "start")?,
        Action::Freeze(_) | Action::Thaw(_) => at(state, action, "freeze")?,
        Action::Start(_) => at(state, action, "kill")?,
        Action::AddBroker => at(
            state,
            &Action::Kill(Target::Process(ProcessName::Broker(next_broker(state)))),
            "kill",
        )?,
        Action::Stream(_) | Action::StreamSlower | Action::StreamFaster => {
            format!("stream {}", state.cluster.stream)
        }
        Action::AddConsumer(_) | Action::AddGroup => {
            format!("{} on it: it leaves", key("stop"))
        }
        Action::CreateTopic(Some(_)) => key("delete"),
        Action::SetConfig(config) => {
            let topic = state.cluster.topics.get(&config.topic)?;
            let before = TopicConfig {
                value: topic.configs.get(&config.name).cloned(),
                ..config.clone()
            };
            before.to_string()
        }
        Action::DeleteTopic(_) | Action::DeleteGroup(_) => "nothing brings it back".to_owned(),
        Action::Layout(_) | Action::NextLayout => key("layout previous"),
        Action::PreviousLayout => key("layout next"),
        Action::Theme(_) => format!("theme {}", state.view.themes.current().name()),
        Action::Pick(_) => format!("pick {}", state.view.picked),
        Action::ShowTopic(_) => format!("topic show {}", state.view.topic),
        Action::ShowGroup(_) => format!("group show {}", state.view.group),
        Action::PaneFull => key("pane full"),
        Action::Hold => key("hold"),
        _ => return None,
    })
}
