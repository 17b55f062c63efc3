//! Keys: the program's table with what `keys.toml` changes in it.
//!
//! ```toml
//! [always]                            # or a pane: [log]; or [overlay], [confirm], [input]
//! kill = "K"                          # an action of the palette, and the key that it gets instead of its own
//! "consumer add" = ["c", "^A"]        # or several
//! "layout groups" = "u"               # also what has no key by itself
//! quit = []                           # none
//! ```

use serde::{Deserialize, Serialize};

use super::keymap::{Context, Row, Section, TABLE};
use super::toml_file::{Mistake, Table, Value, parse};
use crate::state::action::{Action, Key, Pane};
use crate::state::spelling::{did_you_mean, filled};

/// What some clickers send to blank the screen. It does nothing here but mark, whatever a file says.
const NEVER: Key = Key::Char('b');

/// The keys as they work now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keymap {
    rows: Vec<BoundRow>,
}

/// A row of the table with its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundRow {
    /// Where they work.
    pub context: Context,
    /// Where help lists them.
    pub section: Section,
    /// The keys as help writes them.
    pub shown: String,
    /// What they do, as [`Keymap::fill`] takes it.
    pub label: String,
    /// Whether a held key does it again and again.
    pub repeats: bool,
    /// Each key with its action.
    pub keys: Vec<(Key, Action)>,
}

