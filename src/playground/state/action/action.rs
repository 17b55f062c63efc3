//! Everything a person can do, as a value with a name: keys, palette, lessons and scripts all
//! speak these words, and an action's text reads back as the same action.

use std::{fmt, str::FromStr, sync::LazyLock};

use super::{
    Action, ClusterAction, LessonAction, Pane, ScreenAction, TerminalAction, TransactionAction,
    action_arguments::{
        TopicConfig, TypedRecord, number_of, parse_acks, parse_protocol, parse_rate, parse_rewind,
        parse_topic,
    },
    condition::ConditionError,
    lesson_action,
    motion::MOTIONS,
    target::Target,
};
use crate::state::spelling::filled;
use wire::Offset;

/// Actions that take no argument, by name.
static PLAIN: LazyLock<Vec<(String, Action)>> = LazyLock::new(|| {
    let actions: [Action; 46] = [
        Action::Cluster(ClusterAction::Heal),
        Action::Cluster(ClusterAction::Produce(None)),
        Action::Cluster(ClusterAction::Compose),
        Action::Cluster(ClusterAction::StreamFaster),
        Action::Cluster(ClusterAction::StreamSlower),
        Action::Cluster(ClusterAction::AddConsumer(None)),
        Action::Cluster(ClusterAction::AddGroup),
        Action::Cluster(ClusterAction::JoinBy(None)),
        Action::Cluster(ClusterAction::CreateTopic(None)),
        Action::Cluster(ClusterAction::Delete),
        Action::Cluster(ClusterAction::AddBroker),
        Action::Cluster(ClusterAction::RewindGroup(None)),
        Action::Terminal(TerminalAction::Mouse),
        Action::Cluster(ClusterAction::SpreadPartitions),
        Action::Cluster(ClusterAction::ElectLeaders),
        Action::Cluster(ClusterAction::Reconnect),
        Action::Screen(ScreenAction::NextLayout),
        Action::Screen(ScreenAction::PreviousLayout),
        Action::Screen(ScreenAction::PaneFull),
        Action::Screen(ScreenAction::NextPane),
        Action::Screen(ScreenAction::PreviousPane),
        Action::Screen(ScreenAction::Open),
        Action::Screen(ScreenAction::Back),
        Action::Screen(ScreenAction::Filter(None)),
        Action::Screen(ScreenAction::Show),
        Action::Screen(ScreenAction::Hold),
        Action::Screen(ScreenAction::Live),
        Action::Screen(ScreenAction::Coach),
        Action::Terminal(TerminalAction::Save(None)),
        Action::Terminal(TerminalAction::Record(None)),
        Action::Terminal(TerminalAction::Shot(None)),
        Action::Screen(ScreenAction::ShowKeys),
        Action::Terminal(TerminalAction::Copy),
        Action::Screen(ScreenAction::Help),
        Action::Screen(ScreenAction::Palette(String::new())),
        Action::Screen(ScreenAction::Accept),
        Action::Terminal(TerminalAction::Quit),
        Action::Terminal(TerminalAction::Suspend),
        Action::Terminal(TerminalAction::Redraw),
        Action::Lesson(LessonAction::ListLessons),
        Action::Lesson(LessonAction::ResetLesson),
        Action::Lesson(LessonAction::NextStep),
        Action::Lesson(LessonAction::StepBack),
        Action::Lesson(LessonAction::DoStep),
        Action::Lesson(LessonAction::AnswerQuestion(None)),
        Action::Lesson(LessonAction::RecordLesson(None)),
    ];
    let named = actions.into_iter();
    let of_transactions = TransactionAction::PLAIN
        .into_iter()
        .map(ClusterAction::Transaction);
    let named = named.chain(of_transactions.map(Action::Cluster));
    named.map(|action| (action.to_string(), action)).collect()
});

type Aimed = fn(Target) -> ClusterAction;

/// Verbs that need a process.
const AIMED: [(&str, Aimed); 6] = [
    ("kill", ClusterAction::Kill),
    ("stop", ClusterAction::Stop),
    ("freeze", ClusterAction::Freeze),
    ("thaw", ClusterAction::Thaw),
    ("start", ClusterAction::Start),
    ("restart", ClusterAction::Restart),
];

