//! What is done with transactions, by name, and how it is done.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    ActionError, NewProducer, Request, Target, TransactionOrder, TypedRecord, verbs, waits,
};
use crate::state::{
    State,
    cluster::{Change, Process, ProcessName, Producing, Stage, Status, Told},
    story::{Subject, Tone, narrate_transaction::refused, places},
    time::duration,
};

/// What is done with a transaction of one of our producers. Where none is named, the picked one is meant, else the
/// one that was begun last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionAction {
    /// Begin one; while one of ours is open: commit it.
    BeginOrCommit,
    /// Begin one.
    Begin {
        /// The producer's transactional id. Where a producer with it has one open, another producer takes the id over.
        id: Option<String>,
        /// After so long brokers abort it.
        timeout: Option<Duration>,
    },
    /// Write a record as part of it: the next demo record, or this one.
    Produce(Option<TypedRecord>),
    /// Commit it.
    Commit(Option<String>),
    /// Abort it.
    Abort(Option<String>),
    /// SIGKILL its producer in the middle of it.
    Abandon(Option<String>),
}

/// Where nothing is said. Kafka's own default.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What librdkafka and the brokers take.
const TIMEOUT_MIN: Duration = Duration::from_secs(1);
const TIMEOUT_MAX: Duration = Duration::from_secs(15 * 60);

/// An id becomes a folder's name here.
const ID_LENGTH_MAX: usize = 64;

/// Each is a process.
const PRODUCERS_MAX: usize = 20;

const BEGIN_USAGE: &str = "txn begin [ID] [timeout 60s], as in: txn begin t1 timeout 5s; an ID is letters, digits, dots, dashes and \
     underscores, the time is from 1s to 15m";

impl TransactionAction {
    /// Those that are said without arguments.
    pub(super) const PLAIN: [Self; 6] = [
        Self::BeginOrCommit,
        Self::Begin {
            id: None,
            timeout: None,
        },
        Self::Produce(None),
        Self::Commit(None),
        Self::Abort(None),
        Self::Abandon(None),
    ];

    /// `begin t1 timeout 5s`, `commit t1`; `text` is the whole action.
    pub(super) fn parse(text: &str, words: &[&str]) -> Result<Self, ActionError> {
        let named = |name: &&str| Some((*name).to_owned());
        Ok(match words {
            ["begin", rest @ ..] => return begin(rest),
            ["produce", _, ..] => {
                let record = text.split_once("produce").map_or("", |(_, record)| record);
                Self::Produce(Some(TypedRecord::parse(record)))
            }
            ["commit", name] => Self::Commit(named(name)),
            ["abort", name] => Self::Abort(named(name)),
            ["abandon", name] => Self::Abandon(named(name)),
            _ => {
                return Err(ActionError::Arguments {
                    usage: "txn begin [ID] [timeout 60s], txn produce [KEY:VALUE], txn commit [PRODUCER], txn abort \
                            [PRODUCER] or txn abandon [PRODUCER]",
                });
            }
        })
    }
}

fn begin(words: &[&str]) -> Result<TransactionAction, ActionError> {
    let wrong = || ActionError::Arguments { usage: BEGIN_USAGE };
    let (id, rest) = match words {
        [] | ["timeout", ..] => (None, words),
        [id, rest @ ..] => (Some(*id), rest),
    };
    let timeout = match rest {
        [] => None,
        ["timeout", time] => Some(duration(time).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    let fits = |timeout: Duration| (TIMEOUT_MIN..=TIMEOUT_MAX).contains(&timeout);
    if id.is_some_and(|id| !is_id(id)) || timeout.is_some_and(|timeout| !fits(timeout)) {
        return Err(wrong());
    }
    Ok(TransactionAction::Begin {
        id: id.map(str::to_owned),
        timeout,
    })
}

fn is_id(id: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "._-".contains(sign);
    let begins = id
        .chars()
        .next()
        .is_some_and(|sign| sign.is_ascii_alphanumeric());
    begins && id.len() <= ID_LENGTH_MAX && id.chars().all(plain)
}

impl fmt::Display for TransactionAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |f: &mut fmt::Formatter<'_>, verb: &str, name: &Option<String>| match name {
            Some(name) => write!(f, "txn {verb} {name}"),
            None => write!(f, "txn {verb}"),
        };
        match self {
            Self::BeginOrCommit => f.write_str("txn"),
            Self::Begin { id, timeout } => {
                named(f, "begin", id)?;
                match timeout {
                    Some(timeout) => write!(f, " timeout {}ms", timeout.as_millis()),
                    None => Ok(()),
                }
            }
            Self::Produce(Some(record)) => write!(f, "txn produce {record}"),
            Self::Produce(None) => f.write_str("txn produce"),
            Self::Commit(name) => named(f, "commit", name),
            Self::Abort(name) => named(f, "abort", name),
            Self::Abandon(name) => named(f, "abandon", name),
        }
    }
}