impl Keymap {
    /// The table as a file of keys changes it.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        parse(text, |file| {
            let contexts = contexts();
            let names: Vec<&str> = contexts.iter().map(|(name, _)| *name).collect();
            file.only(&names)?;
            let mut keymap = Self::default();
            for (name, context) in contexts {
                if let Some(bindings) = file.get(name) {
                    keymap.rebind(context, bindings.table()?)?;
                }
            }
            keymap
                .rows
                .retain(|row| !row.keys.is_empty() || row.section == Section::Names);
            Ok(keymap)
        })
    }

    /// What a key does in a context, and whether holding it does it again.
    #[must_use]
    pub fn lookup(&self, context: Context, pressed: Key) -> Option<(Action, bool)> {
        self.rows
            .iter()
            .filter(|row| row.context == context)
            .find_map(|row| {
                let (_, action) = row.keys.iter().find(|(key, _)| *key == pressed)?;
                Some((action.clone(), row.repeats))
            })
    }

    /// The first key of an action, by the action's name; one that works everywhere before one of a pane.
    #[must_use]
    pub fn key_of(&self, action: &str) -> Option<Key> {
        let action: Action = action.parse().ok()?;
        let of = |wanted: fn(Context) -> bool| {
            self.rows
                .iter()
                .filter(|row| wanted(row.context))
                .flat_map(|row| &row.keys)
                .find(|(_, bound)| *bound == action)
                .map(|(key, _)| *key)
        };
        of(|context| context == Context::Always)
            .or_else(|| of(|context| matches!(context, Context::Pane(_))))
            .or_else(|| of(|context| context == Context::Transaction))
            .or_else(|| of(|context| matches!(context, Context::Lesson | Context::Question)))
    }

    /// That key as text; where the action has none, its name as the palette takes it.
    #[must_use]
    pub fn shown(&self, action: &str) -> String {
        self.key_of(action)
            .map_or_else(|| format!(":{action}"), |key| key.to_string())
    }

    /// The key of an action that works in every pane that has no other use for it.
    pub(in crate::state) fn key_always(&self, action: &Action) -> Option<Key> {
        let rows = self.rows.iter();
        let mut keys = rows
            .filter(|row| row.context == Context::Always)
            .flat_map(|row| &row.keys);
        keys.find(|(_, bound)| bound == action).map(|(key, _)| *key)
    }

    /// The pane in which this key does something.
    pub(in crate::state) fn pane_of(&self, pressed: Key) -> Option<Pane> {
        self.rows.iter().find_map(|row| match row.context {
            Context::Pane(pane) => {
                let bound = row.keys.iter().any(|(key, _)| *key == pressed);
                bound.then_some(pane)
            }
            _ => None,
        })
    }

    /// The keys that pick processes, briefly: `0-9`, or the first of them where they are others.
    #[must_use]
    pub fn picking(&self) -> String {
        let own = TABLE
            .iter()
            .find(|row| row.keys.iter().any(|(_, name)| *name == "pick 0"));
        let rows = self.rows.iter();
        let unchanged = own.and_then(|own| rows.clone().find(|row| row.shown == own.shown));
        unchanged.map_or_else(
            || format!("{}…", self.shown("pick 0")),
            |row| row.shown.clone(),
        )
    }

    /// A sentence with the keys of the actions that it names in braces: `{start} starts it again`. `{overlay back}`
    /// is the key on a page over the panes; `confirm` and `input` are told apart in the same way.
    #[must_use]
    pub fn fill(&self, sentence: &str) -> String {
        filled(sentence, |name| self.named(name))
    }

    pub(in crate::state) fn named(&self, name: &str) -> Option<String> {
        let within = [
            ("overlay ", Context::Overlay),
            ("confirm ", Context::Confirm),
            ("input ", Context::Input),
        ];
        for (word, context) in within {
            if let Some(action) = name.strip_prefix(word) {
                return self.key_within(context, &action.parse().ok()?);
            }
        }
        name.parse::<Action>().ok().map(|_| self.shown(name))
    }

    /// The key of an action in a context that takes all keys; `esc` where several lead back.
    fn key_within(&self, context: Context, action: &Action) -> Option<String> {
        let rows = self.rows.iter().filter(|row| row.context == context);
        let keys: Vec<Key> = rows
            .flat_map(|row| &row.keys)
            .filter(|(_, bound)| bound == action)
            .map(|(key, _)| *key)
            .collect();
        let key = keys.iter().find(|key| **key == Key::Esc).or(keys.first())?;
        Some(key.to_string())
    }

    /// What help says of an action, by the action's name.
    #[must_use]
    pub fn label_of(&self, action: &str) -> Option<String> {
        let action: Action = action.parse().ok()?;
        self.rows
            .iter()
            .filter(|row| !row.label.is_empty())
            .find(|row| row.keys.iter().any(|(_, bound)| *bound == action))
            .map(|row| self.fill(&row.label))
    }

    /// The rows of a section of the help page.
    pub fn section(&self, section: Section) -> impl Iterator<Item = &BoundRow> {
        self.rows.iter().filter(move |row| row.section == section)
    }

    /// The rows of the help page that a search leaves, in the order they are drawn.
    #[must_use]
    pub fn help_rows(&self, search: &str) -> Vec<&BoundRow> {
        let wanted = search.to_lowercase();
        Section::ALL
            .into_iter()
            .flat_map(|section| self.section(section))
            .filter(|row| {
                let label = self.fill(&row.label).to_lowercase();
                label.contains(&wanted) || row.shown.contains(search)
            })
            .collect()
    }

    /// Gives the actions of one context their new keys.
    fn rebind(&mut self, context: Context, bindings: Table<'_>) -> Result<(), Mistake> {
        let mut taken: Vec<(Key, Action, usize)> = Vec::new();
        let mut wanted = Vec::new();
        for (name, value) in bindings.entries() {
            let action = read_action(context, name)?;
            let mut keys = Vec::new();
            for (place, key) in read_keys(context, value)? {
                if let Some((_, other, line)) = taken.iter().find(|(other, ..)| *other == key) {
                    let what = format!("{key} is \"{other}\" already, in line {line}");
                    return Err(place.wrong(what));
                }
                taken.push((key, action.clone(), place.line()));
                keys.push((place, key));
            }
            wanted.push((action, keys));
        }
        for (action, _) in &wanted {
            for row in self.rows.iter_mut().filter(|row| row.context == context) {
                row.unbind(action);
            }
        }
        for (action, keys) in wanted {
            for (place, key) in &keys {
                if let Some((other, _)) = self.lookup(context, *key)
                    && other != action
                {
                    let what = format!(
                        "{key} is \"{other}\" already, in the program's own table: give that another key too"
                    );
                    return Err(place.wrong(what));
                }
            }
            let keys = keys.into_iter().map(|(_, key)| (key, action.clone()));
            self.bind(context, &action, keys.collect());
        }
        Ok(())
    }

    fn bind(&mut self, context: Context, action: &Action, keys: Vec<(Key, Action)>) {
        let home = TABLE
            .iter()
            .position(|row| row.context == context && row.actions().any(|(_, own)| own == *action));
        if let Some(row) = home.and_then(|home| self.rows.get_mut(home)) {
            row.keys.extend(keys);
            row.shown = row.names();
            return;
        }
        let mut row = BoundRow {
            context,
            section: match context {
                Context::Always => Section::Program,
                Context::Pane(_) => Section::Pane,
                _ => Section::Hidden,
            },
            shown: String::new(),
            label: action.to_string(),
            repeats: false,
            keys,
        };
        row.shown = row.names();
        self.rows.push(row);
    }
}

impl Default for Keymap {
    fn default() -> Self {
        Self {
            rows: TABLE.iter().map(BoundRow::new).collect(),
        }
    }
}

