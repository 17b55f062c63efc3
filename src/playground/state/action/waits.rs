//! What somebody waits for: conditions with their time, asked here or from another shell.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Action, ClusterAction, Request, TransactionAction,
    condition::{
        Amount, Baseline, Being, Compare, Condition, Existence, Places, Predicate, TransactionEnd,
        Wanted, Which, Who,
    },
    with_names,
};
use crate::state::{
    State, Timestamp,
    cluster::{Observation, ProcessName, Stage},
    story::{Hand, Line, Tone},
};
use wire::control::Answer;

/// Waits at a time; more are refused.
const WAITS_MAX: usize = 64;

/// Marks that are kept at a time; more are refused.
const MARKS_MAX: usize = 64;

/// For how long the screen waits where nothing else is said.
const SCREEN_WAITS: Duration = Duration::from_secs(30);

/// Everything that is waited for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Waits {
    list: Vec<Wait>,
    /// How things were when somebody asked to remember it, by the name they gave.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    marks: BTreeMap<String, Baseline>,
    /// How what the lesson did last ended, until it asks.
    lesson_did: Option<Result<String, String>>,
}

/// One thing that is waited for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wait {
    asker: Asker,
    until: Until,
    /// What a failure would be told of: an action that the cluster may refuse.
    may_be_refused: bool,
    began: Timestamp,
    within: Duration,
}

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Asker {
    /// The person at the screen.
    Screen,
    /// Another shell, by the number of its question.
    Shell(u64),
    /// The lesson that is open, until what it does is there.
    Lesson,
}

/// What ends a wait.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Until {
    /// A condition that holds, once these processes are no longer as they were when the wait began.
    Holds {
        condition: Condition,
        since: Box<Baseline>,
        changed: Vec<ProcessName>,
    },
    /// The cluster's answer to what was asked of it.
    Answered,
}

impl Waits {
    /// When the next one ends unanswered.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let deadlines = self.list.iter().map(|wait| wait.began.plus(wait.within));
        deadlines.min()
    }

    /// Whether something that the lesson did is not there yet.
    pub(in crate::state) fn is_for_lesson(&self) -> bool {
        self.list.iter().any(|wait| wait.asker == Asker::Lesson)
    }

    /// How what the lesson did last ended; told once.
    pub(in crate::state) fn take_for_lesson(&mut self) -> Option<Result<String, String>> {
        self.lesson_did.take()
    }

    /// The topics whose offsets and records are asked for.
    pub(in crate::state) fn topics(&self) -> impl Iterator<Item = &str> {
        self.list.iter().flat_map(|wait| match &wait.until {
            Until::Holds { condition, .. } => condition.topics(),
            Until::Answered => Vec::new(),
        })
    }
}

/// The person at the screen waits for something.
pub(in crate::state) fn wait(state: &mut State, wanted: &Wanted) -> Vec<Request> {
    let line = state.wish().say(format!("wait {}", wanted.condition));
    state.story.begin(line);
    let within = wanted.within.unwrap_or(SCREEN_WAITS);
    let since = Baseline::of(&state.cluster);
    let until = holds(wanted.condition.clone(), since);
    if !begin(state, Asker::Screen, until, within, false) {
        state.message(format!("{WAITS_MAX} waits are open already"), true);
    }
    Vec::new()
}

/// Another shell waits for a condition.
pub(in crate::state) fn wait_for_shell(
    state: &mut State,
    number: u64,
    wanted: Wanted,
    within: Duration,
    mark: Option<&str>,
) -> Option<Answer> {
    let within = wanted.within.unwrap_or(within);
    let since = match mark {
        None => Baseline::of(&state.cluster),
        Some(mark) => {
            let Some(since) = state.waits.marks.get(mark) else {
                let why = format!("nothing was marked as \"{mark}\"");
                return Some(Answer::Wrong { why });
            };
            since.clone()
        }
    };
    let until = holds(wanted.condition, since);
    (!begin(state, Asker::Shell(number), until, within, false)).then(full)
}