/// Does it.
pub(super) fn perform(state: &mut State, action: &TransactionAction) -> Vec<Request> {
    match action {
        TransactionAction::BeginOrCommit => match state.transaction_under_way() {
            Some(name) => end(state, Some(&name), End::Commit),
            None => start(state, None, None),
        },
        TransactionAction::Begin { id, timeout } => start(state, id.as_deref(), *timeout),
        TransactionAction::Produce(record) => produce(state, record.as_ref()),
        TransactionAction::Commit(name) => end(state, name.as_deref(), End::Commit),
        TransactionAction::Abort(name) => end(state, name.as_deref(), End::Abort),
        TransactionAction::Abandon(name) => match state.producer_meant(name.as_deref()) {
            Some(name) => {
                let producer = ProcessName::Producer(name);
                verbs::each(state, &Target::Process(producer), verbs::kill)
            }
            None => nothing_open(state, name.as_deref()),
        },
    }
}

impl State {
    /// The producer that an action means which names none: the picked one, else the newest that has something under
    /// way, else the newest.
    pub(in crate::state) fn producer_meant(&self, name: Option<&str>) -> Option<String> {
        if let Some(name) = name {
            let process = ProcessName::Producer(name.to_owned());
            return self
                .cluster
                .processes
                .contains_key(&process)
                .then(|| name.to_owned());
        }
        if let ProcessName::Producer(name) = &self.view.picked {
            return Some(name.clone());
        }
        let newest = self.cluster.producers().max_by_key(|(process, producing)| {
            (
                producing.stage.is_under_way(),
                process.spawned_at,
                producing.since,
            )
        });
        newest.and_then(|(process, _)| producer(&process.name))
    }

    /// The producer meant, where its transaction is open.
    pub(in crate::state) fn open_transaction(&self) -> Option<String> {
        let name = self.producer_meant(None)?;
        let open = self.producing(&name)?.stage.is_open();
        open.then_some(name)
    }

    /// The producer meant, where its transaction is not over.
    fn transaction_under_way(&self) -> Option<String> {
        let name = self.producer_meant(None)?;
        let under_way = self.producing(&name)?.stage.is_under_way();
        under_way.then_some(name)
    }

    /// What is known of a producer's transaction.
    pub(in crate::state) fn producing(&self, name: &str) -> Option<&Producing> {
        let process = ProcessName::Producer(name.to_owned());
        self.cluster.processes.get(&process)?.producing.as_ref()
    }

    /// The producer that the next transaction is begun with, and its id.
    fn producer_for(&self, id: Option<&str>) -> (String, String) {
        let producers = || self.cluster.producers();
        let free = |process: &Process, producing: &Producing| {
            process.takes_orders() && !producing.stage.is_under_way()
        };
        let fits = |producing: &Producing| id.is_none_or(|id| id == producing.transactional_id);
        let idle =
            producers().filter(|(process, producing)| free(process, producing) && fits(producing));
        let newest = idle
            .max_by_key(|(process, producing)| (process.name == self.view.picked, producing.since));
        if let Some((process, producing)) = newest
            && let Some(name) = producer(&process.name)
        {
            return (name, producing.transactional_id.clone());
        }
        // A dead one makes room for the next of its id.
        let taken = |name: &str| {
            let process = ProcessName::Producer(name.to_owned());
            let known = self.cluster.processes.get(&process);
            known.is_some_and(|known| !known.status.is_gone())
        };
        let id = id.map(str::to_owned).or_else(|| {
            let ids = (1..).map(|number| format!("t{number}"));
            let used = |id: &String| producers().any(|(_, known)| known.transactional_id == *id);
            ids.into_iter().find(|id| !used(id))
        });
        let id = id.unwrap_or_default();
        let names = std::iter::once(id.clone()).chain((2..).map(|number| format!("{id}-{number}")));
        let name = names.into_iter().find(|name| !taken(name));
        (name.unwrap_or_default(), id)
    }
}

