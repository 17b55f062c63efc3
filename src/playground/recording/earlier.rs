//! A session that an earlier program saved, kept as it was written: it opens, and says what it says.
//!
//! The form stands in `format`. A name that goes from it, or that earlier files lack and that is not optional, makes
//! another form: then [`FORMAT`] goes up, and `KAFKARIUM_WRITE_SESSION=1 cargo test earlier` writes the session anew,
//! as it does after an optional name was added.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::session_file::{self, FORMAT, SessionFileError};
use crate::state::{
    Action, Appearance, Cluster, Happening, History, Observation, ProcessChange, ScreenAction,
    Setup, State, WatchSeen, ZnodeContent, ZnodeSeen, ZnodesSeen, ZooKeeperSeen,
};
use crate::ui::tests::{
    frame,
    session::{Session, consumer},
    text,
};

fn stored() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recording/sessions");
    folder.join(format!("format-{FORMAT}.session"))
}

/// Something of everything that is told: a kill, a rebalance, znodes, a group that is gone, settings.
fn told() -> Session {
    let mut session = Session::new((120, 36), Appearance::default());
    session.rebalancing();
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "zookeeper".into(),
    ))));
    session.see(Observation::Znodes(ZnodesSeen {
        session: 4,
        whole: true,
        znodes: vec![ZnodeSeen {
            path: "/controller".into(),
            content: Some(ZnodeContent {
                data: "{}".into(),
                size_bytes: 2,
                version: 1,
                mzxid: 9,
                ephemeral_owner: 2,
                children: 0,
            }),
        }],
    }));
    session.see(Observation::ZooKeeper(ZooKeeperSeen {
        watched: vec![WatchSeen {
            path: "/controller".into(),
            sessions: vec![1, 2],
        }],
        ..ZooKeeperSeen::default()
    }));
    session.see(Observation::Notice("port 9092 was taken".into()));
    session.see(Observation::LostChecked { lost: 0 });
    session.happen(Happening::Paste("amy: coffee".into()));
    session.happen(Happening::Resize(80, 24));
    session
}

