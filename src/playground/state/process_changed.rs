//! What it comes to that a process came, went or changed: only the process table can tell.

use crate::state::{
    State, Timestamp,
    cluster::{ProcessChange, ProcessName, Status},
    story::{self, Hand, Line, Merge, Subject, Tone},
};

/// A new broker has an address: the command that starts it names it, where that is still shown.
fn show_where_it_listens(state: &mut State, process: &ProcessName, address: Option<&str>) {
    if let ProcessName::Broker(id) = process {
        let begun = state.start_broker_command(*id, None);
        if state.view.command.as_ref() == Some(&begun) {
            state.view.command = Some(state.start_broker_command(*id, address));
        }
    }
}

/// A child came, went or changed: what only the process table can tell.
pub(super) fn process_changed(
    state: &mut State,
    process: &ProcessName,
    change: &ProcessChange,
    status: Status,
) {
    let at = state.now;
    let subject = Subject::Process(process.clone());
    let opening = state.narrator.opening;
    match change {
        ProcessChange::Spawned { pid, address, .. } => {
            show_where_it_listens(state, process, address.as_deref());
            if opening && process.is_server() {
                let place = address
                    .clone()
                    .map(|at| format!(", {at}"))
                    .unwrap_or_default();
                let line = Line::new(at, Hand::Process(process.clone()))
                    .say(format!("pid {pid} started{place}"))
                    .about(subject)
                    .merging(Merge::Started(process.clone()));
                state.story.tell(&[Subject::Opening], line);
            } else {
                let words = format!(" (pid {pid})");
                state.story.amend_root(&subject, at, &words);
            }
        }
        ProcessChange::Ready { address, at_ms } => {
            if matches!(process, ProcessName::Consumer(_) | ProcessName::Producer(_)) {
                return;
            }
            // By its own clock, as all that it reports.
            let ready_at = Timestamp::from_ms(*at_ms).min(at);
            let line = Line::new(ready_at, Hand::Process(process.clone()));
            let line = line.say(format!("ready on {address}"));
            if opening && *process == ProcessName::ZooKeeper {
                state
                    .story
                    .retract(|merge| *merge == Merge::Started(ProcessName::ZooKeeper));
                state.story.tell(&[Subject::Opening], line.about(subject));
            } else if !opening {
                let cause = std::slice::from_ref(&subject);
                state.story.tell(cause, line.about(subject.clone()));
            }
        }
        ProcessChange::Exited { code, signal } => {
            let line = Line::new(at, Hand::Process(process.clone())).about(subject.clone());
            match status {
                Status::Died { .. } => {
                    let end = match (code, signal) {
                        (Some(code), _) => format!("exit {code}"),
                        (None, Some(signal)) => format!("signal {signal}"),
                        (None, None) => "gone".to_owned(),
                    };
                    let line = line.with(Tone::Bad, format!("DIED: {end}."));
                    let hint = state.cluster.revival_hint(process);
                    state.message(format!("{process} DIED: {end}.{hint}"), true);
                    state.story.begin(line.with(Tone::Hint, hint));
                }
                Status::Stopped => state.story.tell(&[subject], line.say("ended")),
                _ => {}
            }
        }
        ProcessChange::Frozen | ProcessChange::Thawed => {}
        ProcessChange::Listed { .. }
        | ProcessChange::Unlisted
        | ProcessChange::Silent { .. }
        | ProcessChange::Answers => {
            if !state.cluster.processes.contains_key(&state.view.picked) {
                state.view.picked = process.clone();
            }
            if !opening {
                let seen = (process, change);
                story::seen::broker(&mut state.story, &state.cluster, seen, at);
            }
        }
    }
}