fn producer(name: &ProcessName) -> Option<String> {
    match name {
        ProcessName::Producer(name) => Some(name.clone()),
        _ => None,
    }
}

fn start(state: &mut State, id: Option<&str>, timeout: Option<Duration>) -> Vec<Request> {
    let (name, id) = state.producer_for(id);
    let process = ProcessName::Producer(name.clone());
    let known = state.cluster.processes.get(&process);
    let runs = known.is_some_and(|known| !known.status.is_gone());
    if known.is_none() && state.cluster.producers().count() >= PRODUCERS_MAX {
        state.message(
            format!("{PRODUCERS_MAX} producers is all this screen keeps"),
            true,
        );
        return Vec::new();
    }
    let before = state.producing(&name).map(|known| known.timeout);
    let timeout = timeout.or(before).unwrap_or(TIMEOUT);
    let now = state.now;
    let mut requests = Vec::new();
    if runs {
        let known = state.cluster.processes.get_mut(&process);
        if let Some(producing) = known.and_then(|known| known.producing.as_mut()) {
            producing.begin(timeout, now);
        }
    } else {
        let mut planned = Process::planned(process.clone(), now);
        planned.producing = Some(Producing::new(&id, timeout, now));
        state.cluster.processes.insert(process.clone(), planned);
        requests.push(Request::AddProducer(NewProducer {
            name: name.clone(),
            transactional_id: id.clone(),
        }));
    }
    let others = state.cluster.producers().filter(|(other, known)| {
        known.transactional_id == id && other.name != process && !other.status.is_gone()
    });
    let others: Vec<String> = others
        .filter_map(|(other, _)| producer(&other.name))
        .collect();
    let mut line = state.wish().say(format!("begin {name}"));
    if timeout != TIMEOUT {
        line = line.with(Tone::Dim, format!(", timeout {}", seconds(timeout)));
    }
    if !others.is_empty() {
        let words = format!(": takes the id {id} from {}", others.join(", "));
        line = line.say(words);
    }
    let line = line
        .with(Tone::Hint, "  {txn abort} aborts it")
        .about(Subject::Process(process.clone()))
        .about(Subject::Transaction(id));
    state.story.begin(line);
    state.view.picked = process.clone();
    state.view.group_row = None;
    requests.push(Request::Transact {
        producer: process,
        order: TransactionOrder::Begin { timeout },
    });
    requests
}

/// `60 s`, `1.5 s`
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// A producer whose transaction is open; who has none is told so.
fn open(state: &mut State, name: Option<&str>) -> Option<String> {
    let meant = state.producer_meant(name);
    let Some(meant) = meant else {
        nothing_open(state, name);
        return None;
    };
    let process = ProcessName::Producer(meant.clone());
    let known = state.cluster.processes.get(&process)?;
    let producing = known.producing.as_ref()?;
    let words = match (known.status, producing.stage) {
        (Status::Frozen, _) => format!("{process} is frozen: {{freeze {process}}} thaws it"),
        (_, Stage::Left) => format!(
            "{process} left its transaction open: brokers abort it when its time is up, {{txn}} begins another"
        ),
        (_, Stage::Committing) => format!("{meant} is being committed"),
        (_, Stage::Aborting) => format!("{meant} is being aborted"),
        (_, Stage::Beginning | Stage::Open) => return Some(meant),
        _ => format!("{meant} has no transaction open: {{txn}} begins one"),
    };
    state.message(words, false);
    None
}