impl BoundRow {
    fn new(row: &Row) -> Self {
        Self {
            context: row.context,
            section: row.section,
            shown: row.shown.to_owned(),
            label: row.label.to_owned(),
            repeats: row.repeats,
            keys: row.actions().collect(),
        }
    }

    fn unbind(&mut self, action: &Action) {
        let before = self.keys.len();
        self.keys.retain(|(_, bound)| bound != action);
        if self.keys.len() != before {
            self.shown = self.names();
            // All its keys are named now.
            if let Some(also) = self.label.find("(also ") {
                self.label.truncate(also);
                self.label.truncate(self.label.trim_end().len());
            }
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.keys.iter().map(|(key, _)| key.to_string()).collect();
        names.join(" ")
    }
}

/// What files call the contexts.
fn contexts() -> Vec<(&'static str, Context)> {
    // A lesson's keys work whichever pane has the others.
    let panes = Pane::ALL.map(|pane| match pane {
        Pane::Lesson => (pane.name(), Context::Lesson),
        pane => (pane.name(), Context::Pane(pane)),
    });
    [
        ("always", Context::Always),
        ("overlay", Context::Overlay),
        ("confirm", Context::Confirm),
        ("input", Context::Input),
        ("transaction", Context::Transaction),
        ("question", Context::Question),
    ]
    .into_iter()
    .chain(panes)
    .collect()
}

fn read_action(context: Context, name: Value<'_>) -> Result<Action, Mistake> {
    let text = name.string()?;
    text.parse().map_err(|_| {
        let known: Vec<&str> = TABLE
            .iter()
            .filter(|row| row.context == context || context == Context::Always)
            .flat_map(|row| row.keys)
            .map(|(_, name)| *name)
            .chain(Action::plain_names())
            .collect();
        let meant = did_you_mean(text, known.into_iter());
        name.wrong(match meant {
            Some(meant) => format!("unknown action \"{text}\", did you mean \"{meant}\"?"),
            None => format!("unknown action \"{text}\", the palette lists them all"),
        })
    })
}

/// One key or a list of them.
fn read_keys(context: Context, value: Value<'_>) -> Result<Vec<(Value<'_>, Key)>, Mistake> {
    let list = value.list().unwrap_or_else(|_| vec![value]);
    list.into_iter()
        .map(|place| {
            let text = place.string()?;
            let key: Key = text.parse().map_err(|_| {
                let meant = did_you_mean(text, Key::names());
                place.wrong(match meant {
                    Some(meant) => format!("unknown key \"{text}\", did you mean \"{meant}\"?"),
                    None => format!("unknown key \"{text}\": x, X, ^X, alt-x, f5, enter, PgUp"),
                })
            })?;
            // A question only marks a choice with it.
            if key == NEVER && context != Context::Question {
                return Err(place.wrong("b is never bound: clickers send it to blank the screen"));
            }
            Ok((place, key))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Write as _;

    use super::{Keymap, contexts};
    use crate::state::{
        action::{Action, ClusterAction, ScreenAction, Target},
        action::{Key, Pane},
        settings::keymap::{Context, Section, TABLE},
    };

    #[test]
    fn an_action_gets_its_new_keys_instead_of_its_own() {
        let keymap = Keymap::parse(
            "[always]\nkill = \"X\"\nquit = []\n\"layout groups\" = [\"u\", \"f5\"]\n[log]\nheal = \"x\"",
        )
        .expect("valid");
        let always = |key| {
            keymap
                .lookup(Context::Always, key)
                .map(|(action, _)| action)
        };
        assert_eq!(always(Key::Char('x')), None);
        assert_eq!(
            always(Key::Char('X')),
            Some(Action::Cluster(ClusterAction::Kill(Target::Picked)))
        );
        assert_eq!(always(Key::Char('q')), None);
        assert_eq!(
            always(Key::F(5)),
            Some(Action::Screen(ScreenAction::Layout("groups".into())))
        );
        let in_log = keymap.lookup(Context::Pane(Pane::Log), Key::Char('x'));
        assert_eq!(in_log, Some((Action::Cluster(ClusterAction::Heal), false)));
        let rows = keymap.help_rows("kill -9");
        assert_eq!(rows.first().map(|row| row.shown.as_str()), Some("X"));
        assert_eq!(keymap.key_of("layout groups"), Some(Key::Char('u')));
        assert!(keymap.help_rows("quit (asks").is_empty());
    }

    /// `docs/keys.toml`: every key that can be changed with what help says of it, each line behind a `#`.
    fn sample() -> String {
        let mut sample = String::from(SAMPLE_HEAD);
        let help = Keymap::default();
        for (name, context) in contexts() {
            let rows = || TABLE.iter().filter(|row| row.context == context);
            if rows().next().is_none() {
                continue;
            }
            let _ = write!(sample, "\n[{name}]\n");
            let mut section = Section::Hidden;
            let mut told = HashSet::new();
            for row in rows() {
                let names = row.keys.iter().map(|(_, name)| *name);
                let names: Vec<&str> = names.filter(|name| told.insert(*name)).collect();
                if names.is_empty() {
                    continue;
                }
                if row.section != section && context == Context::Always {
                    section = row.section;
                    let _ = write!(sample, "\n# - {} -\n", section.title());
                }
                if !row.label.is_empty() {
                    let label = help.fill(row.label);
                    let also = label.find("(also ").unwrap_or(label.len());
                    let _ = writeln!(sample, "# {}", label[..also].trim_end());
                }
                for name in names {
                    let keys = rows().flat_map(|row| row.keys);
                    let keys = keys.filter(|(_, other)| *other == name);
                    let keys: Vec<String> = keys.map(|(key, _)| format!("\"{key}\"")).collect();
                    let keys = match keys.as_slice() {
                        [only] => only.clone(),
                        several => format!("[{}]", several.join(", ")),
                    };
                    let _ = writeln!(sample, "#\"{name}\" = {keys}");
                }
            }
        }
        sample
    }

    const SAMPLE_HEAD: &str = "\
# The keys of kafkarium, as the program has them. Copy this file to ~/.config/kafkarium/keys.toml, take the # away
# before a line and write another key: it holds as soon as the file is saved. An action gets the keys of its line
# instead of its own, [] leaves it none, and what the palette knows and has no key can get one: \"layout groups\" = \"u\".
# A key is written x, X, ^X, alt-x, f5, enter, PgUp. b is never bound: clickers send it to blank the screen.
# [always] holds wherever nothing nearer takes the key; a pane's keys, as [log], before it; [overlay] on pages over the
# panes, [confirm] while the last line asks, [input] while a line is typed, [transaction] while an open transaction of
# ours is picked, [lesson] while a lesson is on the screen, [question] while it asks.
";

    #[test]
    fn the_sample_of_keys_says_what_help_says_and_each_of_its_lines_holds() {
        let written = include_str!("../../../../docs/keys.toml");
        let expected = sample();
        assert!(written == expected, "docs/keys.toml is now:\n{expected}");
        let untouched = Keymap::parse(written).expect("nothing is changed in it");
        assert_eq!(untouched, Keymap::default());
        let lines = written.lines().map(|line| match line.strip_prefix("#\"") {
            Some(setting) => format!("\"{setting}\n"),
            None => format!("{line}\n"),
        });
        let all = Keymap::parse(&lines.collect::<String>()).expect("every line is valid");
        let keys = TABLE
            .iter()
            .flat_map(|row| row.keys.iter().map(move |key| (row, key)));
        for (row, (key, name)) in keys {
            let (action, _) = all.lookup(row.context, *key).expect("it is bound");
            assert_eq!(Ok(action), name.parse(), "{key} in {:?}", row.context);
            assert!(written.contains(&format!("#\"{name}\" = ")), "{name}");
        }
    }

    #[test]
    fn keys_can_be_swapped() {
        let keymap = Keymap::parse("[always]\nkill = \"s\"\nstop = \"x\"").expect("valid");
        assert_eq!(keymap.key_of("kill"), Some(Key::Char('s')));
        assert_eq!(keymap.key_of("stop"), Some(Key::Char('x')));
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        for (text, mistake) in [
            (
                "[always]\nkill = \"u\"\nstop = [\"w\", \"u\"]",
                "3:14 u is \"kill\" already, in line 2",
            ),
            (
                "[always]\nstop = \"x\"",
                "2:8 x is \"kill\" already, in the program's own table: give that another key too",
            ),
            (
                "[always]\nkil = \"u\"",
                "2:1 unknown action \"kil\", did you mean \"kill\"?",
            ),
            (
                "[always]\nkill = \"PgUpp\"",
                "2:8 unknown key \"PgUpp\", did you mean \"PgUp\"?",
            ),
            (
                "[alway]\nkill = \"u\"",
                "1:2 unknown setting \"alway\", did you mean \"always\"?",
            ),
            (
                "[always]\nkill = \"b\"",
                "2:8 b is never bound: clickers send it to blank the screen",
            ),
            (
                "[always]\nkill = 3",
                "2:8 a text in quotes is expected here",
            ),
        ] {
            let wrong = Keymap::parse(text).expect_err(text).to_string();
            assert_eq!(wrong, mistake, "{text}");
        }
    }
}
