//! The one table of keys: dispatch, footer, help and README all read it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Keymap;
pub use super::section::Section;
use crate::state::action::{Action, Key, Pane};

/// Where a key means what its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Context {
    /// Wherever nothing nearer takes it.
    Always,
    /// In one pane.
    Pane(Pane),
    /// On a page that lies over the panes.
    Overlay,
    /// While the footer asks.
    Confirm,
    /// While a line is typed; all other keys type.
    Input,
    /// While the transaction of the picked producer is open.
    Transaction,
    /// While a lesson is on the screen or the list of them.
    Lesson,
    /// While a lesson's question has the keys.
    Question,
}

/// A row: keys that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Where they work.
    pub context: Context,
    /// Where help lists them.
    pub section: Section,
    /// The keys as help writes them.
    pub shown: &'static str,
    /// What they do; it names other keys by their actions, in braces. What it says they are `(also ...)` is said
    /// while the row has its own keys.
    pub label: &'static str,
    /// Whether a held key does it again and again.
    pub repeats: bool,
    /// Each key with its action by name; none where the palette takes what `shown` says.
    pub keys: &'static [(Key, &'static str)],
}

const fn row(
    section: Section,
    shown: &'static str,
    label: &'static str,
    keys: &'static [(Key, &'static str)],
) -> Row {
    Row {
        context: Context::Always,
        section,
        shown,
        label,
        repeats: false,
        keys,
    }
}

/// What has no key.
const fn named(shown: &'static str, label: &'static str) -> Row {
    row(Section::Names, shown, label, &[])
}

const fn repeating(row: Row) -> Row {
    Row {
        repeats: true,
        ..row
    }
}

/// A row that holds in one pane only.
const fn in_pane(
    pane: Pane,
    shown: &'static str,
    label: &'static str,
    keys: &'static [(Key, &'static str)],
) -> Row {
    Row {
        context: Context::Pane(pane),
        ..row(Section::Pane, shown, label, keys)
    }
}

const fn within(context: Context, keys: &'static [(Key, &'static str)]) -> Row {
    Row {
        context,
        section: Section::Hidden,
        shown: "",
        label: "",
        repeats: true,
        keys,
    }
}

/// The same, once for each press.
const fn once(row: Row) -> Row {
    Row {
        repeats: false,
        ..row
    }
}

const fn key(character: char) -> Key {
    Key::Char(character)
}

