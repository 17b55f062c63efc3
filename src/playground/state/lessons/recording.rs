//! Writes a lesson from what somebody does: each thing they did is a step, and what was not so before and is so
//! after it is its condition.

use std::fmt::Write as _;

use super::{
    answer,
    file::{MINUTES_MAX, STEPS_MAX},
};
use crate::state::{
    State, Timestamp,
    action::{
        Action, ClusterAction, Condition, Request, Target, TypedRecord,
        condition::{
            Amount, Baseline, Being, Compare, Existence, Places, Predicate, RecordWanted,
            WantedKey, Which, Who,
        },
        unused_group,
    },
    cluster::{ProcessName, StreamRate},
};
use wire::{GroupState, TopicPartition};

/// Partitions of which one step tells that their leader moved: more is not read.
const LED_MAX: usize = 2;

/// Signs of what followed that a step tells.
const WHY_MAX: usize = 220;

/// A lesson that is being written.
#[derive(Debug, Clone)]
pub(super) struct Recording {
    name: String,
    began: Timestamp,
    /// A stream that ran already.
    stream: StreamRate,
    done: Vec<Done>,
    /// What was done last: what came of it shows when the next thing is done.
    open: Option<Open>,
}

/// A step as it will be written.
#[derive(Debug, Clone)]
struct Done {
    actions: Vec<ClusterAction>,
    check: Condition,
    why: String,
}

/// Things that were done of which no condition tells yet.
#[derive(Debug, Clone)]
struct Open {
    actions: Vec<ClusterAction>,
    /// What may hold after it, and did not before.
    candidates: Vec<Condition>,
    since: Baseline,
    line_before: u64,
}

/// Begins to write a lesson, or ends that and asks for its file.
pub(super) fn record(state: &mut State, name: Option<&str>) -> Vec<Request> {
    if let Some(mut recording) = state.learning.recording.take() {
        settle(state, &mut recording);
        return write(state, &recording);
    }
    let name = name.unwrap_or("mine");
    let plain = |sign: char| sign.is_ascii_alphanumeric() || sign == '-' || sign == '_';
    let wrong = if name.chars().any(|sign| !plain(sign)) || name.parse::<u64>().is_ok() {
        Some(format!(
            "a lesson's name has letters, digits and -, and is no number: {name}"
        ))
    } else if state
        .learning
        .list()
        .iter()
        .any(|listed| listed.name == name)
    {
        Some(format!(
            "there is a lesson {name} already: lesson record NAME gives it another name"
        ))
    } else {
        None
    };
    if let Some(wrong) = wrong {
        state.message(wrong, true);
        return Vec::new();
    }
    state.learning.recording = Some(Recording {
        name: name.to_owned(),
        began: state.now,
        stream: state.cluster.stream,
        done: Vec::new(),
        open: None,
    });
    let words =
        format!("lesson {name}: each thing that you do is a step, {{lesson record}} ends it");
    state.message(words, false);
    Vec::new()
}

/// Somebody is about to do this to the cluster.
pub(in crate::state) fn note(state: &mut State, action: &ClusterAction) {
    let Some(mut recording) = state.learning.recording.take() else {
        return;
    };
    settle(state, &mut recording);
    if let ClusterAction::Wait(wanted) = action {
        // What was waited for is what the step before came to.
        if let Some(last) = recording.done.last_mut() {
            last.check = wanted.condition.clone();
        }
    } else if let Some(action) = said(state, action) {
        let candidates = candidates(state, &action);
        let open = recording.open.get_or_insert_with(|| Open {
            actions: Vec::new(),
            candidates: Vec::new(),
            since: Baseline::of(&state.cluster),
            line_before: state.story.last_number(),
        });
        open.actions.push(action);
        open.candidates.extend(candidates);
        if recording.done.len() >= STEPS_MAX {
            let words =
                format!("a lesson has at most {STEPS_MAX} steps: {{lesson record}} ends it");
            state.message(words, true);
        }
    }
    state.learning.recording = Some(recording);
}

/// What was done last becomes a step, if something that a condition can see came of it.
fn settle(state: &State, recording: &mut Recording) {
    let Some(open) = recording.open.take() else {
        return;
    };
    let mut candidates = open.candidates.clone();
    candidates.extend(
        open.actions
            .iter()
            .filter_map(|action| counted(state, action)),
    );
    let holds = |condition: &Condition| condition.check(state, &open.since).holds;
    let mut held: Vec<Condition> = Vec::new();
    for candidate in candidates.into_iter().filter(holds) {
        if !held.contains(&candidate) {
            held.push(candidate);
        }
    }
    let check = match held.pop() {
        None => {
            recording.open = Some(open);
            return;
        }
        Some(only) if held.is_empty() => only,
        Some(last) => {
            held.push(last);
            Condition::All(held)
        }
    };
    let root = answer::deed_after(&state.story, open.line_before);
    let effects = root
        .map(|root| answer::effects(state, root.root))
        .unwrap_or_default();
    let mut why = effects.join(", ");
    if why.is_empty() {
        why = check.check(state, &open.since).seen;
    }
    if let Some((cut, _)) = why.char_indices().nth(WHY_MAX) {
        why.truncate(cut);
    }
    recording.done.push(Done {
        actions: open.actions,
        check,
        why,
    });
}