/// Remembers how things are now; what a name stood for before is forgotten.
pub(in crate::state) fn keep_mark(state: &mut State, mark: &str) -> Answer {
    let marks = &mut state.waits.marks;
    if marks.len() >= MARKS_MAX && !marks.contains_key(mark) {
        return Answer::Fails {
            after_ms: 0,
            why: format!("{MARKS_MAX} marks are kept already"),
        };
    }
    marks.insert(mark.to_owned(), Baseline::of(&state.cluster));
    Answer::Holds {
        after_ms: 0,
        seen: String::new(),
    }
}

fn full() -> Answer {
    Answer::Fails {
        after_ms: 0,
        why: format!("{WAITS_MAX} waits are open already"),
    }
}

/// How things were before something is done that another shell will wait for.
pub(in crate::state) struct Before {
    aimed: Vec<ProcessName>,
    known: Vec<ProcessName>,
    since: Baseline,
}

impl Before {
    /// As they are now.
    pub fn doing(state: &State, action: &Action) -> Self {
        // Whoever chance will choose is known now: it chooses by the time.
        let settled = state.settled(action).ok();
        let action = settled.as_ref().unwrap_or(action);
        let aimed = action.aim().map(|(_, target)| state.aimed(target));
        Self {
            aimed: aimed.unwrap_or_default(),
            known: state.cluster.processes.keys().cloned().collect(),
            since: Baseline::of(&state.cluster),
        }
    }
}

/// Another shell waits until what was done for it is there; the answer, where there is nothing to wait for.
pub(in crate::state) fn wait_until_done(
    state: &mut State,
    number: u64,
    action: &Action,
    before: Before,
    within: Duration,
) -> Option<Answer> {
    let Some(until) = until_done(state, action, before) else {
        return Some(Answer::Holds {
            after_ms: 0,
            seen: String::new(),
        });
    };
    (!begin(state, Asker::Shell(number), until, within, true)).then(full)
}

/// The lesson waits until what it did is there; it does the next thing then.
pub(in crate::state) fn wait_for_lesson(state: &mut State, action: &Action, before: Before) {
    if let Some(until) = until_done(state, action, before) {
        begin(state, Asker::Lesson, until, SCREEN_WAITS, true);
    }
}

/// What ends a wait for what was done; `None`: nothing, it is there.
fn until_done(state: &State, action: &Action, before: Before) -> Option<Until> {
    let begun = state.cluster.processes.keys();
    let begun: Vec<ProcessName> = begun
        .filter(|name| !before.known.contains(name))
        .cloned()
        .collect();
    match done_when(state, action, before.aimed, &begun) {
        Done::Now => None,
        Done::Answered => Some(Until::Answered),
        Done::When(condition, changed) => Some(Until::Holds {
            condition,
            since: Box::new(before.since),
            changed,
        }),
    }
}

/// When an action is done.
enum Done {
    /// As soon as it is begun.
    Now,
    /// When the cluster has answered.
    Answered,
    /// When this holds, and these processes are no longer what they were.
    When(Condition, Vec<ProcessName>),
}

