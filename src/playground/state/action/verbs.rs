//! The verbs that reach a process: kill, stop, freeze, thaw, start, restart, heal.

use std::time::Duration;

use super::{
    ClusterAction, Request, Target, perform::elect_leaders, several::start_again,
    transaction_action::holds,
};
use crate::state::{
    State,
    cluster::{Intent, Partition, Process, ProcessName, Status},
    story::{Subject, Tone, places},
};

/// Does one verb to one process.
type Verb = fn(&mut State, &Process) -> Option<Request>;

/// Does a verb to each process that a target means.
pub(in crate::state) fn each(state: &mut State, target: &Target, verb: Verb) -> Vec<Request> {
    let mut requests = Vec::new();
    for name in state.aimed(target) {
        match state.cluster.processes.get(&name).cloned() {
            Some(process) => requests.extend(verb(state, &process)),
            None => state.message(format!("there is no {name}"), true),
        }
    }
    requests
}

/// SIGKILL.
pub(in crate::state) fn kill(state: &mut State, process: &Process) -> Option<Request> {
    if !alive(state, process) {
        return None;
    }
    intend(state, process, Intent::Kill);
    begin(state, process, "kill -9 ", "", ("start", "starts it"));
    Some(Request::Kill(process.name.clone()))
}

/// SIGTERM.
pub(in crate::state) fn stop(state: &mut State, process: &Process) -> Option<Request> {
    if !alive(state, process) {
        return None;
    }
    if process.status == Status::Frozen {
        let name = &process.name;
        state.message(
            format!("{name} is frozen: {{freeze {name}}} thaws it first"),
            false,
        );
        return None;
    }
    intend(state, process, Intent::Stop);
    let how = match process.name {
        ProcessName::Consumer(_) => ": it leaves its group",
        ProcessName::Producer(_) if is_open(process) => ": it aborts what is open",
        _ => "",
    };
    begin(state, process, "stop ", how, ("start", "starts it"));
    Some(Request::Stop(process.name.clone()))
}

/// SIGSTOP, or SIGCONT where that was sent before.
pub(in crate::state) fn freeze(state: &mut State, process: &Process) -> Option<Request> {
    if process.status == Status::Frozen {
        return thaw(state, process);
    }
    if !alive(state, process) {
        return None;
    }
    begin(state, process, "freeze ", "", ("freeze", "thaws it"));
    Some(Request::Freeze(process.name.clone()))
}

/// SIGCONT.
pub(in crate::state) fn thaw(state: &mut State, process: &Process) -> Option<Request> {
    if process.status != Status::Frozen {
        state.message(format!("{} is not frozen", process.name), false);
        return None;
    }
    begin(state, process, "thaw ", "", ("freeze", "freezes it"));
    Some(Request::Thaw(process.name.clone()))
}

/// Starts what is gone.
pub(in crate::state) fn start(state: &mut State, process: &Process) -> Option<Request> {
    let name = &process.name;
    match process.status {
        Status::Frozen => {
            state.message(
                format!("{name} is frozen: {{freeze {name}}} thaws it"),
                false,
            );
            return None;
        }
        Status::Up => {
            state.message(
                format!("{name} is up: {{restart {name}}} restarts it"),
                false,
            );
            return None;
        }
        status if !status.is_gone() => {
            state.message(format!("{name} is on its way"), false);
            return None;
        }
        _ => {}
    }
    let line = state
        .wish()
        .say(format!("start {name} again"))
        .with(Tone::Hint, format!("  {{kill {name}}} kills it"))
        .about(Subject::Process(name.clone()));
    state.story.begin(line);
    if let Some(known) = state.cluster.processes.get_mut(name) {
        known.start_again(state.now);
    }
    Some(Request::Start(name.clone()))
}

/// Stops and starts what runs.
pub(in crate::state) fn restart(state: &mut State, process: &Process) -> Option<Request> {
    if process.status.is_gone() {
        return start(state, process);
    }
    if !alive(state, process) {
        return None;
    }
    intend(state, process, Intent::Stop);
    begin(state, process, "restart ", "", ("kill", "kills it"));
    Some(Request::Restart(process.name.clone()))
}

