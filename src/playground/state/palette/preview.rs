//! What an action would do, said before it is done: in words, with the way back, and as a command.

use crate::state::{
    State,
    action::{
        Action, ClusterAction, LessonAction, ScreenAction, Target, TopicConfig, TransactionAction,
        next_broker, pace,
    },
    cluster::{ProcessName, StreamRate},
    settings::Setting,
    story::grouped,
    view::Preview,
};

/// Looks ahead.
pub(super) fn preview(state: &State, action: Action) -> Preview {
    Preview {
        does: does(state, &action),
        undo: undo(state, &action),
        command: command(state, &action),
        action,
    }
}

/// What will stand in the footer.
fn command(state: &State, action: &Action) -> Option<String> {
    if matches!(
        action.aim(),
        Some((_, Target::Random | Target::RandomBrokers(_)))
    ) {
        return None;
    }
    match state.settled(action) {
        Ok(Action::Cluster(action)) => state.command_of(&action),
        _ => None,
    }
}

fn does(state: &State, action: &Action) -> String {
    let topic = &state.view.topic;
    match action {
        Action::Screen(ScreenAction::Pick(process)) => format!("{process} is what the verbs reach"),
        Action::Cluster(ClusterAction::Stream(StreamRate::Off)) => {
            "no more records by themselves".to_owned()
        }
        Action::Cluster(ClusterAction::Stream(rate)) => {
            format!("{} demo records into {topic}, by six keys", pace(*rate))
        }
        Action::Cluster(ClusterAction::StreamInto(topic, rate)) => match rate {
            StreamRate::Off => format!("no more records into {topic} by themselves"),
            rate => format!(
                "{} demo records into {topic}, beside other streams",
                pace(*rate)
            ),
        },
        Action::Cluster(ClusterAction::Produce(Some(record))) => {
            let key = match record.key.as_str() {
                "" => "no key".to_owned(),
                key => format!("key {key}"),
            };
            let place = match record.partition {
                Some(partition) => format!(" p{partition}"),
                None => String::new(),
            };
            format!("{key}, value {}, into {topic}{place}", record.value)
        }
        Action::Cluster(ClusterAction::AddConsumer(group)) => {
            let group = group.as_ref().unwrap_or(&state.view.group);
            format!("a process joins {group}: its members divide the partitions anew")
        }
        Action::Cluster(ClusterAction::JoinBy(protocol)) => {
            let protocol = protocol.unwrap_or(state.cluster.joins_by.other());
            format!("consumers that come from now on join by group.protocol={protocol}")
        }
        Action::Cluster(ClusterAction::AddGroup) => {
            "a consumer in a new group reads from the first record".to_owned()
        }
        Action::Cluster(ClusterAction::Transaction(action)) => transaction(action),
        Action::Cluster(ClusterAction::CreateTopic(Some((_, partitions, factor)))) => {
            format!("{partitions} partitions, each on {factor} brokers")
        }
        Action::Cluster(ClusterAction::SetConfig(TopicConfig { topic, name, value })) => {
            match value {
                Some(value) => {
                    format!("{name} of {topic} is {value} from now on, without a restart")
                }
                None => format!("{name} of {topic} is what the brokers have"),
            }
        }
        Action::Cluster(ClusterAction::DeleteTopic(name)) => {
            let records = state.cluster.topics.get(name).map_or(0, |topic| {
                let held = topic.partitions.iter();
                held.map(|partition| partition.log_end().0 - partition.log_start.0)
                    .sum()
            });
            let records = grouped(records);
            format!("{records} records are deleted for good; asks first")
        }
        Action::Cluster(ClusterAction::DeleteGroup(_)) => {
            "its committed offsets are forgotten; asks first".to_owned()
        }
        Action::Screen(ScreenAction::ShowTopic(_)) => {
            "Replicas and Log show it; the stream goes on".to_owned()
        }
        Action::Screen(ScreenAction::ShowGroup(_)) => {
            "the Group pane and the Log's readers show it".to_owned()
        }
        Action::Cluster(
            ClusterAction::Kill(Target::Random)
            | ClusterAction::Stop(Target::Random)
            | ClusterAction::Freeze(Target::Random)
            | ClusterAction::Restart(Target::Random),
        ) => "at one broker, by chance; asks first".to_owned(),
        Action::Cluster(
            ClusterAction::Kill(Target::RandomBrokers(_))
            | ClusterAction::Stop(Target::RandomBrokers(_))
            | ClusterAction::Freeze(Target::RandomBrokers(_))
            | ClusterAction::Restart(Target::RandomBrokers(_)),
        ) => "at so many brokers at once, by chance; asks first".to_owned(),
        Action::Cluster(
            ClusterAction::Kill(Target::SomeBrokers(_))
            | ClusterAction::Stop(Target::SomeBrokers(_))
            | ClusterAction::Freeze(Target::SomeBrokers(_))
            | ClusterAction::Restart(Target::SomeBrokers(_)),
        ) => "at so many brokers at once, from the picked one on; asks first".to_owned(),
        Action::Screen(ScreenAction::Layout(_)) => "other panes, the same cluster".to_owned(),
        Action::Screen(ScreenAction::Theme(_)) => "other colours".to_owned(),
        Action::Lesson(LessonAction::BeginLesson(_)) => {
            "leads through it; it goes on where it was left".to_owned()
        }
        other => {
            let label = state.view.keys.label_of(&other.to_string());
            label.unwrap_or_default()
        }
    }
}