fn nothing_open(state: &mut State, name: Option<&str>) -> Vec<Request> {
    let words = match name {
        Some(name) => format!("there is no producer {name}: {{txn}} begins a transaction"),
        None => "no transaction is open: {txn} begins one".to_owned(),
    };
    state.message(words, false);
    Vec::new()
}

fn produce(state: &mut State, record: Option<&TypedRecord>) -> Vec<Request> {
    let Some(name) = open(state, None) else {
        return Vec::new();
    };
    let record = match record {
        Some(record) => state.record_of(record),
        None => state.next_demo_record(),
    };
    let process = ProcessName::Producer(name);
    let known = state.cluster.processes.get_mut(&process);
    if let Some(producing) = known.and_then(|known| known.producing.as_mut()) {
        producing.under_way += 1;
    }
    vec![Request::Transact {
        producer: process,
        order: TransactionOrder::Send(record),
    }]
}

/// The two ways to end a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Abort,
}

fn end(state: &mut State, name: Option<&str>, how: End) -> Vec<Request> {
    let Some(name) = open(state, name) else {
        return Vec::new();
    };
    let (verb, enters, order) = match how {
        End::Commit => ("commit", Stage::Committing, TransactionOrder::Commit),
        End::Abort => ("abort", Stage::Aborting, TransactionOrder::Abort),
    };
    let process = ProcessName::Producer(name.clone());
    let holds = state.producing(&name).map(|known| holds(state, known));
    let id = state
        .producing(&name)
        .map(|known| known.transactional_id.clone());
    let id = id.unwrap_or_else(|| name.clone());
    let now = state.now;
    let known = state.cluster.processes.get_mut(&process);
    if let Some(producing) = known.and_then(|known| known.producing.as_mut()) {
        producing.enter(enters, now);
    }
    let line = state
        .wish()
        .say(format!("{verb} {name}"))
        .with(Tone::Dim, format!(" ({})", holds.unwrap_or_default()))
        .about(Subject::Process(process.clone()))
        .about(Subject::Transaction(id));
    state.story.begin(line);
    vec![Request::Transact {
        producer: process,
        order,
    }]
}

/// A producer could not do what it was told: whoever told it hears so.
pub(in crate::state) fn step_refused(state: &mut State, told: &Told) -> Vec<Request> {
    let Change::TransactionRefused { step, error, .. } = &told.change else {
        return Vec::new();
    };
    let why = format!("{} {}", told.by, refused(*step, error));
    state.message(why.clone(), true);
    waits::answer_oldest(state, Some(why))
}

