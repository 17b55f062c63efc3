//! Everything a person can do, as a value with a name: keys, palette, lessons and scripts all
//! speak these words, and an action's text reads back as the same action.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    Pane,
    action_arguments::{TopicConfig, number_of, parse_rate, parse_rewind, parse_topic},
    condition::{ConditionError, Wanted},
    motion::{MOTIONS, Motion},
    target::Target,
};
use crate::state::cluster::{ProcessName, StreamRate};
use wire::{Offset, TopicPartition};

/// One thing a person can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Make this process the one that the footer names and the verbs reach.
    Pick(ProcessName),
    /// SIGKILL.
    Kill(Target),
    /// Let it end by itself; a consumer leaves its group.
    Stop(Target),
    /// SIGSTOP; what is frozen already thaws.
    Freeze(Target),
    /// SIGCONT.
    Thaw(Target),
    /// Start what is not running; asks before it restarts what is.
    Start(Target),
    /// Stop and start.
    Restart(Target),
    /// Start and thaw everything.
    Heal,
    /// Send one record: the next demo record, or this key and value.
    Produce(Option<(String, String)>),
    /// Open the composer.
    Compose,
    /// Send demo records at this pace.
    Stream(StreamRate),
    /// The next faster pace.
    StreamFaster,
    /// The next slower pace.
    StreamSlower,
    /// A consumer into this group, or into the one that is shown.
    AddConsumer(Option<String>),
    /// A consumer into a group that does not exist yet.
    AddGroup,
    /// A topic: its name, partitions, replication factor. Without a name, ask for them.
    CreateTopic(Option<(String, i32, i16)>),
    /// Show this topic.
    ShowTopic(String),
    /// Show this group.
    ShowGroup(String),
    /// Give a topic's config a value.
    SetConfig(TopicConfig),
    /// Delete this topic, for good.
    DeleteTopic(String),
    /// Delete this group.
    DeleteGroup(String),
    /// Delete the topic or the group that is shown in the pane.
    Delete,
    /// One more broker.
    AddBroker,
    /// The keys of the panes go to this one.
    FocusPane(Pane),
    /// Put the cursor on this partition of the shown topic.
    PickPartition(i32),
    /// Put the Log's cursor on this offset of the picked partition.
    PickRecord(Offset),
    /// Put the Wire's cursor on the exchange with this number.
    PickExchange(u64),
    /// Follow the mouse, or leave it to the terminal.
    Mouse,
    /// Move a group's committed offset of a partition here; without words, the shown group to the
    /// record under the cursor.
    RewindGroup(Option<(String, TopicPartition, Offset)>),
    /// Move partitions so that each broker keeps its fair share.
    SpreadPartitions,
    /// Give leadership back to preferred leaders.
    ElectLeaders,
    /// Another layout by name.
    Layout(String),
    /// The next layout.
    NextLayout,
    /// The previous layout.
    PreviousLayout,
    /// The pane alone on the screen, and back.
    PaneFull,
    /// The next pane.
    NextPane,
    /// The previous pane.
    PreviousPane,
    /// Move the pane's cursor.
    Move(Motion),
    /// Open what the cursor is on.
    Open,
    /// Back; never quits.
    Back,
    /// Show only what matches; without a text, ask for it.
    Filter(Option<String>),
    /// Show the pane another way: key, value, time, size.
    Show,
    /// Hold the picture, or go live again.
    Hold,
    /// Go live again.
    Live,
    /// So many lines of what happened on, or back.
    Step(i32),
    /// Bring the coach back, or hide it.
    Coach,
    /// Other colours: `dark`, `light`, `mono`.
    Theme(String),
    /// Write the session so far into a file.
    Save(Option<String>),
    /// Record the screen into a file, or end that.
    Record(Option<String>),
    /// Write the screen into files.
    Shot(Option<String>),
    /// Say this on the screen, for a few seconds.
    Say(String),
    /// Tell when this holds.
    Wait(Wanted),
    /// Show which keys are pressed, or no more.
    ShowKeys,
    /// Copy the command of the last action.
    Copy,
    /// The help page.
    Help,
    /// The palette, with this text in it.
    Palette(String),
    /// Say yes to the footer's question, or do what was typed.
    Accept,
    /// End the playground.
    Quit,
    /// Leave the screen; the cluster runs on.
    Suspend,
    /// Draw everything again.
    Redraw,
}