fn done_when(
    state: &State,
    action: &Action,
    aimed: Vec<ProcessName>,
    begun: &[ProcessName],
) -> Done {
    let all_are = |processes: &[ProcessName], being: Being| {
        let each = processes
            .iter()
            .map(|name| Condition::Is(Predicate::Process(which(name), being)));
        Condition::All(each.collect())
    };
    let Action::Cluster(action) = action else {
        return Done::Now;
    };
    match action {
        ClusterAction::Kill(_) | ClusterAction::Stop(_) => {
            Done::When(all_are(&aimed, Being::Down), Vec::new())
        }
        ClusterAction::Freeze(_) => Done::When(all_are(&aimed, Being::Frozen), Vec::new()),
        ClusterAction::Thaw(_) => Done::When(all_are(&aimed, Being::Up), Vec::new()),
        ClusterAction::Start(_) | ClusterAction::Restart(_) => {
            Done::When(all_are(&aimed, Being::Up), aimed)
        }
        ClusterAction::Heal => {
            let servers: Vec<ProcessName> = state
                .cluster
                .servers()
                .map(|process| process.name.clone())
                .collect();
            Done::When(all_are(&servers, Being::Up), Vec::new())
        }
        ClusterAction::AddBroker | ClusterAction::AddConsumer(_) | ClusterAction::AddGroup => {
            Done::When(all_are(begun, Being::Up), Vec::new())
        }
        ClusterAction::Produce(_) => one_more_acked(),
        ClusterAction::Transaction(action) => transaction_done_when(state, action),
        // What is there cannot be made: the cluster says so.
        ClusterAction::CreateTopic(Some((name, ..))) if state.cluster.topics.contains_key(name) => {
            Done::Answered
        }
        ClusterAction::CreateTopic(Some((name, ..))) => {
            let places = Places {
                topic: name.clone(),
                partition: None,
            };
            let led = Condition::Is(Predicate::Leader(places, Who::Anybody));
            Done::When(led, Vec::new())
        }
        ClusterAction::DeleteTopic(name) => {
            let gone = Predicate::Topic(name.clone(), Existence::Gone);
            Done::When(Condition::Is(gone), Vec::new())
        }
        ClusterAction::SetConfig(_)
        | ClusterAction::DeleteGroup(_)
        | ClusterAction::SpreadPartitions
        | ClusterAction::ElectLeaders => Done::Answered,
        ClusterAction::Compose
        | ClusterAction::CreateTopic(None)
        | ClusterAction::Delete
        | ClusterAction::Acks(_)
        | ClusterAction::JoinBy(_)
        | ClusterAction::Reconnect
        | ClusterAction::Stream(_)
        | ClusterAction::StreamInto(..)
        | ClusterAction::StreamFaster
        | ClusterAction::StreamSlower
        | ClusterAction::RewindGroup(_)
        | ClusterAction::Wait(_) => Done::Now,
    }
}

fn one_more_acked() -> Done {
    let one_more = Amount {
        compare: Compare::AtLeast,
        number: 1,
        more: true,
    };
    let acked = Predicate::Count(super::condition::Counted::Acked, one_more);
    Done::When(Condition::Is(acked), Vec::new())
}

/// A step of a transaction is done when the producer tells so. It was begun already: who commits is known.
fn transaction_done_when(state: &State, action: &TransactionAction) -> Done {
    let named = match action {
        TransactionAction::Produce(_) => return one_more_acked(),
        // The one that was begun is picked.
        TransactionAction::BeginOrCommit | TransactionAction::Begin { .. } => None,
        TransactionAction::Commit(name)
        | TransactionAction::Abort(name)
        | TransactionAction::Abandon(name) => name.as_deref(),
    };
    let Some(name) = state.producer_meant(named) else {
        return Done::Now;
    };
    let end = match state.producing(&name).map(|known| known.stage) {
        _ if matches!(action, TransactionAction::Abandon(_)) => {
            Predicate::Process(Which::Producer(name), Being::Down)
        }
        Some(Stage::Committing) => Predicate::Transaction(name, TransactionEnd::Committed),
        Some(Stage::Aborting) => Predicate::Transaction(name, TransactionEnd::Aborted),
        Some(Stage::Beginning) => Predicate::Transaction(name, TransactionEnd::Open),
        _ => return Done::Now,
    };
    Done::When(Condition::Is(end), Vec::new())
}

fn which(process: &ProcessName) -> Which {
    match process {
        ProcessName::ZooKeeper => Which::ZooKeeper,
        ProcessName::Broker(id) => Which::Broker(*id),
        ProcessName::Consumer(name) => Which::Consumer(name.clone()),
        ProcessName::Producer(name) => Which::Producer(name.clone()),
    }
}

