//! Every layout in every state at every size and in every look. What all drawings have in common
//! is asserted here; those that a person should read are stored beside.

use std::collections::BTreeSet;

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};

use super::{
    flow, frame, lists,
    session::{Session, broker, consumer},
    text, zookeeper,
};
use crate::{
    state::{
        Action, Appearance, Depth, Glyphs, Happening, Observation, ProcessChange, ProcessName,
        Scheme, ScreenAction, State, settings::Role,
    },
    ui::theme::Look,
};

const LAYOUTS: [&str; 9] = [
    "overview",
    "replication",
    "flow",
    "stage",
    "zookeeper",
    "quorum",
    "groups",
    "fleet",
    "developer",
];

const SIZES: [(u16, u16); 5] = [(60, 16), (80, 24), (100, 30), (120, 36), (200, 60)];

/// What brings a session somewhere.
type Story = fn(&mut Session);

/// How a cluster can be: its name, and what brings it there.
const STATES: [(&str, Story); 9] = [
    ("starting", |session| {
        session.starting();
    }),
    ("ready", |session| {
        session.all_ready();
    }),
    ("unnoticed", |session| {
        session.killed();
        session.produced(100, 95, &[(2, 5)]);
        session.later(600);
        session.zookeeper(9, &[(1, 100), (2, 100), (3, 700)]);
        session.tick();
    }),
    ("broken", |session| {
        session.rebalancing();
        zookeeper::tree_of(session);
    }),
    ("flowing", flow::busy),
    ("fast", |session| {
        flow::busy(session);
        for second in 0..5_i64 {
            for partition in 0..3 {
                let end = 1_240_321 + second * 30_017;
                session.offsets(partition, end, &[(1, end), (2, end - 10_417)]);
            }
            session.later(1000);
        }
        session.produced(3_721_304, 3_720_117, &[]);
        session.tick();
    }),
    ("frozen", |session| {
        session.all_ready();
        session.later(2000).press('2');
        session.press('z');
        session.process(broker(2), ProcessChange::Frozen);
        session.later(600);
        session.zookeeper(9, &[(1, 100), (2, 700), (3, 100)]);
        session.tick();
    }),
    ("many", |session| {
        lists::topics_and_groups(session);
        for id in 4..=12 {
            session.later(500).press('a');
            let port = u16::try_from(9091 + id).expect("small");
            session.spawned(broker(id), 4300, Some(port));
            session.ready(broker(id), port);
        }
    }),
    ("headless", |session| {
        session.rebalancing();
        let exited = ProcessChange::Exited {
            code: Some(101),
            signal: None,
        };
        session.process(ProcessName::ZooKeeper, exited);
        session.see(Observation::LostChecked { lost: 2 });
        session.later(2000).tick();
    }),
];

fn look(scheme: Scheme, depth: Depth, glyphs: Glyphs) -> Appearance {
    Appearance {
        scheme,
        depth,
        glyphs,
        ..Appearance::default()
    }
}

/// The state in this layout and size.
fn state(story: Story, layout: &str, size: (u16, u16), look: Appearance) -> State {
    let mut session = Session::new(size, look);
    story(&mut session);
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        layout.into(),
    ))));
    session.happen(Happening::Resize(size.0, size.1));
    session.state
}

/// Goes through all of them, in these sizes.
fn each(sizes: &[(u16, u16)], look: Appearance, mut see: impl FnMut(&str, &State, &Buffer)) {
    for (name, story) in STATES {
        let mut session = Session::new((120, 36), look);
        story(&mut session);
        for layout in LAYOUTS {
            session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
                layout.into(),
            ))));
            for (columns, rows) in sizes {
                session.happen(Happening::Resize(*columns, *rows));
                let drawn = frame(&session.state);
                let name = format!("{name}, {layout}, {columns}x{rows}");
                see(&name, &session.state, &drawn);
            }
        }
    }
}

/// Words that end at a frame's side, and words that do not.
fn words(drawn: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut at_side, mut free) = (BTreeSet::new(), BTreeSet::new());
    for line in drawn.lines().skip(1) {
        let line: Vec<char> = line.chars().collect();
        let mut word = String::new();
        for sign in line.into_iter().chain([' ']) {
            if matches!(sign, '│' | '┆' | '╮') && !word.is_empty() {
                at_side.insert(std::mem::take(&mut word));
            } else if sign == ' ' {
                free.insert(std::mem::take(&mut word));
            } else {
                word.push(sign);
            }
        }
    }
    (at_side, free)
}

#[test]
fn no_word_is_cut_at_a_side_without_saying_so() {
    let mut free = BTreeSet::new();
    let mut suspects = Vec::new();
    let dark = look(Scheme::Dark, Depth::True, Glyphs::Unicode);
    each(&SIZES, dark, |name, _, drawn| {
        let (ends, more) = words(&text(drawn));
        free.extend(more);
        suspects.extend(ends.into_iter().map(|word| (word, name.to_owned())));
    });
    let cut: Vec<String> = suspects
        .into_iter()
        .filter(|(word, _)| {
            let figure = word.chars().any(|sign| sign.is_ascii_digit());
            let letters = word.chars().all(|sign| sign.is_ascii_alphabetic());
            letters && !figure && !free.contains(word)
        })
        .map(|(word, name)| format!("{word:?} in {name}"))
        .collect();
    assert!(cut.is_empty(), "{}", cut.join("\n"));
}