/// Actions that take no argument, by name.
fn plain() -> [(&'static str, Action); 37] {
    [
        ("heal", Action::Heal),
        ("produce", Action::Produce(None)),
        ("compose", Action::Compose),
        ("stream faster", Action::StreamFaster),
        ("stream slower", Action::StreamSlower),
        ("consumer add", Action::AddConsumer(None)),
        ("group add", Action::AddGroup),
        ("topic create", Action::CreateTopic(None)),
        ("delete", Action::Delete),
        ("broker add", Action::AddBroker),
        ("group rewind", Action::RewindGroup(None)),
        ("mouse", Action::Mouse),
        ("partitions spread", Action::SpreadPartitions),
        ("leaders elect", Action::ElectLeaders),
        ("layout next", Action::NextLayout),
        ("layout previous", Action::PreviousLayout),
        ("pane full", Action::PaneFull),
        ("pane next", Action::NextPane),
        ("pane previous", Action::PreviousPane),
        ("open", Action::Open),
        ("back", Action::Back),
        ("filter", Action::Filter(None)),
        ("show", Action::Show),
        ("hold", Action::Hold),
        ("live", Action::Live),
        ("coach", Action::Coach),
        ("save", Action::Save(None)),
        ("record", Action::Record(None)),
        ("shot", Action::Shot(None)),
        ("keys", Action::ShowKeys),
        ("copy", Action::Copy),
        ("help", Action::Help),
        ("palette", Action::Palette(String::new())),
        ("accept", Action::Accept),
        ("quit", Action::Quit),
        ("suspend", Action::Suspend),
        ("redraw", Action::Redraw),
    ]
}

type Aimed = fn(Target) -> Action;

/// Verbs that need a process.
const AIMED: [(&str, Aimed); 6] = [
    ("kill", Action::Kill),
    ("stop", Action::Stop),
    ("freeze", Action::Freeze),
    ("thaw", Action::Thaw),
    ("start", Action::Start),
    ("restart", Action::Restart),
];

impl Action {
    /// The verb and the process it is aimed at, for the verbs that need one.
    #[must_use]
    pub fn aim(&self) -> Option<(&'static str, &Target)> {
        match self {
            Self::Kill(target) => Some(("kill", target)),
            Self::Stop(target) => Some(("stop", target)),
            Self::Freeze(target) => Some(("freeze", target)),
            Self::Thaw(target) => Some(("thaw", target)),
            Self::Start(target) => Some(("start", target)),
            Self::Restart(target) => Some(("restart", target)),
            _ => None,
        }
    }

    /// The same verb at another target; an action without one as it is.
    #[must_use]
    pub fn at(&self, target: Target) -> Self {
        let verb = self.aim().map(|(verb, _)| verb);
        AIMED
            .iter()
            .find(|(known, _)| Some(*known) == verb)
            .map_or_else(|| self.clone(), |(_, aimed)| aimed(target))
    }

    /// Whether it takes something away that runs or is kept.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        matches!(
            self,
            Self::Kill(_)
                | Self::Stop(_)
                | Self::Freeze(_)
                | Self::Restart(_)
                | Self::Delete
                | Self::DeleteTopic(_)
                | Self::DeleteGroup(_)
                | Self::RewindGroup(_)
        )
    }

    /// Names of the actions without arguments, for completion.
    #[must_use]
    pub fn plain_names() -> Vec<&'static str> {
        plain().into_iter().map(|(name, _)| name).collect()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((verb, target)) = self.aim() {
            return match target {
                Target::Picked => f.write_str(verb),
                other => write!(f, "{verb} {other}"),
            };
        }
        match self {
            Self::Pick(process) => write!(f, "pick {process}"),
            Self::Produce(Some((key, value))) => write!(f, "produce {key}:{value}"),
            Self::Stream(rate) => write!(f, "stream {rate}"),
            Self::AddConsumer(Some(group)) => write!(f, "consumer add {group}"),
            Self::CreateTopic(Some((name, partitions, factor))) => {
                write!(f, "topic create {name} {partitions} {factor}")
            }
            Self::ShowTopic(name) => write!(f, "topic show {name}"),
            Self::ShowGroup(name) => write!(f, "group show {name}"),
            Self::SetConfig(config) => config.fmt(f),
            Self::DeleteTopic(name) => write!(f, "topic delete {name}"),
            Self::DeleteGroup(name) => write!(f, "group delete {name}"),
            Self::Layout(name) => write!(f, "layout {name}"),
            Self::FocusPane(pane) => write!(f, "pane {}", pane.name()),
            Self::PickPartition(partition) => write!(f, "partition {partition}"),
            Self::PickRecord(offset) => write!(f, "offset {offset}"),
            Self::PickExchange(number) => write!(f, "exchange {number}"),
            Self::RewindGroup(Some((group, at, to))) => {
                write!(
                    f,
                    "group rewind {group} {} p{} {to}",
                    at.topic, at.partition
                )
            }
            Self::Filter(Some(text)) => write!(f, "filter {text}"),
            Self::Theme(name) => write!(f, "theme {name}"),
            Self::Save(Some(file)) => write!(f, "save {file}"),
            Self::Record(Some(file)) => write!(f, "record {file}"),
            Self::Shot(Some(file)) => write!(f, "shot {file}"),
            Self::Say(words) => write!(f, "say {words}"),
            Self::Wait(wanted) => write!(f, "wait {wanted}"),
            Self::Step(lines) => write!(f, "step {lines}"),
            Self::Move(motion) => {
                let name = MOTIONS.iter().find(|(known, _)| known == motion);
                write!(f, "move {}", name.map_or("", |(_, name)| name))
            }
            other => {
                let name = plain()
                    .into_iter()
                    .find(|(_, action)| action == other)
                    .map_or("palette", |(name, _)| name);
                f.write_str(name)
            }
        }
    }
}