impl Action {
    /// The verb and the process it is aimed at, for the verbs that need one.
    #[must_use]
    pub fn aim(&self) -> Option<(&'static str, &Target)> {
        let Action::Cluster(action) = self else {
            return None;
        };
        match action {
            ClusterAction::Kill(target) => Some(("kill", target)),
            ClusterAction::Stop(target) => Some(("stop", target)),
            ClusterAction::Freeze(target) => Some(("freeze", target)),
            ClusterAction::Thaw(target) => Some(("thaw", target)),
            ClusterAction::Start(target) => Some(("start", target)),
            ClusterAction::Restart(target) => Some(("restart", target)),
            ClusterAction::Heal
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
            | ClusterAction::DeleteTopic(_)
            | ClusterAction::DeleteGroup(_)
            | ClusterAction::Delete
            | ClusterAction::AddBroker
            | ClusterAction::RewindGroup(_)
            | ClusterAction::SpreadPartitions
            | ClusterAction::ElectLeaders
            | ClusterAction::Reconnect
            | ClusterAction::Transaction(_)
            | ClusterAction::Wait(_) => None,
        }
    }

    /// The same verb at another target; an action without one as it is.
    #[must_use]
    pub fn at(&self, target: Target) -> Self {
        let verb = self.aim().map(|(verb, _)| verb);
        AIMED
            .iter()
            .find(|(known, _)| Some(*known) == verb)
            .map_or_else(|| self.clone(), |(_, aimed)| Action::Cluster(aimed(target)))
    }

    /// Whether it takes something away that runs or is kept.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        matches!(
            self,
            Action::Cluster(
                ClusterAction::Kill(_)
                    | ClusterAction::Stop(_)
                    | ClusterAction::Freeze(_)
                    | ClusterAction::Restart(_)
                    | ClusterAction::Delete
                    | ClusterAction::DeleteTopic(_)
                    | ClusterAction::DeleteGroup(_)
                    | ClusterAction::RewindGroup(_)
                    | ClusterAction::Transaction(TransactionAction::Abandon(_))
            )
        )
    }

    /// Names of the actions without arguments, for completion.
    #[must_use]
    pub fn plain_names() -> Vec<&'static str> {
        PLAIN.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(action) => action.fmt(f),
            Self::Screen(action) => action.fmt(f),
            Self::Terminal(action) => action.fmt(f),
            Self::Lesson(action) => action.fmt(f),
        }
    }
}

impl fmt::Display for ClusterAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(target) => aimed("kill", target, f),
            Self::Stop(target) => aimed("stop", target, f),
            Self::Freeze(target) => aimed("freeze", target, f),
            Self::Thaw(target) => aimed("thaw", target, f),
            Self::Start(target) => aimed("start", target, f),
            Self::Restart(target) => aimed("restart", target, f),
            Self::Heal => f.write_str("heal"),
            Self::Produce(Some(record)) => write!(f, "produce {record}"),
            Self::Produce(None) => f.write_str("produce"),
            Self::Compose => f.write_str("compose"),
            Self::Acks(acks) => write!(f, "acks {}", acks.setting()),
            Self::Stream(rate) => write!(f, "stream {rate}"),
            Self::StreamInto(topic, rate) => write!(f, "stream {rate} into {topic}"),
            Self::StreamFaster => f.write_str("stream faster"),
            Self::StreamSlower => f.write_str("stream slower"),
            Self::AddConsumer(Some(group)) => write!(f, "consumer add {group}"),
            Self::AddConsumer(None) => f.write_str("consumer add"),
            Self::AddGroup => f.write_str("group add"),
            Self::JoinBy(Some(protocol)) => write!(f, "group protocol {protocol}"),
            Self::JoinBy(None) => f.write_str("group protocol"),
            Self::CreateTopic(Some((name, partitions, factor))) => {
                write!(f, "topic create {name} {partitions} {factor}")
            }
            Self::CreateTopic(None) => f.write_str("topic create"),
            Self::SetConfig(config) => config.fmt(f),
            Self::DeleteTopic(name) => write!(f, "topic delete {name}"),
            Self::DeleteGroup(name) => write!(f, "group delete {name}"),
            Self::Delete => f.write_str("delete"),
            Self::AddBroker => f.write_str("broker add"),
            Self::RewindGroup(Some((group, at, to))) => {
                write!(
                    f,
                    "group rewind {group} {} p{} {to}",
                    at.topic, at.partition
                )
            }
            Self::RewindGroup(None) => f.write_str("group rewind"),
            Self::SpreadPartitions => f.write_str("partitions spread"),
            Self::ElectLeaders => f.write_str("leaders elect"),
            Self::Reconnect => f.write_str("reconnect"),
            Self::Transaction(action) => action.fmt(f),
            Self::Wait(wanted) => write!(f, "wait {wanted}"),
        }
    }
}

