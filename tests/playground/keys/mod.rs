//! Every key of the table is pressed at a real cluster, and the screen shows what it did.
//!
//! The scripts beside this file are data, one for each start of a cluster. A line is a key and what is to be
//! seen after it and was not before:
//!
//! ```text
//! start --reduced-motion              # arguments of the program
//! wait "ready in"                     # without a key
//! x "3 ✗ KILLED" no "3 ● UP"          # a key where nothing lies over the panes
//! log o "y rewind"                    # in one pane
//! overlay q no "Help"                 # on a page over the panes; while it asks: confirm; while a line is typed: input
//! transaction x "KILLED"             # while the transaction of the picked producer is open
//! lesson PgDn "2 of 6"                # while a lesson is on the screen; while it asks: question
//! until [ < " starting "              # these keys in turn, as often as it takes
//! type "kill 3" "►kill broker 3"      # letters, as they are typed
//! ```
//!
//! Text in quotes stands on the screen, between slashes a pattern does; `no` before it: it is gone.

mod script;

use std::{collections::BTreeSet, fs, path::PathBuf};

use kafkarium::playground::state::{Context, keymap::TABLE};

use crate::terminal::{Terminal, wait_until_nothing_runs};
use script::Script;

/// One test for each script, and their names.
macro_rules! scripts {
    ($($name:ident)*) => {
        const SCRIPTS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                play(stringify!($name));
            }
        )*
    };
}

scripts! {
    moving opening breaking consumers feeding transactions growing seeing fleet time lessons program
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/playground/keys")
}

fn play(name: &str) {
    let script = Script::read(&folder().join(name).with_extension("keys"));
    let ports = crate::free_ports();
    let own = ["--base-port", &ports.0, "--zookeeper-port", &ports.1];
    let mut terminal = if script.in_a_shell {
        let mut terminal = Terminal::start_shell(crate::program(), 120, 36);
        terminal.press(&format!(
            "kafkarium {} {}\r",
            own.join(" "),
            script.arguments.join(" ")
        ));
        terminal
    } else {
        let own = own.into_iter().map(str::to_owned);
        let arguments: Vec<String> = own.chain(script.arguments.clone()).collect();
        Terminal::start(crate::program(), &arguments, 120, 36)
    };
    let mut last = None;
    for step in &script.steps {
        step.play(&mut terminal, &mut last);
    }
    let (status, home) = terminal.wait_for_end();
    assert!(status.success(), "{status:?}");
    wait_until_nothing_runs(home.path());
}

#[test]
fn no_key_of_the_table_is_left_out() {
    let table: BTreeSet<String> = TABLE
        .iter()
        .flat_map(|row| {
            row.keys
                .iter()
                .map(|(key, _)| name(row.context, &key.to_string()))
        })
        .collect();
    let mut pressed = BTreeSet::new();
    for script in SCRIPTS {
        for step in Script::read(&folder().join(script).with_extension("keys")).steps {
            let keys = step.keys().into_iter();
            pressed.extend(keys.map(|(context, key)| name(context, &key.to_string())));
        }
    }
    let missing: Vec<_> = table.difference(&pressed).collect();
    assert!(missing.is_empty(), "no script presses {missing:?}");
    let foreign: Vec<_> = pressed.difference(&table).collect();
    assert!(foreign.is_empty(), "the table has no {foreign:?}");
}

#[test]
fn every_script_is_played() {
    let files = fs::read_dir(folder()).expect("the folder of the scripts");
    let there: BTreeSet<String> = files
        .map(|file| file.expect("a file").path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "keys")
        })
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
        .collect();
    let played: BTreeSet<String> = SCRIPTS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(there, played);
}

fn name(context: Context, key: &str) -> String {
    format!("{context:?} {key}")
}