fn holds(condition: Condition, since: Baseline) -> Until {
    Until::Holds {
        condition,
        since: Box::new(since),
        changed: Vec::new(),
    }
}

fn begin(
    state: &mut State,
    asker: Asker,
    until: Until,
    within: Duration,
    may_be_refused: bool,
) -> bool {
    if state.waits.list.len() >= WAITS_MAX {
        return false;
    }
    state.waits.list.push(Wait {
        asker,
        until,
        may_be_refused,
        began: state.now,
        within,
    });
    true
}

/// The cluster answered what it was asked: the oldest who waits for an answer has it.
pub(in crate::state) fn answered(state: &mut State, seen: &Observation) -> Vec<Request> {
    let refused = match seen {
        Observation::Done { .. } => None,
        Observation::Failed { why } => Some(why.clone()),
        _ => return Vec::new(),
    };
    answer_oldest(state, refused)
}

/// What was asked for was done, or could not be for this reason: whoever waits for it longest has the answer.
pub(in crate::state) fn answer_oldest(state: &mut State, refused: Option<String>) -> Vec<Request> {
    let meant = state.waits.list.iter().position(|wait| match &refused {
        None => matches!(wait.until, Until::Answered),
        Some(_) => wait.may_be_refused,
    });
    let Some(index) = meant else {
        return Vec::new();
    };
    let wait = state.waits.list.remove(index);
    let told = |why: String| match wait.asker {
        Asker::Shell(_) => with_names(&why),
        Asker::Screen | Asker::Lesson => state.view.fill(&why),
    };
    let outcome = refused.map_or(Ok(String::new()), |why| Err(told(why)));
    tell(state, &wait, outcome).into_iter().collect()
}

/// Looks what holds by now, and whose time is over.
pub(in crate::state) fn look(state: &mut State) -> Vec<Request> {
    if state.waits.list.is_empty() {
        return Vec::new();
    }
    let mut requests = Vec::new();
    let mut open = Vec::new();
    for wait in std::mem::take(&mut state.waits.list) {
        let over = state.now.since(wait.began) >= wait.within;
        let (holds, seen) = wait.look(state);
        if holds {
            requests.extend(tell(state, &wait, Ok(seen)));
        } else if over {
            requests.extend(tell(state, &wait, Err(seen)));
        } else {
            open.push(wait);
        }
    }
    // What was begun meanwhile comes after those that were open.
    open.append(&mut state.waits.list);
    state.waits.list = open;
    requests
}

impl Wait {
    fn look(&self, state: &State) -> (bool, String) {
        match &self.until {
            Until::Answered => (false, "the cluster has not answered".to_owned()),
            Until::Holds {
                condition,
                since,
                changed,
            } => {
                let verdict = condition.check(state, since);
                let fresh = changed.iter().all(|name| {
                    let process = state.cluster.processes.get(name);
                    process.is_some_and(|process| process.since > self.began)
                });
                (verdict.holds && fresh, verdict.seen)
            }
        }
    }
}