/// Why a text is no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// No action begins like this.
    #[error("there is no action \"{0}\"; the palette lists them all")]
    Unknown(String),
    /// The action is known, the rest is not.
    #[error("{usage}")]
    Arguments {
        /// How to say it.
        usage: &'static str,
    },
    /// What shall be waited for is no condition.
    #[error(transparent)]
    Condition(#[from] ConditionError),
}

const PROCESS_USAGE: &str = "WHAT: broker 1, zookeeper, consumer c1, controller, coordinator of GROUP, leader of TOPIC p0, \
     follower of TOPIC p0, random, all brokers";

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let joined = words.join(" ");
        if let Some((_, action)) = plain().into_iter().find(|(name, _)| *name == joined) {
            return Ok(action);
        }
        let (first, rest) = words
            .split_first()
            .ok_or_else(|| ActionError::Unknown(String::new()))?;
        if let Some((_, aimed)) = AIMED.iter().find(|(verb, _)| verb == first) {
            return rest
                .join(" ")
                .parse()
                .map(aimed)
                .map_err(|_| ActionError::Arguments {
                    usage: PROCESS_USAGE,
                });
        }
        match (*first, rest) {
            ("pick", rest) => match rest.join(" ").parse() {
                Ok(Target::Process(process)) => Ok(Self::Pick(process)),
                _ => Err(ActionError::Arguments {
                    usage: "pick ID: a broker's id, 0 for ZooKeeper, c1 for a consumer",
                }),
            },
            ("produce", [_, ..]) => {
                let record = text.trim_start().strip_prefix("produce").unwrap_or(text);
                let (key, value) = record.trim().split_once(':').unwrap_or((record.trim(), ""));
                Ok(Self::Produce(Some((key.to_owned(), value.to_owned()))))
            }
            ("stream", [rate]) => parse_rate(rate).map(Self::Stream),
            ("consumer", ["add", group]) => Ok(Self::AddConsumer(Some((*group).to_owned()))),
            ("topic", ["create", rest @ ..]) => parse_topic(rest),
            ("topic", ["show", name]) => Ok(Self::ShowTopic((*name).to_owned())),
            ("group", ["show", name]) => Ok(Self::ShowGroup((*name).to_owned())),
            ("config", rest) => TopicConfig::parse(rest).map(Self::SetConfig),
            ("topic", ["delete", name]) => Ok(Self::DeleteTopic((*name).to_owned())),
            ("group", ["delete", name]) => Ok(Self::DeleteGroup((*name).to_owned())),
            ("pane", [name]) => {
                let pane = Pane::ALL.into_iter().find(|pane| pane.name() == *name);
                pane.map(Self::FocusPane).ok_or(ActionError::Arguments {
                    usage: "pane NAME, next, previous or full, as in: pane log",
                })
            }
            ("partition", [number]) => number_of(number.trim_start_matches('p'))
                .map(Self::PickPartition)
                .ok_or(ActionError::Arguments {
                    usage: "partition NUMBER, as in: partition 2",
                }),
            ("offset", [offset]) => number_of(offset)
                .map(|offset| Self::PickRecord(Offset(offset)))
                .ok_or(ActionError::Arguments {
                    usage: "offset NUMBER, as in: offset 1204",
                }),
            ("exchange", [number]) => {
                number_of(number)
                    .map(Self::PickExchange)
                    .ok_or(ActionError::Arguments {
                        usage: "exchange NUMBER",
                    })
            }
            ("group", ["rewind", group, topic, partition, offset]) => {
                parse_rewind(group, topic, partition, offset)
            }
            ("layout", [name]) => Ok(Self::Layout((*name).to_owned())),
            ("filter", [_, ..]) => Ok(Self::Filter(Some(rest.join(" ")))),
            ("save", [_, ..]) => Ok(Self::Save(Some(rest.join(" ")))),
            ("record", [_, ..]) => Ok(Self::Record(Some(rest.join(" ")))),
            ("shot", [_, ..]) => Ok(Self::Shot(Some(rest.join(" ")))),
            ("say", [_, ..]) => Ok(Self::Say(rest.join(" ").trim_matches('"').to_owned())),
            ("wait", _) => {
                let condition = text.trim_start().strip_prefix("wait").unwrap_or(text);
                Ok(Self::Wait(condition.parse()?))
            }
            ("step", [lines]) => match lines.parse() {
                Ok(lines) if lines != 0 => Ok(Self::Step(lines)),
                _ => Err(ActionError::Arguments {
                    usage: "step LINES of what happened: -1 is back, 1 is on",
                }),
            },
            ("theme", [name]) => Ok(Self::Theme((*name).to_owned())),
            ("move", rest) => {
                let wanted = rest.join(" ");
                MOTIONS
                    .iter()
                    .find(|(_, name)| *name == wanted)
                    .map(|(motion, _)| Self::Move(*motion))
                    .ok_or(ActionError::Arguments {
                        usage: "move up, down, left, right, first, last, page up or page down",
                    })
            }
            _ => Err(ActionError::Unknown(joined)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Motion, TopicConfig};
    use crate::state::{Pane, ProcessName, StreamRate, Target};
    use wire::{BrokerId, Offset, TopicPartition};

    #[test]
    fn every_action_reads_back_from_its_text() {
        let mut actions: Vec<Action> = super::plain()
            .into_iter()
            .map(|(_, action)| action)
            .collect();
        actions.extend([
            Action::Pick(ProcessName::ZooKeeper),
            Action::Kill(Target::Picked),
            Action::Kill(Target::Process(ProcessName::Broker(BrokerId(3)))),
            Action::Kill(Target::LeaderOf(TopicPartition::new("orders", 1))),
            Action::Kill(Target::AllBrokers),
            Action::Kill(Target::Controller),
            Action::Freeze(Target::CoordinatorOf("billing".into())),
            Action::Stop(Target::FollowerOf(TopicPartition::new("orders", 1))),
            Action::Restart(Target::Random),
            Action::Stop(Target::Process(ProcessName::Consumer("c2".into()))),
            Action::Produce(Some(("amy".into(), "a b".into()))),
            Action::Stream(StreamRate::PerSecond(10)),
            Action::Stream(StreamRate::Max),
            Action::AddConsumer(Some("billing".into())),
            Action::CreateTopic(Some(("chat".into(), 4, 2))),
            Action::DeleteTopic("chat".into()),
            Action::SetConfig(TopicConfig {
                topic: "orders".into(),
                name: "retention.ms".into(),
                value: Some("60000".into()),
            }),
            Action::SetConfig(TopicConfig {
                topic: "orders".into(),
                name: "retention.ms".into(),
                value: None,
            }),
            Action::FocusPane(Pane::Wire),
            Action::PickPartition(2),
            Action::PickRecord(Offset(1204)),
            Action::PickExchange(17),
            Action::ShowTopic("chat".into()),
            Action::ShowGroup("billing".into()),
            Action::RewindGroup(Some((
                "billing".into(),
                TopicPartition::new("orders", 1),
                Offset(41),
            ))),
            Action::Move(Motion::PageUp),
            Action::Theme("light".into()),
            Action::Step(-1),
            Action::Say("a leader dies".into()),
            Action::Wait(
                "isr orders 3 and lag billing 0 within 5s"
                    .parse()
                    .expect("a condition"),
            ),
            Action::Record(Some("demo.cast".into())),
        ]);
        for action in actions {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
    }

    #[test]
    fn a_topic_can_be_said_as_kafka_topics_says_it() {
        assert_eq!(
            "topic create orders --partitions 4 --replication-factor 2".parse(),
            Ok(Action::CreateTopic(Some(("orders".into(), 4, 2))))
        );
    }
}