/// Every key there is.
pub const TABLE: &[Row] = &[
    row(
        Section::Pick,
        "0-9",
        "a process: broker by its id, 0 is ZooKeeper",
        &[
            (key('0'), "pick 0"),
            (key('1'), "pick 1"),
            (key('2'), "pick 2"),
            (key('3'), "pick 3"),
            (key('4'), "pick 4"),
            (key('5'), "pick 5"),
            (key('6'), "pick 6"),
            (key('7'), "pick 7"),
            (key('8'), "pick 8"),
            (key('9'), "pick 9"),
        ],
    ),
    repeating(row(
        Section::Pick,
        "tab",
        "next pane   ({pane previous}: previous)",
        &[(Key::Tab, "pane next"), (Key::BackTab, "pane previous")],
    )),
    repeating(row(
        Section::Pick,
        "arrows",
        "inside the pane   (also h j k l)",
        &[
            (Key::Up, "move up"),
            (Key::Down, "move down"),
            (Key::Left, "move left"),
            (Key::Right, "move right"),
            (key('k'), "move up"),
            (key('j'), "move down"),
            (key('h'), "move left"),
            (key('l'), "move right"),
        ],
    )),
    repeating(row(
        Section::Pick,
        "g G",
        "first, last and follow",
        &[
            (key('g'), "move first"),
            (key('G'), "move last"),
            (Key::Home, "move first"),
            (Key::End, "move last"),
        ],
    )),
    row(
        Section::Pick,
        "enter",
        "open: record, process output, group, topic",
        &[(Key::Enter, "open")],
    ),
    row(
        Section::Pick,
        "/",
        "filter this pane",
        &[(key('/'), "filter")],
    ),
    row(
        Section::Pick,
        "esc",
        "back; never quits",
        &[(Key::Esc, "back")],
    ),
    row(Section::Break, "x", "kill -9", &[(key('x'), "kill")]),
    row(
        Section::Break,
        "s",
        "stop: broker ends cleanly, consumer leaves",
        &[(key('s'), "stop")],
    ),
    row(
        Section::Break,
        "z",
        "freeze, thaw (SIGSTOP, SIGCONT)",
        &[(key('z'), "freeze")],
    ),
    row(
        Section::Break,
        "r",
        "start again; when it runs: {start} {start} restarts",
        &[(key('r'), "start")],
    ),
    row(
        Section::Break,
        "H",
        "heal all: start, thaw, elect",
        &[(key('H'), "heal")],
    ),
    repeating(row(
        Section::Feed,
        "p",
        "produce one record; hold for more",
        &[(key('p'), "produce")],
    )),
    row(
        Section::Feed,
        "P",
        "compose: key, value, headers, partition, acks",
        &[(key('P'), "compose")],
    ),
    repeating(row(
        Section::Feed,
        "+ -",
        "stream: off 1 10 100 1k 10k max per second",
        &[
            (key('+'), "stream faster"),
            (key('='), "stream faster"),
            (key('-'), "stream slower"),
        ],
    )),
    row(
        Section::Feed,
        "c C J",
        "consumer; {group add} in a new group; {group protocol}: join protocol",
        &[
            (key('c'), "consumer add"),
            (key('C'), "group add"),
            (key('J'), "group protocol"),
        ],
    ),
    row(
        Section::Feed,
        "T U",
        "transaction: begin, then commit; abort it",
        &[(key('T'), "txn"), (key('U'), "txn abort")],
    ),
    named(":layout", "a layout by its name"),
    named(":theme", "dark, light, mono or your own"),
    named(":save", "keep this session: kafkarium replay FILE"),
    named(":shot", "write the screen as text and with its colours"),
    named(":say", "a caption; :keys shows the keys as pressed"),
    named(":mouse", "it picks and scrolls here, or not"),
    named(":coach", "hide the guide, bring it back"),
    row(
        Section::Grow,
        "a",
        "add a broker",
        &[(key('a'), "broker add")],
    ),
    row(
        Section::Grow,
        "m",
        "move partitions onto all brokers (asks)",
        &[(key('m'), "partitions spread")],
    ),
    row(
        Section::Grow,
        "t",
        "new topic",
        &[(key('t'), "topic create")],
    ),
    row(
        Section::Grow,
        "e",
        "elect preferred leaders",
        &[(key('e'), "leaders elect")],
    ),
    row(
        Section::Grow,
        "D",
        "delete the topic or group (asks)",
        &[(key('D'), "delete")],
    ),
    row(
        Section::See,
        "v V",
        "next, previous layout",
        &[(key('v'), "layout next"), (key('V'), "layout previous")],
    ),
    row(
        Section::See,
        "f",
        "this pane full, and back",
        &[(key('f'), "pane full")],
    ),
    row(
        Section::See,
        "i",
        "show it another way: key value time size",
        &[(key('i'), "show")],
    ),
    row(
        Section::See,
        "y",
        "copy the command of the last action",
        &[(key('y'), "copy")],
    ),
    row(
        Section::Time,
        "space",
        "hold the picture, live again",
        &[(key(' '), "hold")],
    ),
    repeating(row(
        Section::Time,
        "< >",
        "step back, forward (also [ ])",
        &[
            (key('<'), "step -1"),
            (key('>'), "step 1"),
            (key('['), "step -1"),
            (key(']'), "step 1"),
        ],
    )),
    row(
        Section::Time,
        "R",
        "record the screen, end the recording",
        &[(key('R'), "record")],
    ),
    repeating(row(
        Section::Time,
        "PgUp PgDn",
        "page; in a lesson: back, next; {lesson do} does the step",
        &[
            (Key::PageUp, "move page up"),
            (Key::PageDown, "move page down"),
        ],
    )),
    row(
        Section::Program,
        ":",
        "every action by name",
        &[(key(':'), "palette")],
    ),
    row(
        Section::Program,
        "L",
        "lessons: all of them, and how far each was done",
        &[(key('L'), "lesson list")],
    ),
    row(Section::Program, "?", "this page", &[(key('?'), "help")]),
    row(
        Section::Program,
        "q",
        "quit (asks; {quit} {quit} quits)",
        &[(key('q'), "quit")],
    ),
    row(
        Section::Program,
        "^C",
        "the same",
        &[(Key::Ctrl('c'), "quit")],
    ),
    row(
        Section::Program,
        "^Z",
        "leave the screen, cluster runs on; fg",
        &[(Key::Ctrl('z'), "suspend")],
    ),
    row(
        Section::Program,
        "^L",
        "draw again",
        &[(Key::Ctrl('l'), "redraw")],
    ),
    in_pane(
        Pane::Log,
        "o",
        "in Log: rewind the group to the record (asks)",
        &[(key('o'), "group rewind")],
    ),
    Row {
        context: Context::Transaction,
        ..row(
            Section::Pane,
            "p x",
            "in a transaction: into it; kill its producer",
            &[(key('p'), "txn produce"), (key('x'), "txn abandon")],
        )
    },
    within(
        Context::Overlay,
        &[
            (Key::Esc, "back"),
            (key('q'), "back"),
            (key('?'), "back"),
            (Key::Up, "move up"),
            (Key::Down, "move down"),
            (key('k'), "move up"),
            (key('j'), "move down"),
            (Key::Left, "move left"),
            (Key::Right, "move right"),
            (key('h'), "move left"),
            (key('l'), "move right"),
            (key('i'), "show"),
            (Key::PageUp, "move page up"),
            (Key::PageDown, "move page down"),
            (key('g'), "move first"),
            (key('G'), "move last"),
            (Key::Home, "move first"),
            (Key::End, "move last"),
            (key('/'), "filter"),
            (Key::Enter, "accept"),
            (key('y'), "copy"),
            (key('r'), "lesson reset"),
        ],
    ),
    once(within(
        Context::Lesson,
        &[
            (Key::PageDown, "lesson next"),
            (Key::PageUp, "lesson back"),
            (key('.'), "lesson do"),
        ],
    )),
    once(within(
        Context::Question,
        &[
            (key('a'), "mark a"),
            (key('b'), "mark b"),
            (key('c'), "mark c"),
            (key('d'), "mark d"),
            (Key::Enter, "answer"),
        ],
    )),
    within(
        Context::Confirm,
        &[(key('y'), "accept"), (key('n'), "back"), (Key::Esc, "back")],
    ),
    within(
        Context::Input,
        &[
            (Key::Enter, "accept"),
            (Key::Esc, "back"),
            (Key::Up, "move up"),
            (Key::Down, "move down"),
            (Key::Tab, "pane next"),
            (Key::BackTab, "pane previous"),
        ],
    ),
];