impl fmt::Display for ScreenAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pick(process) => write!(f, "pick {process}"),
            Self::ShowTopic(name) => write!(f, "topic show {name}"),
            Self::ShowGroup(name) => write!(f, "group show {name}"),
            Self::FocusPane(pane) => write!(f, "pane {}", pane.name()),
            Self::PickPartition(partition) => write!(f, "partition {partition}"),
            Self::PickRecord(offset) => write!(f, "offset {offset}"),
            Self::PickExchange(number) => write!(f, "exchange {number}"),
            Self::Layout(name) => write!(f, "layout {name}"),
            Self::NextLayout => f.write_str("layout next"),
            Self::PreviousLayout => f.write_str("layout previous"),
            Self::PaneFull => f.write_str("pane full"),
            Self::NextPane => f.write_str("pane next"),
            Self::PreviousPane => f.write_str("pane previous"),
            Self::Move(motion) => {
                let name = MOTIONS.iter().find(|(known, _)| known == motion);
                write!(f, "move {}", name.map_or("", |(_, name)| name))
            }
            Self::Open => f.write_str("open"),
            Self::Back => f.write_str("back"),
            Self::Filter(Some(text)) => write!(f, "filter {text}"),
            Self::Filter(None) => f.write_str("filter"),
            Self::Show => f.write_str("show"),
            Self::Hold => f.write_str("hold"),
            Self::Live => f.write_str("live"),
            Self::Step(lines) => write!(f, "step {lines}"),
            Self::Coach => f.write_str("coach"),
            Self::Theme(name) => write!(f, "theme {name}"),
            Self::Say(words) => write!(f, "say {words}"),
            Self::ShowKeys => f.write_str("keys"),
            Self::Help => f.write_str("help"),
            Self::Palette(_) => f.write_str("palette"),
            Self::Accept => f.write_str("accept"),
        }
    }
}

impl fmt::Display for TerminalAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mouse => f.write_str("mouse"),
            Self::Save(Some(file)) => write!(f, "save {file}"),
            Self::Save(None) => f.write_str("save"),
            Self::Record(Some(file)) => write!(f, "record {file}"),
            Self::Record(None) => f.write_str("record"),
            Self::Shot(Some(file)) => write!(f, "shot {file}"),
            Self::Shot(None) => f.write_str("shot"),
            Self::Copy => f.write_str("copy"),
            Self::Quit => f.write_str("quit"),
            Self::Suspend => f.write_str("suspend"),
            Self::Redraw => f.write_str("redraw"),
        }
    }
}

fn aimed(verb: &str, target: &Target, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match target {
        Target::Picked => f.write_str(verb),
        other => write!(f, "{verb} {other}"),
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

const PROCESS_USAGE: &str = "WHAT: broker 1, zookeeper, consumer c1, producer t1, consumer of GROUP, controller, coordinator of GROUP, leader of TOPIC p0, \
     follower of TOPIC p0, random, all brokers";

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let joined = words.join(" ");
        if let Some((_, action)) = PLAIN.iter().find(|(name, _)| *name == joined) {
            return Ok(action.clone());
        }
        let (first, rest) = words
            .split_first()
            .ok_or_else(|| ActionError::Unknown(String::new()))?;
        if let Some((_, aimed)) = AIMED.iter().find(|(verb, _)| verb == first) {
            return rest
                .join(" ")
                .parse()
                .map(aimed)
                .map(Action::Cluster)
                .map_err(|_| ActionError::Arguments {
                    usage: PROCESS_USAGE,
                });
        }
        let action = if let Some(action) = cluster_action(text, first, rest) {
            Action::Cluster(action?)
        } else if let Some(action) = screen_action(first, rest) {
            Action::Screen(action?)
        } else if let Some(action) = lesson_action::parse(first, rest) {
            Action::Lesson(action?)
        } else {
            let named = Some(rest.join(" "));
            Action::Terminal(match (*first, rest) {
                ("save", [_, ..]) => TerminalAction::Save(named),
                ("record", [_, ..]) => TerminalAction::Record(named),
                ("shot", [_, ..]) => TerminalAction::Shot(named),
                _ => return Err(ActionError::Unknown(joined)),
            })
        };
        Ok(action)
    }
}

