//! The palette: every action by name, with arguments completed from the live cluster.

use serde::{Deserialize, Serialize};

use super::{Action, Key, Overlay, Process, ProcessName, State, Status, Typing, names::places};

/// The open palette.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Palette {
    /// What was typed.
    pub input: Typing,
    /// Which candidate enter does.
    pub cursor: usize,
    /// Why what was typed is no action, after enter.
    pub wrong: Option<String>,
}

impl Palette {
    /// A palette with this text in it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            input: Typing::new(text),
            ..Self::default()
        }
    }

    pub(super) fn press(&mut self, key: Key) {
        self.input.press(key);
        self.cursor = 0;
        self.wrong = None;
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.input.insert(text);
        self.cursor = 0;
        self.wrong = None;
    }

    pub(super) fn step(&mut self, down: bool, count: usize) {
        let last = count.saturating_sub(1);
        self.cursor = if down {
            (self.cursor + 1).min(last)
        } else {
            self.cursor.min(last).saturating_sub(1)
        };
    }
}

/// One line of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The action as it would be typed.
    pub text: String,
    /// The key that does the same to what is picked.
    pub key: Option<Key>,
    /// What it reaches now.
    pub note: String,
    /// Whether the note is a warning.
    pub asks: bool,
    /// Whether it would do nothing.
    pub idle: bool,
}

fn candidate(
    state: &State,
    text: impl Into<String>,
    action: &str,
    note: impl Into<String>,
) -> Candidate {
    Candidate {
        text: text.into(),
        key: state.view.keys.key_of(action),
        note: note.into(),
        asks: false,
        idle: false,
    }
}

/// What can be done now and matches what was typed, best first.
#[must_use]
pub fn candidates(state: &State) -> Vec<Candidate> {
    let Overlay::Palette(palette) = &state.view.overlay else {
        return Vec::new();
    };
    let typed = palette.input.text();
    let mut found: Vec<(u32, Candidate)> = everything(state)
        .into_iter()
        .filter_map(|candidate| Some((score(typed, &candidate.text)?, candidate)))
        .collect();
    found.sort_by_key(|(score, _)| *score);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Puts the chosen candidate into the input.
pub(super) fn complete(state: &mut State) {
    let chosen = chosen(state);
    if let (Some(text), Overlay::Palette(palette)) = (chosen, &mut state.view.overlay) {
        palette.input = Typing::new(text);
        palette.cursor = 0;
    }
}

/// What enter does: the words as typed if they are an action, else the candidate under the cursor.
pub(super) fn chosen(state: &State) -> Option<String> {
    let Overlay::Palette(palette) = &state.view.overlay else {
        return None;
    };
    let typed = palette.input.text().trim();
    if palette.cursor == 0 && !typed.is_empty() && typed.parse::<Action>().is_ok() {
        return Some(typed.to_owned());
    }
    candidates(state)
        .get(palette.cursor)
        .map(|candidate| candidate.text.clone())
        .or_else(|| (!typed.is_empty()).then(|| typed.to_owned()))
}

/// How well a candidate matches, lower is better: each typed word begins a word of it, in order, or
/// has its letters in it in order. Where only the verb matches, the candidate comes last.
fn score(typed: &str, text: &str) -> Option<u32> {
    let mut cost = 0;
    let mut words = text.split_whitespace();
    for (index, wanted) in typed.split_whitespace().enumerate() {
        let wanted = wanted.to_lowercase();
        loop {
            let Some(word) = words.next().map(str::to_lowercase) else {
                return (index > 0).then_some(VERB_ONLY);
            };
            if word.starts_with(&wanted) {
                break;
            }
            if has_letters(&word, &wanted) {
                cost += 10;
                break;
            }
            cost += 3;
        }
    }
    Some(cost)
}

/// More than any real match costs.
const VERB_ONLY: u32 = 1000;

fn has_letters(word: &str, wanted: &str) -> bool {
    let mut letters = word.chars();
    wanted
        .chars()
        .all(|letter| letters.any(|other| other == letter))
}

/// Every action that makes sense now, with its arguments filled in.
fn everything(state: &State) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (verb, key) in [
        ("kill", "kill"),
        ("stop", "stop"),
        ("freeze", "freeze"),
        ("thaw", "freeze"),
        ("start", "start"),
        ("restart", "start"),
    ] {
        aimed(state, verb, key, &mut all);
    }
    all.push(candidate(
        state,
        "heal",
        "heal",
        "starts and thaws what is down",
    ));
    all.push(candidate(
        state,
        "produce",
        "produce",
        "the next demo record",
    ));
    all.push(candidate(
        state,
        "compose",
        "compose",
        "key, value, headers, partition, acks",
    ));
    for rate in ["off", "1", "10", "100", "1000", "10000", "max"] {
        all.push(candidate(
            state,
            format!("stream {rate}"),
            "stream faster",
            "records a second",
        ));
    }
    for group in state.cluster.groups.keys() {
        all.push(candidate(
            state,
            format!("consumer add {group}"),
            "consumer add",
            "",
        ));
    }
    all.push(candidate(
        state,
        "group add",
        "group add",
        "a new group, from the first record",
    ));
    all.push(candidate(
        state,
        "topic create",
        "topic create",
        "NAME PARTITIONS REPLICATION-FACTOR",
    ));
    for (name, topic) in &state.cluster.topics {
        if !topic.internal {
            let mut delete = candidate(
                state,
                format!("topic delete {name}"),
                "delete",
                "asks first",
            );
            delete.asks = true;
            all.push(delete);
        }
    }
    for group in state.cluster.groups.keys() {
        let mut delete = candidate(
            state,
            format!("group delete {group}"),
            "delete",
            "asks first",
        );
        delete.asks = true;
        all.push(delete);
    }
    all.push(candidate(state, "broker add", "broker add", ""));
    for process in state.cluster.processes.values() {
        all.push(candidate(
            state,
            format!("pick {}", process.name),
            "",
            summary(state, process),
        ));
    }
    of_the_screen(state, &mut all);
    all
}