/// The action in words that mean the same at any other time.
fn said(state: &State, action: &ClusterAction) -> Option<ClusterAction> {
    Some(match action {
        ClusterAction::Produce(None) => {
            let record = state.demo_record();
            ClusterAction::Produce(Some(TypedRecord {
                partition: None,
                key: record.key?,
                value: record.value?,
            }))
        }
        ClusterAction::StreamFaster => ClusterAction::Stream(state.cluster.stream.faster()),
        ClusterAction::StreamSlower => ClusterAction::Stream(state.cluster.stream.slower()),
        ClusterAction::AddConsumer(None) => {
            ClusterAction::AddConsumer(Some(state.view.group.clone()))
        }
        ClusterAction::AddGroup => ClusterAction::AddConsumer(Some(unused_group(state))),
        ClusterAction::Compose | ClusterAction::CreateTopic(None) | ClusterAction::Delete => {
            return None;
        }
        action => match Action::from(action.clone()).aim() {
            Some((_, Target::Picked)) => {
                let picked = Target::Process(state.view.picked.clone());
                match Action::from(action.clone()).at(picked) {
                    Action::Cluster(action) => action,
                    _ => return None,
                }
            }
            _ => action.clone(),
        },
    })
}

/// What may come of an action, by how things are before it.
fn candidates(state: &State, action: &ClusterAction) -> Vec<Condition> {
    let is = |predicate: Predicate| vec![Condition::Is(predicate)];
    match action {
        ClusterAction::Kill(target) | ClusterAction::Stop(target) => {
            away(state, target, Being::Down)
        }
        ClusterAction::Freeze(target) => away(state, target, Being::Frozen),
        ClusterAction::Thaw(target) | ClusterAction::Start(target) => {
            let mut up = each(state, target, Being::Up);
            up.extend(in_sync(state));
            up
        }
        ClusterAction::Heal => {
            let mut up = each(state, &Target::AllBrokers, Being::Up);
            up.extend(in_sync(state));
            up
        }
        ClusterAction::Produce(Some(typed)) => is(Predicate::Record(RecordWanted {
            places: whole(&state.view.topic),
            key: match typed.key.as_str() {
                "" => WantedKey::Absent,
                key => WantedKey::Is(key.to_owned()),
            },
            value: Some(typed.value.clone()),
            new: true,
            partitions: None,
        })),
        ClusterAction::Stream(rate) => is(Predicate::Stream(*rate != StreamRate::Off)),
        ClusterAction::CreateTopic(Some((name, partitions, _))) => is(Predicate::Topic(
            name.clone(),
            Existence::Partitions(exactly(i64::from(*partitions))),
        )),
        ClusterAction::DeleteTopic(name) => is(Predicate::Topic(name.clone(), Existence::Gone)),
        _ => Vec::new(),
    }
}

/// What came of an action that is told by a number as it is now.
fn counted(state: &State, action: &ClusterAction) -> Option<Condition> {
    let group = match action {
        ClusterAction::AddConsumer(Some(group)) => group.clone(),
        ClusterAction::AddBroker => {
            let (up, _) = state.cluster.brokers_up();
            let up = exactly(i64::try_from(up).ok()?);
            return Some(Condition::Is(Predicate::BrokersUp(up)));
        }
        action => match Action::from(action.clone()).aim() {
            Some((_, Target::Process(process @ ProcessName::Consumer(_)))) => {
                state.cluster.processes.get(process)?.group.clone()?
            }
            _ => return None,
        },
    };
    let members = state.cluster.groups.get(&group)?.members.len();
    Some(Condition::Is(Predicate::Group {
        group,
        state: Some(GroupState::Stable),
        members: Some(exactly(i64::try_from(members).ok()?)),
    }))
}

/// Processes are away, and others lead what they led.
fn away(state: &State, target: &Target, being: Being) -> Vec<Condition> {
    let mut away = each(state, target, being);
    for process in state.aimed(target) {
        let ProcessName::Broker(broker) = process else {
            continue;
        };
        let led = state.cluster.led_by(broker);
        let shown = led.iter().filter(|place| place.topic == state.view.topic);
        away.extend(shown.take(LED_MAX).map(|place: &TopicPartition| {
            let places = Places {
                topic: place.topic.clone(),
                partition: Some(place.partition),
            };
            Condition::Is(Predicate::Leader(places, Who::IsNot(broker)))
        }));
    }
    away
}