/// `3 records on p0 p1`
pub(super) fn holds(state: &State, producing: &Producing) -> String {
    let count = producing.written() + producing.under_way;
    let at: Vec<_> = producing.records.keys().cloned().collect();
    let records = match count {
        0 => return "no records".to_owned(),
        1 => "1 record".to_owned(),
        count => format!("{count} records"),
    };
    if at.is_empty() {
        return records;
    }
    format!("{records} on {}", places(state.home_topic(), &at))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{TransactionAction, TypedRecord};
    use crate::state::{
        Action, Appearance, ClusterAction, Happening, ProcessName, Request, Stage, TransactionOrder,
    };
    use crate::ui::tests::session::Session;
    use wire::report::{Report, TransactionStep};

    fn wanted(session: &mut Session, words: &str) -> Vec<Request> {
        let action: Action = words.parse().expect(words);
        session.happen(Happening::Do(action))
    }

    fn producer(name: &str) -> ProcessName {
        ProcessName::Producer(name.into())
    }

    fn stage(session: &Session, name: &str) -> Stage {
        session.state.producing(name).expect(name).stage
    }

    fn said(session: &Session) -> String {
        let message = session.state.view.message.as_ref();
        message.map_or_else(String::new, |message| message.text.clone())
    }

    fn stepped(session: &mut Session, name: &str, step: TransactionStep) {
        session
            .later(5)
            .report(producer(name), Report::Transaction { step });
    }

    #[test]
    fn words_read_back_and_wrong_ones_are_named() {
        let of = |action| Action::Cluster(ClusterAction::Transaction(action));
        let begin = TransactionAction::Begin {
            id: Some("t2".into()),
            timeout: Some(Duration::from_secs(5)),
        };
        assert_eq!("txn begin t2 timeout 5s".parse(), Ok(of(begin.clone())));
        assert_eq!(of(begin.clone()).to_string().parse(), Ok(of(begin)));
        let tea = TypedRecord {
            partition: Some(1),
            key: "amy".into(),
            value: "two words".into(),
        };
        let tea = of(TransactionAction::Produce(Some(tea)));
        assert_eq!("txn produce p1 amy:two words".parse(), Ok(tea.clone()));
        assert_eq!(tea.to_string().parse(), Ok(tea));
        for wrong in [
            "txn begin ../t1",
            "txn begin t1 timeout 500ms",
            "txn begin t1 timeout 16m",
            "txn begin t1 t2",
            "txn end",
        ] {
            let error = wrong.parse::<Action>().expect_err(wrong).to_string();
            assert!(error.starts_with("txn begin [ID]"), "{error}");
        }
    }

    #[test]
    fn a_transaction_is_begun_written_and_ended_by_one_producer() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        let begun = session.press('T');
        assert!(matches!(
            begun.as_slice(),
            [Request::AddProducer(new), Request::Transact { order: TransactionOrder::Begin { .. }, .. }, ..]
                if new.transactional_id == "t1"
        ));
        stepped(&mut session, "t1", TransactionStep::Began);
        let sent = session.later(1000).press('p');
        assert!(matches!(
            sent.as_slice(),
            [
                Request::Transact {
                    order: TransactionOrder::Send(_),
                    ..
                },
                ..
            ]
        ));
        session.later(1000).press('T');
        assert_eq!(stage(&session, "t1"), Stage::Committing);
        session.later(1000).press('T');
        assert_eq!(said(&session), "t1 is being committed");
        stepped(&mut session, "t1", TransactionStep::Committed);
        session.later(1000).press('U');
        assert!(
            said(&session).contains("no transaction open: T begins one"),
            "{}",
            said(&session)
        );
        let plain = session.later(1000).press('p');
        assert!(matches!(plain.as_slice(), [Request::Produce(_)]));
        let again = session.later(1000).press('T');
        assert!(
            matches!(again.as_slice(), [Request::Transact { .. }, ..]),
            "{again:?}"
        );
    }

    #[test]
    fn a_second_producer_takes_the_id_of_one_that_is_busy() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        wanted(&mut session, "txn begin t1");
        stepped(&mut session, "t1", TransactionStep::Began);
        let begun = wanted(&mut session, "txn begin t1 timeout 5s");
        assert!(matches!(
            begun.first(),
            Some(Request::AddProducer(new)) if new.name == "t1-2" && new.transactional_id == "t1"
        ));
        let told = session.state.story.entries().back().expect("a line");
        assert!(told.says("takes the id t1 from t1"), "{told:?}");
        stepped(&mut session, "t1-2", TransactionStep::Began);
        wanted(&mut session, "txn commit t1");
        session.later(5).report(
            producer("t1"),
            Report::TransactionRefused {
                step: TransactionStep::Committed,
                error: "fenced".into(),
                fatal: true,
            },
        );
        assert_eq!(stage(&session, "t1"), Stage::Left);
        assert!(
            said(&session).contains("cannot commit: fenced"),
            "{}",
            said(&session)
        );
        assert_eq!(stage(&session, "t1-2"), Stage::Open);
    }

    #[test]
    fn who_is_killed_in_the_middle_leaves_its_transaction_open() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        wanted(&mut session, "txn begin t1");
        session.spawned(producer("t1"), 4171, None);
        assert_eq!(
            stage(&session, "t1"),
            Stage::Beginning,
            "it is told when it is there"
        );
        session.ready(producer("t1"), 0);
        stepped(&mut session, "t1", TransactionStep::Began);
        let killed = session.later(1000).press('x');
        assert_eq!(killed, [Request::Kill(producer("t1"))]);
        let exited = crate::state::ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.process(producer("t1"), exited);
        assert_eq!(stage(&session, "t1"), Stage::Left);
        let healed = wanted(&mut session, "heal");
        let starts = |request: &Request| matches!(request, Request::Start(_));
        assert!(!healed.iter().any(starts), "{healed:?}");
    }
}