impl Row {
    /// Each key with its action.
    pub fn actions(&self) -> impl Iterator<Item = (Key, Action)> {
        self.keys.iter().filter_map(|(key, name)| {
            // A test parses every name in the table.
            Some((*key, name.parse().ok()?))
        })
    }
}

/// The key table of the README.
#[must_use]
pub fn markdown() -> String {
    let keymap = Keymap::default();
    let mut table = String::from("| key | what it does |\n|---|---|\n");
    for part in Section::ALL {
        let mut rows = TABLE.iter().filter(|row| row.section == part).peekable();
        if rows.peek().is_some() {
            let _ = writeln!(table, "| **{}** | |", part.title());
        }
        for row in rows {
            let keys: Vec<String> = row.shown.split(' ').map(|key| format!("`{key}`")).collect();
            let label = keymap.fill(row.label);
            let _ = writeln!(table, "| {} | {label} |", keys.join(" "));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Context, TABLE, markdown};
    use crate::state::{Action, Key, Pane, ProcessName, ScreenAction, settings::Keymap};
    use wire::BrokerId;

    #[test]
    fn no_key_means_two_things_in_one_context() {
        let contexts = [
            Context::Always,
            Context::Overlay,
            Context::Confirm,
            Context::Input,
            Context::Transaction,
            Context::Lesson,
            Context::Question,
        ]
        .into_iter()
        .chain(Pane::ALL.map(Context::Pane));
        for context in contexts {
            let mut seen = HashSet::new();
            for (key, _) in TABLE
                .iter()
                .filter(|row| row.context == context)
                .flat_map(|row| row.keys)
            {
                assert!(seen.insert(*key), "{key} is bound twice in {context:?}");
            }
        }
    }

    #[test]
    fn every_key_has_an_action() {
        for row in TABLE {
            assert_eq!(row.actions().count(), row.keys.len(), "{:?}", row.keys);
        }
    }

    #[test]
    fn digits_pick_and_avoided_keys_stay_free() {
        let keys = Keymap::default();
        assert_eq!(
            keys.lookup(Context::Always, Key::Char('3')),
            Some((
                Action::Screen(ScreenAction::Pick(ProcessName::Broker(BrokerId(3)))),
                false
            ))
        );
        for free in ['b', 'd', 'u', 'w', 'K'] {
            assert_eq!(keys.lookup(Context::Always, Key::Char(free)), None);
        }
    }

    #[test]
    fn the_readme_shows_this_table() {
        let table = markdown();
        let readme = include_str!("../../../../README.md");
        assert!(
            readme.contains(&table),
            "the table of keys is now:\n{table}"
        );
    }
}