#[test]
fn a_projector_of_a_hundred_columns_shows_who_reads_what() {
    let mut session = Session::new((100, 30), look(Scheme::Dark, Depth::True, Glyphs::Unicode));
    flow::busy(&mut session);
    let c1 = session.state.cluster.processes.get_mut(&consumer("c1"));
    c1.expect("it runs").pid = Some(27_949);
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("c1 ● up         p0 p1 "), "{drawn}");
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "flow".into(),
    ))));
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("the title says of how many."), "{drawn}");
    assert!(drawn.contains("level: has all of the leader"), "{drawn}");
}

#[test]
fn the_header_says_whole_numbers_or_none() {
    let dark = look(Scheme::Dark, Depth::True, Glyphs::Unicode);
    each(&SIZES, dark, |name, state, drawn| {
        let drawn = text(drawn);
        let header = drawn.lines().next().unwrap_or_default();
        let produced = &state.cluster.produced;
        if name.contains("stage") || produced.sent == 0 {
            return;
        }
        let lost = format!("lost {}", state.cluster.lost);
        let acked = crate::state::grouped(i64::try_from(produced.acked).expect("small"));
        let whole = header.contains(&format!("acked {acked}  {lost}"));
        assert!(whole, "{name}: {header}");
    });
}

#[test]
fn ascii_is_ascii_everywhere() {
    let ascii = look(Scheme::Dark, Depth::Ansi, Glyphs::Ascii);
    each(&SIZES, ascii, |name, _, drawn| {
        let drawn = text(drawn);
        let foreign: BTreeSet<char> = drawn.chars().filter(|sign| !sign.is_ascii()).collect();
        assert!(foreign.is_empty(), "{name}: {foreign:?}");
    });
}

#[test]
fn every_look_draws_the_same_signs_in_the_colours_of_its_roles() {
    let sizes = [(80, 24), (120, 36)];
    let mut plain = Vec::new();
    let dark = look(Scheme::Dark, Depth::True, Glyphs::Unicode);
    each(&sizes, dark, |_, _, drawn| plain.push(text(drawn)));
    for scheme in [Scheme::Dark, Scheme::Light, Scheme::Mono] {
        for depth in [Depth::True, Depth::Indexed, Depth::Ansi] {
            let mut meant = plain.iter();
            each(
                &sizes,
                look(scheme, depth, Glyphs::Unicode),
                |name, state, drawn| {
                    let signs = meant.next().expect("as many");
                    assert_eq!(&text(drawn), signs, "{name} in {scheme:?}");
                    let (inks, grounds) = colours(state);
                    for cell in &drawn.content {
                        let known = inks.contains(&cell.fg) && grounds.contains(&cell.bg);
                        assert!(known, "{name}, {scheme:?} {depth:?}: {cell:?}");
                    }
                },
            );
        }
    }
}

/// The colours of all roles of a look.
fn colours(state: &State) -> (Vec<Color>, Vec<Color>) {
    let look = Look::new(&state.view);
    let styles = Role::ALL.map(|(_, role)| look.style(role));
    let ink = styles.iter().filter_map(|style| style.fg);
    let ground = styles.iter().filter_map(|style| style.bg);
    let reset = || std::iter::once(Color::Reset);
    (
        ink.chain(reset()).collect(),
        ground.chain(reset()).collect(),
    )
}

#[test]
fn without_colours_a_state_is_a_word_that_stands_out() {
    let mono = look(Scheme::Mono, Depth::True, Glyphs::Unicode);
    let sizes = [(80, 24), (120, 36)];
    each(&sizes, mono, |name, _, drawn| {
        for cell in &drawn.content {
            let bare = (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
            assert!(bare, "{name}: {cell:?}");
        }
        let width = usize::from(drawn.area.width);
        for (row, cells) in drawn.content.chunks(width).enumerate() {
            let line: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
            for word in ["✗ KILLED", "✗ DIED", "z FROZEN"] {
                let Some(at) = line.find(word) else { continue };
                let column = line[..at].chars().count();
                let chip = Modifier::BOLD | Modifier::REVERSED;
                let cell = &cells[column];
                assert!(cell.modifier.contains(chip), "{name}, row {row}: {line}");
            }
        }
    });
}

/// Light and mono are the same signs: what differs is told in words beside them.
#[test]
fn what_a_person_should_read_in_each_layout_is_stored() {
    for (layout, name, story) in [
        ("replication", "broken", STATES[3].1),
        ("groups", "broken", STATES[3].1),
        ("flow", "many", STATES[7].1),
        ("stage", "unnoticed", STATES[2].1),
        ("developer", "fast", STATES[5].1),
        ("overview", "fast", STATES[5].1),
    ] {
        let dark = look(Scheme::Dark, Depth::True, Glyphs::Unicode);
        for (columns, rows) in [(80, 24), (120, 36)] {
            let state = state(story, layout, (columns, rows), dark);
            super::assert_drawn(&format!("{layout}_{name}_{columns}x{rows}"), &state);
        }
    }
}