/// Starts everything that did not end on purpose, thaws everything that is frozen; preferred leaders
/// are elected when their brokers have caught up.
pub(in crate::state) fn heal(state: &mut State) -> Vec<Request> {
    let mut requests = start_again(state);
    let processes: Vec<Process> = state.cluster.processes.values().cloned().collect();
    for process in &processes {
        let consumer = matches!(process.name, ProcessName::Consumer(_));
        let producer = matches!(process.name, ProcessName::Producer(_));
        match process.status {
            Status::Frozen => requests.extend(thaw(state, process)),
            Status::Stopped if consumer => {}
            // It would end transactions: who takes an id aborts what is open under it.
            status if producer && status.is_gone() => {}
            status if status.is_gone() => requests.extend(start(state, process)),
            _ => {}
        }
    }
    state.healing = !requests.is_empty() || state.cluster.any_astray();
    if !state.healing {
        state.message("all processes are up, every preferred leader leads", false);
    } else if requests.is_empty() {
        state.message(
            "preferred leaders are elected as soon as they are in sync",
            false,
        );
    }
    requests
}

/// Elects preferred leaders once all brokers are back in sync after a healing.
pub(in crate::state) fn heal_further(state: &mut State) -> Vec<Request> {
    if !state.healing {
        return Vec::new();
    }
    let (up, all) = state.cluster.brokers_up();
    let topics = state.cluster.topics.values();
    let mut partitions = topics.flat_map(|topic| &topic.partitions);
    let lost_its_session = state
        .cluster
        .brokers()
        .any(|broker| broker.session_expired.is_some());
    if up < all || lost_its_session || partitions.any(Partition::under_replicated) {
        return Vec::new();
    }
    if state.cluster.any_astray() {
        state.healing = false;
        state.view.command = state.command_of(&ClusterAction::ElectLeaders);
        return elect_leaders(state);
    }
    // Who was frozen for long finds out later that others lead now.
    let fresh = |broker: &Process| state.now.since(broker.since) < FINDS_OUT_WITHIN;
    state.healing = state.cluster.brokers().any(fresh);
    Vec::new()
}

/// A broker that is up again has its session and knows who leads after so long.
const FINDS_OUT_WITHIN: Duration = Duration::from_secs(3);

/// Whether a signal can reach it.
pub(super) fn alive_now(process: &Process) -> bool {
    process.status.is_running() && process.pid.is_some()
}

/// Whether a verb can reach it; says so if not.
fn alive(state: &mut State, process: &Process) -> bool {
    let name = &process.name;
    let alive = alive_now(process);
    if process.status.is_gone() {
        state.message(
            format!("{name} is dead already: {{start {name}}} starts it again"),
            false,
        );
    } else if !alive {
        state.message(format!("{name} is not there yet"), false);
    }
    alive
}

fn intend(state: &mut State, process: &Process, intent: Intent) {
    if let Some(known) = state.cluster.processes.get_mut(&process.name) {
        known.intent = Some(intent);
        if intent == Intent::Stop {
            known.status = Status::Stopping;
        }
    }
}

/// Whether it is a producer in the middle of its transaction.
fn is_open(process: &Process) -> bool {
    let producing = process.producing.as_ref();
    producing.is_some_and(|producing| producing.stage.is_under_way())
}

/// `kill -9 broker 3 (pid 4123, leader of p2)`, and what takes it back.
fn begin(state: &mut State, process: &Process, verb: &str, how: &str, undo: (&str, &str)) {
    let (undoes, does) = undo;
    let mut facts: Vec<String> = process
        .pid
        .map(|pid| format!("pid {pid}"))
        .into_iter()
        .collect();
    if let Some(broker) = process.broker() {
        let led = state.cluster.led_by(broker);
        match led.len() {
            0 => {}
            1..=4 => facts.push(format!("leader of {}", places(state.home_topic(), &led))),
            many => facts.push(format!("leader of {many} partitions")),
        }
        if state.cluster.is_controller(broker) {
            facts.push("controller".into());
        }
    }
    if let Some(producing) = process.producing.as_ref().filter(|_| is_open(process)) {
        facts.push(format!("in the middle of {}", holds(state, producing)));
    }
    let line = state
        .wish()
        .say(format!("{verb}{}", process.name))
        .with(Tone::Dim, format!(" ({})", facts.join(", ")))
        .with(Tone::Dim, how)
        .with(
            Tone::Hint,
            format!("  {{{undoes} {}}} {does}", process.name),
        )
        .about(Subject::Process(process.name.clone()));
    state.story.begin(line);
}