/// What is done to the cluster, in these words; `None` if they begin like nothing of it.
fn cluster_action(
    text: &str,
    first: &str,
    rest: &[&str],
) -> Option<Result<ClusterAction, ActionError>> {
    Some(match (first, rest) {
        ("produce", [_, ..]) => {
            let record = text.trim_start().strip_prefix("produce").unwrap_or(text);
            Ok(ClusterAction::Produce(Some(TypedRecord::parse(record))))
        }
        ("acks", words) => parse_acks(words).map(ClusterAction::Acks),
        ("stream", [rate]) => parse_rate(rate).map(ClusterAction::Stream),
        ("stream", [rate, "into", topic]) => {
            parse_rate(rate).map(|rate| ClusterAction::StreamInto((*topic).to_owned(), rate))
        }
        ("consumer", ["add", group]) => Ok(ClusterAction::AddConsumer(Some((*group).to_owned()))),
        ("topic", ["create", rest @ ..]) => parse_topic(rest),
        ("config", rest) => TopicConfig::parse(rest).map(ClusterAction::SetConfig),
        ("topic", ["delete", name]) => Ok(ClusterAction::DeleteTopic((*name).to_owned())),
        ("group", ["delete", name]) => Ok(ClusterAction::DeleteGroup((*name).to_owned())),
        ("group", ["protocol", name]) => parse_protocol(name).map(ClusterAction::JoinBy),
        ("group", ["rewind", group, topic, partition, offset]) => {
            parse_rewind(group, topic, partition, offset)
        }
        ("txn", words) => TransactionAction::parse(text, words).map(ClusterAction::Transaction),
        ("wait", _) => {
            let condition = text.trim_start().strip_prefix("wait").unwrap_or(text);
            condition
                .parse()
                .map(ClusterAction::Wait)
                .map_err(ActionError::from)
        }
        _ => return None,
    })
}

/// What is moved on the screen, in these words; `None` if they begin like nothing of it.
fn screen_action(first: &str, rest: &[&str]) -> Option<Result<ScreenAction, ActionError>> {
    Some(match (first, rest) {
        ("pick", rest) => match rest.join(" ").parse() {
            Ok(Target::Process(process)) => Ok(ScreenAction::Pick(process)),
            _ => Err(ActionError::Arguments {
                usage: "pick ID: a broker's id, 0 for ZooKeeper, c1 for a consumer, producer t1",
            }),
        },
        ("topic", ["show", name]) => Ok(ScreenAction::ShowTopic((*name).to_owned())),
        ("group", ["show", name]) => Ok(ScreenAction::ShowGroup((*name).to_owned())),
        ("pane", [name]) => {
            let pane = Pane::ALL.into_iter().find(|pane| pane.name() == *name);
            pane.map(ScreenAction::FocusPane)
                .ok_or(ActionError::Arguments {
                    usage: "pane NAME, next, previous or full, as in: pane log",
                })
        }
        ("partition", [number]) => number_of(number.trim_start_matches('p'))
            .map(ScreenAction::PickPartition)
            .ok_or(ActionError::Arguments {
                usage: "partition NUMBER, as in: partition 2",
            }),
        ("offset", [offset]) => number_of(offset)
            .map(|offset| ScreenAction::PickRecord(Offset(offset)))
            .ok_or(ActionError::Arguments {
                usage: "offset NUMBER, as in: offset 1204",
            }),
        ("exchange", [number]) => {
            number_of(number)
                .map(ScreenAction::PickExchange)
                .ok_or(ActionError::Arguments {
                    usage: "exchange NUMBER",
                })
        }
        ("layout", [name]) => Ok(ScreenAction::Layout((*name).to_owned())),
        ("filter", [_, ..]) => Ok(ScreenAction::Filter(Some(rest.join(" ")))),
        ("say", [_, ..]) => Ok(ScreenAction::Say(
            rest.join(" ").trim_matches('"').to_owned(),
        )),
        ("step", [lines]) => match lines.parse() {
            Ok(lines) if lines != 0 => Ok(ScreenAction::Step(lines)),
            _ => Err(ActionError::Arguments {
                usage: "step LINES of what happened: -1 is back, 1 is on",
            }),
        },
        ("theme", [name]) => Ok(ScreenAction::Theme((*name).to_owned())),
        ("move", rest) => {
            let wanted = rest.join(" ");
            MOTIONS
                .iter()
                .find(|(_, name)| *name == wanted)
                .map(|(motion, _)| ScreenAction::Move(*motion))
                .ok_or(ActionError::Arguments {
                    usage: "move up, down, left, right, first, last, page up or page down",
                })
        }
        _ => return None,
    })
}