/// What only concerns the screen.
fn of_the_screen(state: &State, all: &mut Vec<Candidate>) {
    for name in state.view.layouts.names() {
        all.push(candidate(
            state,
            format!("layout {name}"),
            "layout next",
            "",
        ));
    }
    for name in state.view.themes.names() {
        all.push(candidate(state, format!("theme {name}"), "", ""));
    }
    for name in [
        "pane full",
        "pane next",
        "filter",
        "show",
        "hold",
        "coach",
        "copy",
        "help",
        "redraw",
        "suspend",
        "quit",
    ] {
        all.push(candidate(state, name, name, ""));
    }
}

/// A verb with each process it can reach.
fn aimed(state: &State, verb: &str, action: &str, all: &mut Vec<Candidate>) {
    let fits = |process: &Process| match verb {
        "thaw" => process.status == Status::Frozen,
        "start" => process.status.is_gone(),
        "kill" => true,
        _ => process.status.is_running(),
    };
    let line = |process: &Process| {
        let mut line = candidate(
            state,
            format!("{verb} {}", process.name),
            action,
            summary(state, process),
        );
        if process.name != state.view.picked && !process.status.is_running() {
            line.key = None;
        }
        if verb == "kill" && process.status.is_gone() {
            line.key = None;
            line.idle = true;
            "already dead, r starts it again".clone_into(&mut line.note);
        }
        line
    };
    for broker in state.cluster.brokers().filter(|process| fits(process)) {
        all.push(line(broker));
    }
    if verb == "kill" {
        for (place, partition) in state.cluster.partitions() {
            if let Some(leader) = partition.seen.leader {
                let text = format!("kill leader of {} p{}", place.topic, place.partition);
                all.push(Candidate {
                    key: None,
                    ..candidate(state, text, "", format!("now broker {leader}"))
                });
            }
        }
        all.push(Candidate {
            asks: true,
            ..candidate(state, "kill all brokers", "", "asks first")
        });
    }
    for process in state.cluster.processes.values() {
        if process.broker().is_none() && fits(process) {
            let mut line = line(process);
            if process.name != state.view.picked {
                line.key = None;
            }
            all.push(line);
        }
    }
}

/// `pid 4121, leads p0 p2`
#[must_use]
pub fn summary(state: &State, process: &Process) -> String {
    let mut facts: Vec<String> = process
        .pid
        .map(|pid| format!("pid {pid}"))
        .into_iter()
        .collect();
    if let Some(broker) = process.broker() {
        let led = state.cluster.led_by(broker);
        if !led.is_empty() {
            facts.push(format!("leads {}", places(state.home_topic(), &led)));
        }
        if state.cluster.is_controller(broker) {
            facts.push("controller".into());
        }
    }
    if let (ProcessName::Consumer(_), Some(group)) = (&process.name, &process.group) {
        facts.push(format!("reads for {group}"));
    }
    facts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn beginnings_of_words_match_in_order() {
        assert!(score("ki br", "kill broker 1").is_some());
        assert!(score("xy", "kill broker 1").is_none());
        assert!(score("ki br", "kill broker 1") < score("ki br", "kill all brokers"));
        assert!(score("ki br", "kill all brokers") < score("ki br", "kill zookeeper"));
    }
}