fn each(state: &State, target: &Target, being: Being) -> Vec<Condition> {
    let since = Baseline::of(&state.cluster);
    let each = state.aimed(target).into_iter().map(|process| {
        let which = match process {
            ProcessName::ZooKeeper => Which::ZooKeeper,
            ProcessName::Broker(id) => Which::Broker(id),
            ProcessName::Consumer(name) => Which::Consumer(name),
            ProcessName::Producer(name) => Which::Producer(name),
        };
        Condition::Is(Predicate::Process(which, being))
    });
    each.filter(|condition| !condition.check(state, &since).holds)
        .collect()
}

/// Every replica of the shown topic is in sync, which some are not now.
fn in_sync(state: &State) -> Option<Condition> {
    let topic = state.cluster.topics.get(&state.view.topic)?;
    let replicas = topic
        .partitions
        .iter()
        .map(|known| known.seen.replicas.len())
        .max()?;
    let isr = Predicate::Isr(
        whole(&state.view.topic),
        exactly(i64::try_from(replicas).ok()?),
    );
    Some(Condition::Is(isr))
}

fn whole(topic: &str) -> Places {
    Places {
        topic: topic.to_owned(),
        partition: None,
    }
}

fn exactly(number: i64) -> Amount {
    Amount {
        compare: Compare::Equal,
        number,
        more: false,
    }
}

/// The lesson's file, as it is asked to be written.
fn write(state: &mut State, recording: &Recording) -> Vec<Request> {
    let Recording { name, done, .. } = recording;
    if done.is_empty() {
        let words = "nothing that a condition can see was done: no lesson was written";
        state.message(words, false);
        return Vec::new();
    }
    let minutes = state.now.since(recording.began).as_secs().div_ceil(60);
    let minutes = minutes.clamp(1, u64::from(MINUTES_MAX));
    let mut text = format!(
        "# Written from what was done. Say in your words what is to be done and why it is so;\n\
         # kafkarium lesson check FILE proves it.\n\
         title = {}\nminutes = {minutes}\n",
        quoted(name)
    );
    if recording.stream != StreamRate::Off {
        let _ = writeln!(text, "needs = [\"stream {}\"]", recording.stream);
    }
    for step in done.iter().take(STEPS_MAX) {
        let actions: Vec<String> = step.actions.iter().map(ToString::to_string).collect();
        let hints: Vec<String> = actions
            .iter()
            .map(|action| format!("{{{action}}}"))
            .collect();
        let does: Vec<String> = actions.iter().map(|action| quoted(action)).collect();
        let _ = write!(
            text,
            "\n[[step]]\ntext = {}\ncheck = {}\nhint = {}\nwhy = {}\ndo = [{}]\n",
            quoted(&sentence(&actions.join(", then "))),
            quoted(&step.check.to_string()),
            quoted(&hints.join(", then ")),
            quoted(&step.why),
            does.join(", ")
        );
    }
    vec![Request::KeepLesson {
        name: name.clone(),
        text,
    }]
}

/// As TOML reads it.
fn quoted(words: &str) -> String {
    toml::Value::from(words).to_string()
}

/// `Kill broker 3.`
fn sentence(words: &str) -> String {
    let mut signs = words.chars();
    let first = signs.next().map(|sign| sign.to_ascii_uppercase());
    let first: String = first.into_iter().collect();
    format!("{first}{}.", signs.as_str())
}

#[cfg(test)]
mod tests {
    use crate::state::{
        Action, Appearance, Happening, Lesson, ProcessChange, ProcessName, Request,
    };
    use crate::ui::tests::session::{Session, broker};

    fn wanted(session: &mut Session, action: &str) {
        let action: Action = action.parse().expect("an action");
        session.later(500).happen(Happening::Do(action));
    }

    #[test]
    fn what_was_done_and_what_came_of_it_reads_as_a_lesson() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        wanted(&mut session, "lesson record mine");
        session.later(500).press('3');
        session.later(500).press('x');
        let exited = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.process(broker(3), exited);
        session.metadata(&[1, 2], [(1, 0, &[1, 2]), (2, 0, &[2, 1]), (1, 1, &[1, 2])]);
        session.later(500).press('+');
        wanted(&mut session, "stop consumer c1");
        session.process(
            ProcessName::Consumer("c1".into()),
            ProcessChange::Exited {
                code: Some(0),
                signal: None,
            },
        );
        wanted(&mut session, "lesson record");
        let written = session.requests.iter().find_map(|request| match request {
            Request::KeepLesson { name, text } => Some((name.as_str(), text.as_str())),
            _ => None,
        });
        let (name, text) = written.expect("it is written");
        assert_eq!(name, "mine");
        let lesson = Lesson::read(text).expect(text);
        let steps = lesson.steps.iter();
        let checks: Vec<String> = steps.map(|step| step.check.to_string()).collect();
        assert_eq!(
            checks,
            [
                "broker 3 down and leader orders p2 not 3",
                "stream on",
                "consumer c1 down and group billing stable members 2"
            ]
        );
        assert_eq!(lesson.steps[0].text, "Kill broker 3.");
        assert_eq!(lesson.steps[0].hint, "{kill broker 3}");
    }
}