/// A sentence that names actions in braces, for another shell: it has no keys, and names do as well.
pub(in crate::state) fn with_names(sentence: &str) -> String {
    filled(sentence, |name| {
        name.parse::<Action>().ok().map(|_| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::{
        Action, ClusterAction, LessonAction, ScreenAction, TerminalAction, TopicConfig, TypedRecord,
    };
    use crate::state::{Acks, Motion, Pane, ProcessName, StreamRate, Target};
    use wire::{BrokerId, Offset, TopicPartition};

    #[test]
    fn every_action_reads_back_from_its_text() {
        let plain = super::PLAIN.iter();
        let mut actions: Vec<Action> = plain.map(|(_, action)| action.clone()).collect();
        actions.extend([
            Action::Screen(ScreenAction::Pick(ProcessName::ZooKeeper)),
            Action::Cluster(ClusterAction::Kill(Target::Picked)),
            Action::Cluster(ClusterAction::Kill(Target::Process(ProcessName::Broker(
                BrokerId(3),
            )))),
            Action::Cluster(ClusterAction::Kill(Target::LeaderOf(TopicPartition::new(
                "orders", 1,
            )))),
            Action::Cluster(ClusterAction::Kill(Target::AllBrokers)),
            Action::Cluster(ClusterAction::Kill(Target::Controller)),
            Action::Cluster(ClusterAction::Freeze(Target::CoordinatorOf(
                "billing".into(),
            ))),
            Action::Cluster(ClusterAction::Stop(Target::FollowerOf(
                TopicPartition::new("orders", 1),
            ))),
            Action::Cluster(ClusterAction::Restart(Target::Random)),
            Action::Cluster(ClusterAction::Kill(Target::RandomBrokers(20))),
            Action::Cluster(ClusterAction::Kill(Target::SomeBrokers(10))),
            Action::Cluster(ClusterAction::Kill(Target::Brokers(vec![
                BrokerId(2),
                BrokerId(8),
            ]))),
            Action::Cluster(ClusterAction::Stop(Target::Process(ProcessName::Consumer(
                "c2".into(),
            )))),
            Action::Cluster(ClusterAction::Produce(Some(TypedRecord {
                partition: None,
                key: "amy".into(),
                value: "a b".into(),
            }))),
            Action::Cluster(ClusterAction::Produce(Some(TypedRecord {
                partition: Some(2),
                key: String::new(),
                value: "p1 b:c".into(),
            }))),
            Action::Cluster(ClusterAction::Stream(StreamRate::PerSecond(10))),
            Action::Cluster(ClusterAction::Acks(Acks::Leader)),
            Action::Cluster(ClusterAction::Stream(StreamRate::Max)),
            Action::Cluster(ClusterAction::StreamInto("chat".into(), StreamRate::Off)),
            Action::Cluster(ClusterAction::AddConsumer(Some("billing".into()))),
            Action::Cluster(ClusterAction::CreateTopic(Some(("chat".into(), 4, 2)))),
            Action::Cluster(ClusterAction::DeleteTopic("chat".into())),
            Action::Cluster(ClusterAction::SetConfig(TopicConfig {
                topic: "orders".into(),
                name: "retention.ms".into(),
                value: Some("60000".into()),
            })),
            Action::Cluster(ClusterAction::SetConfig(TopicConfig {
                topic: "orders".into(),
                name: "retention.ms".into(),
                value: None,
            })),
            Action::Screen(ScreenAction::FocusPane(Pane::Wire)),
            Action::Screen(ScreenAction::PickPartition(2)),
            Action::Screen(ScreenAction::PickRecord(Offset(1204))),
            Action::Screen(ScreenAction::PickExchange(17)),
            Action::Screen(ScreenAction::ShowTopic("chat".into())),
            Action::Screen(ScreenAction::ShowGroup("billing".into())),
            Action::Cluster(ClusterAction::RewindGroup(Some((
                "billing".into(),
                TopicPartition::new("orders", 1),
                Offset(41),
            )))),
            Action::Screen(ScreenAction::Move(Motion::PageUp)),
            Action::Screen(ScreenAction::Theme("light".into())),
            Action::Screen(ScreenAction::Step(-1)),
            Action::Screen(ScreenAction::Say("a leader dies".into())),
            Action::Cluster(ClusterAction::Wait(
                "isr orders 3 and lag billing 0 within 5s"
                    .parse()
                    .expect("a condition"),
            )),
            Action::Terminal(TerminalAction::Record(Some("demo.cast".into()))),
            Action::Lesson(LessonAction::BeginLesson("8".into())),
            Action::Lesson(LessonAction::RecordLesson(Some("mine".into()))),
            Action::Lesson(LessonAction::MarkChoice(1)),
            Action::Lesson(LessonAction::AnswerQuestion(Some(3))),
        ]);
        for action in actions {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
    }

    #[test]
    fn a_topic_can_be_said_as_kafka_topics_says_it() {
        assert_eq!(
            "topic create orders --partitions 4 --replication-factor 2".parse(),
            Ok(Action::Cluster(ClusterAction::CreateTopic(Some((
                "orders".into(),
                4,
                2
            )))))
        );
    }
}