fn transaction(action: &TransactionAction) -> String {
    let does = match action {
        TransactionAction::BeginOrCommit => "begins one; while ours is open, commits it",
        TransactionAction::Begin { .. } => {
            "a process takes the transactional id and begins; who had the id before is fenced"
        }
        TransactionAction::Produce(_) => "a record that counts once the transaction is committed",
        TransactionAction::Commit(_) => "all of it counts: markers in each partition say so",
        TransactionAction::Abort(_) => "none of it counts; its records stay in the log",
        TransactionAction::Abandon(_) => {
            "kill -9 in the middle: it stays open until its time is up"
        }
    };
    does.to_owned()
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
        Action::Cluster(ClusterAction::Kill(
            Target::AllBrokers
            | Target::RandomBrokers(_)
            | Target::SomeBrokers(_)
            | Target::Brokers(_),
        )) => key("heal"),
        Action::Cluster(ClusterAction::Kill(_) | ClusterAction::Stop(_)) => {
            at(state, action, "start")?
        }
        Action::Cluster(ClusterAction::Freeze(_) | ClusterAction::Thaw(_)) => {
            at(state, action, "freeze")?
        }
        Action::Cluster(ClusterAction::Start(_)) => at(state, action, "kill")?,
        Action::Cluster(ClusterAction::AddBroker) => at(
            state,
            &Action::Cluster(ClusterAction::Kill(Target::Process(ProcessName::Broker(
                next_broker(state),
            )))),
            "kill",
        )?,
        Action::Cluster(
            ClusterAction::Stream(_) | ClusterAction::StreamSlower | ClusterAction::StreamFaster,
        ) => {
            format!("stream {}", state.cluster.stream)
        }
        Action::Cluster(ClusterAction::AddConsumer(_) | ClusterAction::AddGroup) => {
            format!("{} on it: it leaves", key("stop"))
        }
        Action::Cluster(ClusterAction::Transaction(TransactionAction::Begin { .. })) => {
            key("txn abort")
        }
        Action::Cluster(ClusterAction::CreateTopic(Some(_))) => key("delete"),
        Action::Cluster(ClusterAction::SetConfig(config)) => {
            let topic = state.cluster.topics.get(&config.topic)?;
            let before = TopicConfig {
                value: topic.configs.get(&config.name).cloned(),
                ..config.clone()
            };
            before.to_string()
        }
        Action::Cluster(ClusterAction::DeleteTopic(_) | ClusterAction::DeleteGroup(_)) => {
            "nothing brings it back".to_owned()
        }
        Action::Screen(ScreenAction::Layout(_) | ScreenAction::NextLayout) => {
            key("layout previous")
        }
        Action::Screen(ScreenAction::PreviousLayout) => key("layout next"),
        Action::Screen(ScreenAction::Theme(_)) => {
            format!("theme {}", state.view.themes.current().name())
        }
        Action::Screen(ScreenAction::Pick(_)) => format!("pick {}", state.view.picked),
        Action::Screen(ScreenAction::ShowTopic(_)) => format!("topic show {}", state.view.topic),
        Action::Screen(ScreenAction::ShowGroup(_)) => format!("group show {}", state.view.group),
        Action::Screen(ScreenAction::PaneFull) => key("pane full"),
        Action::Screen(ScreenAction::Hold) => key("hold"),
        _ => return None,
    })
}
