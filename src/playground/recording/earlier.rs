//! Sessions that earlier programs saved: one for each form that is still read, kept as it was written.
//!
//! What is saved is `State` and `Event` as they are, so every change of their fields is a change of
//! the form. Then [`FORMAT`] goes up, `KAFKARIUM_WRITE_SESSION=1 cargo test earlier` writes the
//! session of the new form, and that of the old one goes, unless it is still read.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::session_file::{self, FORMAT, SessionFileError};
use crate::state::{
    Action, Appearance, Happening, Observation, ScreenAction, Setup, State, WatchSeen,
};
use crate::state::{ZnodeContent, ZnodeSeen, ZnodesSeen, ZooKeeperSeen};
use crate::ui::tests::{frame, session::Session, text};

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
    let history = session_file::read(path).expect("a whole session");
    let mut names = BTreeSet::new();
    for page in history.pages() {
        let plain = zstd::decode_all(page.packed()).expect("it is packed so");
        let mut rest = plain.as_slice();
        while !rest.is_empty() {
            let mut reader = rmp_serde::Deserializer::new(&mut rest);
            names.extend(Names::deserialize(&mut reader).expect("it has this form").0);
        }
    }
    names
}

#[test]
fn what_is_saved_has_the_form_of_its_number() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let now = folder.path().join("now.session");
    let session = told();
    let pages = session.state.past.history.pages();
    session_file::write(File::create(&now).expect("a new file"), &pages).expect("it is written");
    if std::env::var_os("KAFKARIUM_WRITE_SESSION").is_some() {
        std::fs::copy(&now, stored()).expect("the session can be stored");
    }
    let (then, now) = (names(&stored()), names(&now));
    let gone: Vec<_> = then.difference(&now).collect();
    let new: Vec<_> = now.difference(&then).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "what is saved changed: {gone:?} went, {new:?} came. Raise FORMAT, as this file says"
    );
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