/// Tells whoever waited how it ended.
fn tell(state: &mut State, wait: &Wait, outcome: Result<String, String>) -> Option<Request> {
    let after = state.now.since(wait.began);
    let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    match wait.asker {
        Asker::Shell(number) => {
            let answer = match outcome {
                Ok(seen) => Answer::Holds { after_ms, seen },
                Err(why) => Answer::Fails { after_ms, why },
            };
            Some(Request::Answer { number, answer })
        }
        Asker::Lesson => {
            state.waits.lesson_did = Some(outcome);
            None
        }
        Asker::Screen => {
            let Until::Holds { condition, .. } = &wait.until else {
                return None;
            };
            let seconds = after.as_secs_f64();
            let (tone, words) = match outcome {
                Ok(seen) => (
                    Tone::Good,
                    format!("{condition}: holds after {seconds:.2} s ({seen})"),
                ),
                Err(seen) => (
                    Tone::Bad,
                    format!("{condition}: does not hold after {seconds:.2} s ({seen})"),
                ),
            };
            let line = Line::new(state.now, Hand::Kafkarium).with(tone, words.clone());
            state.story.begin(line);
            state.message(words, tone == Tone::Bad);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::state::{Hand, Happening, Observation, ProcessChange, ProcessName, Request};
    use crate::ui::tests::session::{Session, ready};
    use wire::BrokerId;
    use wire::control::{Answer, Asker, Question};

    fn ask(session: &mut Session, number: u64, question: Question) {
        session.happen(Happening::Asked(number, question));
    }

    fn action(words: &str) -> Question {
        Question::Do {
            action: words.into(),
            timeout_ms: 5000,
            by: Asker::Shell,
        }
    }

    fn answers(session: &Session) -> Vec<(u64, Answer)> {
        let requests = session.requests.iter();
        requests
            .filter_map(|request| match request {
                Request::Answer { number, answer } => Some((*number, answer.clone())),
                _ => None,
            })
            .collect()
    }

    fn killed(session: &mut Session, broker: i32) {
        session.see(Observation::Process {
            process: ProcessName::Broker(BrokerId(broker)),
            change: ProcessChange::Exited {
                code: None,
                signal: Some(9),
            },
        });
    }

    #[test]
    fn another_shell_is_answered_once_what_it_asked_for_is_there() {
        let mut session = ready((120, 36));
        ask(&mut session, 7, action("kill broker 2"));
        assert_eq!(answers(&session), []);
        session.later(40);
        killed(&mut session, 2);
        let [(7, Answer::Holds { after_ms, seen })] = &answers(&session)[..] else {
            panic!("{:?}", answers(&session));
        };
        assert!(*after_ms >= 40);
        assert_eq!(seen, "broker 2 is down");
        let root = session
            .state
            .story
            .entries()
            .iter()
            .rev()
            .find(|entry| entry.depth == 0);
        assert_eq!(root.expect("a line").hand, Hand::Shell);
    }

    #[test]
    fn what_is_refused_is_answered_at_once_and_in_the_words_of_the_screen() {
        let mut session = ready((120, 36));
        ask(&mut session, 1, action("kill broker 9"));
        ask(&mut session, 2, action("explode"));
        ask(
            &mut session,
            3,
            Question::Wait {
                condition: "isr orders".into(),
                timeout_ms: 1,
                since: None,
            },
        );
        let answers = answers(&session);
        assert_eq!(
            answers[0],
            (
                1,
                Answer::Fails {
                    after_ms: 0,
                    why: "there is no broker 9".into()
                }
            )
        );
        for (number, answer) in &answers[1..] {
            assert!(
                matches!(answer, Answer::Wrong { .. }),
                "{number}: {answer:?}"
            );
        }
    }

    #[test]
    fn a_wait_ends_with_what_was_seen_instead() {
        let mut session = ready((120, 36));
        ask(
            &mut session,
            4,
            Question::Wait {
                condition: "isr orders 2".into(),
                timeout_ms: 500,
                since: None,
            },
        );
        let deadline = session.state.waits.next_deadline().expect("it waits");
        assert_eq!(
            deadline.since(session.state.now),
            Duration::from_millis(500)
        );
        session.later(501);
        session.happen(Happening::Tick);
        let [(4, Answer::Fails { why, .. })] = &answers(&session)[..] else {
            panic!("{:?}", answers(&session));
        };
        assert_eq!(why, "isr of orders: p0 3, p1 3, p2 3");
        assert!(session.state.waits.next_deadline().is_none());
    }

    #[test]
    fn a_wait_can_count_from_a_mark_that_was_set_before_the_deed() {
        let mut session = ready((120, 36));
        let mark = |name: &str| Question::Mark { mark: name.into() };
        let wait = |mark: &str| Question::Wait {
            condition: "acked 2 more".into(),
            timeout_ms: 0,
            since: Some(mark.into()),
        };
        ask(&mut session, 1, mark("step"));
        let mut produced = session.state.cluster.produced.clone();
        produced.acked += 2;
        session.see(Observation::Produced(produced));
        ask(&mut session, 2, wait("step"));
        ask(&mut session, 3, mark("step"));
        ask(&mut session, 4, wait("step"));
        ask(&mut session, 5, wait("other"));
        session.happen(Happening::Tick);
        let answers = answers(&session);
        let of = |number| answers.iter().find(|(known, _)| *known == number);
        assert!(matches!(of(1), Some((_, Answer::Holds { .. }))));
        assert!(matches!(of(2), Some((_, Answer::Holds { .. }))));
        assert!(matches!(of(4), Some((_, Answer::Fails { .. }))));
        assert_eq!(
            of(5),
            Some(&(
                5,
                Answer::Wrong {
                    why: "nothing was marked as \"other\"".into()
                }
            ))
        );
        for number in 0..100 {
            ask(&mut session, 100 + number, mark(&format!("mark {number}")));
        }
        let (_, last) = last_answer(&session);
        assert!(matches!(last, Answer::Fails { .. }), "marks have a bound");
    }

    fn last_answer(session: &Session) -> (u64, Answer) {
        answers(session).pop().expect("an answer")
    }

    #[test]
    fn what_is_done_is_told_under_the_name_of_who_asked() {
        let mut session = ready((120, 36));
        let restart = Question::Do {
            action: "restart broker 2".into(),
            timeout_ms: 5000,
            by: Asker::Scenario,
        };
        ask(&mut session, 1, restart);
        let entries = session.state.story.entries();
        let root = entries.iter().rev().find(|entry| entry.depth == 0);
        assert_eq!(root.expect("a line").hand, Hand::Scenario);
    }

    #[test]
    fn a_topic_that_is_there_already_is_not_said_to_be_made() {
        let mut session = ready((120, 36));
        ask(&mut session, 5, action("topic create orders 3 3"));
        assert_eq!(answers(&session), [], "the cluster is asked");
        session.see(Observation::Failed {
            why: "TOPIC_ALREADY_EXISTS. {broker add} adds a broker".into(),
        });
        let [(5, Answer::Fails { why, .. })] = &answers(&session)[..] else {
            panic!("{:?}", answers(&session));
        };
        // Another shell has no keys.
        assert_eq!(why, "TOPIC_ALREADY_EXISTS. broker add adds a broker");
        ask(&mut session, 6, action("start broker 2"));
        let (_, answer) = last_answer(&session);
        let Answer::Fails { why, .. } = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(why, "broker 2 is up: restart broker 2 restarts it");
    }

    #[test]
    fn who_is_chosen_by_chance_is_waited_for() {
        let mut session = ready((120, 36));
        ask(&mut session, 5, action("kill random"));
        assert_eq!(answers(&session), [], "it is not dead yet");
        let killed = session.requests.iter().find_map(|request| match request {
            Request::Kill(process) => Some(process.clone()),
            _ => None,
        });
        let exited = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.process(killed.expect("one is killed"), exited);
        session.happen(Happening::Tick);
        assert!(matches!(last_answer(&session), (5, Answer::Holds { .. })));
    }

    #[test]
    fn the_cluster_s_refusal_is_the_answer() {
        let mut session = ready((120, 36));
        ask(&mut session, 5, action("config orders retention.ms 60000"));
        session.see(Observation::Failed {
            why: "INVALID_CONFIG".into(),
        });
        let [(5, Answer::Fails { why, .. })] = &answers(&session)[..] else {
            panic!("{:?}", answers(&session));
        };
        assert_eq!(why, "INVALID_CONFIG");
    }
}