/// All names of fields, variants and keys in bytes of the form that pages have.
#[derive(Default, PartialEq, Eq)]
struct Names(BTreeSet<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Names, E> {
                Ok(Names::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Names, E> {
                Ok(Names::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Names, E> {
                Ok(Names::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Names, E> {
                Ok(Names::default())
            }
            fn visit_str<E>(self, _: &str) -> Result<Names, E> {
                Ok(Names::default())
            }
            fn visit_unit<E>(self) -> Result<Names, E> {
                Ok(Names::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Names, A::Error> {
                let mut names = Names::default();
                while let Some(more) = sequence.next_element::<Names>()? {
                    names.0.extend(more.0);
                }
                Ok(names)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Names::default();
                while let Some(key) = map.next_key::<Key>()? {
                    names.0.extend(key.0);
                    names.0.extend(map.next_value::<Names>()?.0);
                }
                Ok(names)
            }
        }
        deserializer.deserialize_any(Collect)
    }
}

/// A map's key: a name, or a value of a type of ours.
struct Key(Option<String>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key(Some(name.to_owned())))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Key, E> {
                Ok(Key(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Key, E> {
                Ok(Key(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Key, A::Error> {
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Key(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Key, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Key(None))
            }
        }
        deserializer.deserialize_any(Name)
    }
}

fn names(path: &Path) -> BTreeSet<String> {
    let file = std::fs::read(path).expect("it is there");
    let line = file.iter().position(|byte| *byte == b'\n');
    let mut rest = &file[line.expect("a first line") + 1..];
    let mut names = BTreeSet::new();
    while let Some(part) = session_file::read_part(&mut rest) {
        let plain = session_file::unpack(&part).expect("it is packed so");
        let mut rest = plain.as_slice();
        while !rest.is_empty() {
            let mut reader = rmp_serde::Deserializer::new(&mut rest);
            names.extend(Names::deserialize(&mut reader).expect("it has this form").0);
        }
    }
    names
}

fn save(session: &Session, path: &Path) {
    let pages = session.state.past.history.pages();
    session_file::write(File::create(path).expect("a new file"), &pages).expect("it is written");
}

#[test]
fn no_name_goes_from_what_is_saved_without_another_number() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let now = folder.path().join("now.session");
    save(&told(), &now);
    if std::env::var_os("KAFKARIUM_WRITE_SESSION").is_some() {
        std::fs::copy(&now, stored()).expect("the session can be stored");
    }
    let (then, now) = (names(&stored()), names(&now));
    let gone: Vec<_> = then.difference(&now).collect();
    assert!(
        gone.is_empty(),
        "{gone:?} went from what is saved. Raise FORMAT, as this file says"
    );
}

/// Everything that is known, told and shown, but when it is.
fn all_of(state: &State) -> Vec<u8> {
    rmp_serde::to_vec_named(state).expect("it has a form")
}

/// What a session comes to when it was saved, opened and gone through to its end.
fn at_its_end(session: &Session) -> Box<State> {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("demo.session");
    save(session, &path);
    let own = Setup {
        started_at: session.at,
        ..session.state.setup.clone()
    };
    let history = session_file::read(&path).expect("a whole session");
    let mut opened = Session {
        state: State::replay(history, &own).expect("it begins"),
        requests: Vec::new(),
        at: session.at,
    };
    opened.later(36_000_000).tick();
    opened.state.held.expect("a moment is shown")
}

#[test]
fn what_was_saved_is_the_same_to_the_last_field() {
    let session = told();
    let mut end = at_its_end(&session);
    // The eye is that of whoever looks, and the clock plays on.
    end.view.clone_from(&session.state.view);
    end.now = session.state.now;
    assert!(all_of(&end) == all_of(&session.state));
}

#[test]
fn a_session_whose_beginning_was_let_go_shows_what_was_known_then() {
    let mut session = told();
    session.state.past.history = History::default();
    session.later(1000).tick();
    session.process(consumer("c2"), ProcessChange::Frozen);
    let end = at_its_end(&session);
    let (before, after) = (&session.state.cluster, &end.cluster);
    assert_eq!(after.controller, before.controller);
    let topics = |cluster: &Cluster| -> Vec<_> {
        let partitions = cluster.partitions();
        partitions
            .map(|(place, known)| {
                let tail = known.tail.iter().cloned().collect::<Vec<_>>();
                (place, known.seen.clone(), known.high_watermark, tail)
            })
            .collect()
    };
    assert_eq!(topics(after), topics(before));
    let processes = |cluster: &Cluster| -> Vec<_> {
        let processes = cluster.processes.values();
        processes
            .map(|it| (it.name.clone(), it.status, it.since, it.pid))
            .collect()
    };
    assert_eq!(processes(after), processes(before));
    let groups = |cluster: &Cluster| -> Vec<_> {
        let groups = cluster.groups.iter();
        groups
            .map(|(id, group)| {
                let members = group.members.values().map(|it| it.name.clone());
                (id.clone(), group.state, members.collect::<Vec<_>>())
            })
            .collect()
    };
    assert_eq!(groups(after), groups(before));
    let lines = |state: &State| -> Vec<_> {
        let entries = state.story.entries().iter();
        entries
            .map(|it| (it.at, it.depth, it.hand.clone(), it.text.clone()))
            .collect()
    };
    assert_eq!(lines(&end), lines(&session.state));
    assert_eq!(end.opening.ready_after, session.state.opening.ready_after);
}

#[test]
fn an_earlier_session_of_this_form_opens_and_plays_to_its_end() {
    let history = session_file::read(&stored()).expect("it is of a form that is read");
    let own = Session::new((120, 36), Appearance::default());
    let own = Setup {
        started_at: own.at,
        ..own.state.setup.clone()
    };
    let mut session = Session {
        state: State::replay(history, &own).expect("it begins"),
        requests: Vec::new(),
        at: own.started_at,
    };
    session.later(3_600_000).tick();
    let seen = text(&frame(&session.state));
    assert!(seen.contains("/controller  brokers 1 2"), "{seen}");
}

#[test]
fn another_form_is_refused_with_its_number() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("old.session");
    let stored = std::fs::read(stored()).expect("it is there");
    let header = format!("{{\"kafkarium_session\":{FORMAT},");
    assert!(stored.starts_with(header.as_bytes()));
    let older = format!("{{\"kafkarium_session\":{},", FORMAT - 1);
    let other = [older.as_bytes(), &stored[header.len()..]].concat();
    std::fs::write(&path, other).expect("writable");
    let refused = session_file::read(&path).expect_err("an older form");
    assert!(
        matches!(refused, SessionFileError::OtherFormat { format, .. } if format == FORMAT - 1)
    );
}
