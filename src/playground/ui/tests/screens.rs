//! The screens of the one story, in every form.

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    style::{Color, Modifier},
};

use super::{
    assert_drawn, frame,
    session::{Session, broker},
    text,
};
use crate::{
    state::{
        Appearance, Depth, Glyphs, Happening, Key, Observation, Opened, Overlay, ProcessChange,
        Scheme, State, Thing,
    },
    ui::draw,
};

fn wide() -> Session {
    Session::new((120, 36), Appearance::default())
}

fn small() -> Session {
    Session::new((80, 24), Appearance::default())
}

fn with(appearance: Appearance) -> State {
    let mut session = Session::new((120, 36), appearance);
    session.rebalancing();
    session.state
}

#[test]
fn overview_while_a_group_rebalances_after_a_kill() {
    let mut session = wide();
    session.rebalancing();
    assert_drawn("overview_120x36", &session.state);
}

#[test]
fn small_overview_opens_the_picked_partition_only() {
    let mut session = small();
    session.rebalancing();
    session.key(Key::Tab);
    session.press('G');
    session.press('j');
    session.press('j');
    session.key(Key::Esc);
    session.state.view.record = None;
    session.state.view.message = None;
    session.state.view.tab = crate::state::Pane::Story;
    assert_drawn("overview_80x24", &session.state);
}

#[test]
fn before_zookeeper_notices_both_truths_are_shown() {
    let mut session = wide();
    session.killed();
    session.produced(100, 95, &[(2, 5)]);
    session.offsets(2, 39, &[(1, 39), (2, 39), (3, 39)]);
    session
        .at_12_01(7725)
        .zookeeper(9, &[(1, 100), (2, 100), (3, 600)]);
    session.tick();
    assert_drawn("killed_unnoticed_120x36", &session.state);
}

#[test]
fn a_broker_that_died_by_itself_shows_its_last_words() {
    let mut session = wide();
    session.all_ready();
    session.later(500).see(Observation::LogLines {
        process: broker(2),
        file: "~/.local/share/kafkarium/demo/broker-2/server.log".into(),
        lines: vec![
            "started".into(),
            "log dir failed".into(),
            "No space left on device".into(),
        ],
    });
    session.process(
        broker(2),
        ProcessChange::Exited {
            code: Some(101),
            signal: None,
        },
    );
    session.later(1200).tick();
    session.press('2');
    session.key(Key::Esc);
    assert_drawn("died_120x36", &session.state);
    session.key(Key::Enter);
    assert_drawn("opened_process_120x36", &session.state);
}

#[test]
fn more_processes_make_smaller_boxes() {
    let mut session = wide();
    session.rebalancing();
    for id in 4..=5 {
        session.later(500).press('a');
        let port = u16::try_from(9091 + id).expect("small");
        session.spawned(
            broker(id),
            u32::try_from(4200 + id).expect("small"),
            Some(port),
        );
        session.ready(broker(id), port);
    }
    assert_drawn("five_brokers_120x36", &session.state);
    for _ in 6..=12 {
        session.later(500).press('a');
    }
    session.happen(Happening::Resize(80, 24));
    assert_drawn("twelve_brokers_80x24", &session.state);
}

#[test]
fn a_frozen_broker_counts_down_its_session() {
    let mut session = wide();
    session.all_ready();
    session.later(2000).press('3');
    session.press('z');
    session.process(broker(3), ProcessChange::Frozen);
    session
        .later(600)
        .zookeeper(9, &[(1, 100), (2, 100), (3, 700)]);
    session.tick();
    assert_drawn("frozen_120x36", &session.state);
}

#[test]
fn ranges_stand_for_records_when_they_come_too_fast() {
    let mut session = wide();
    session.rebalancing();
    for second in 0..5_i64 {
        for partition in 0..3 {
            let end = 40_000 + second * 3000;
            session.offsets(partition, end, &[(1, end), (2, end - 100)]);
        }
        session.later(1000);
    }
    session.tick();
    assert_drawn("ranges_120x36", &session.state);
}

#[test]
fn first_frame_is_the_final_layout() {
    let mut session = wide();
    session.starting();
    assert_drawn("first_start_120x36", &session.state);
}

#[test]
fn ready_with_nothing_produced_is_the_coach() {
    let mut session = wide();
    session.all_ready();
    assert_drawn("ready_120x36", &session.state);
    let mut session = small();
    session.all_ready();
    assert_drawn("ready_80x24", &session.state);
}

#[test]
fn help_is_made_from_the_key_table() {
    let mut session = wide();
    session.rebalancing();
    session.press('?');
    assert_drawn("help_120x36", &session.state);
    session.press('/');
    for character in "kill".chars() {
        session.press(character);
    }
    assert_drawn("help_search_120x36", &session.state);
}

#[test]
fn palette_lies_over_the_lower_row() {
    let mut session = wide();
    session.rebalancing();
    session.press(':');
    for character in "ki br".chars() {
        session.press(character);
    }
    assert_drawn("palette_120x36", &session.state);
}

#[test]
fn what_enter_opens() {
    let mut session = wide();
    session.rebalancing();
    session.key(Key::Tab);
    session.key(Key::Enter);
    assert_drawn("opened_topic_120x36", &session.state);
    session.key(Key::Esc);
    session.key(Key::Tab);
    session.key(Key::Enter);
    assert_drawn("opened_record_120x36", &session.state);
    session.key(Key::Esc);
    session.press('P');
    assert_drawn("compose_120x36", &session.state);
}

#[test]
fn an_opened_group_names_what_differs_from_kafkas_defaults() {
    let mut session = wide();
    session.rebalancing();
    session.state.view.overlay = Overlay::Opened(Opened {
        what: Thing::Group("billing".to_owned()),
        scroll: 0,
    });
    let drawn = text(&frame(&session.state));
    for setting in [
        "group.min.session.timeout.ms 1000 (6000)",
        "log.retention.check.interval.ms 1000",
        "log.cleaner.backoff.ms 1000 (15000)",
        "replica.fetch.wait.max.ms 5000 (500)",
        "zookeeper.session.timeout.ms 1500 (18000)",
    ] {
        assert!(drawn.contains(setting), "{setting}: {drawn}");
    }
}

#[test]
fn a_window_too_small_says_so() {
    let mut session = Session::new((44, 10), Appearance::default());
    session.all_ready();
    session.produced(130, 128, &[]);
    assert_drawn("too_small_44x10", &session.state);
}

#[test]
fn a_large_window_is_filled() {
    let mut session = Session::new((200, 60), Appearance::default());
    session.rebalancing();
    assert_drawn("overview_200x60", &session.state);
}

#[test]
fn ascii_terminals_get_ascii_only() {
    let state = with(Appearance {
        glyphs: Glyphs::Ascii,
        ..Appearance::default()
    });
    assert!(text(&frame(&state)).is_ascii());
    assert_drawn("overview_120x36_ascii", &state);
}

#[test]
fn mono_writes_no_colour_to_the_terminal() {
    let state = with(Appearance {
        scheme: Scheme::Mono,
        ..Appearance::default()
    });
    let mut bytes = Vec::new();
    let backend = CrosstermBackend::new(&mut bytes);
    let viewport = ratatui::Viewport::Fixed(ratatui::layout::Rect::new(0, 0, 120, 36));
    let mut terminal = Terminal::with_options(backend, ratatui::TerminalOptions { viewport })
        .expect("bytes can always be written");
    terminal
        .draw(|frame| draw(&state, frame))
        .expect("bytes can always be written");
    drop(terminal);
    let written = String::from_utf8(bytes).expect("a terminal gets text");
    for sequence in written.split("\x1b[").skip(1) {
        let Some((codes, _)) = sequence.split_once('m') else {
            continue;
        };
        if !codes
            .chars()
            .all(|code| code.is_ascii_digit() || code == ';')
        {
            continue;
        }
        for code in codes.split(';').filter(|code| !code.is_empty()) {
            let code: u16 = code.parse().expect("only digits are left");
            let colour = matches!(code, 30..=38 | 40..=48 | 90..=107);
            assert!(!colour, "colour code {code} in {codes}");
        }
    }
    assert!(written.contains("\x1b[7m"), "chips are reversed");
}

#[test]
fn roles_have_their_colours_in_dark_and_light() {
    for (scheme, depth, leader, dead) in [
        (
            Scheme::Dark,
            Depth::True,
            Color::Rgb(0x72, 0xA8, 0xF0),
            Color::Rgb(0xEE, 0x78, 0x74),
        ),
        (
            Scheme::Light,
            Depth::True,
            Color::Rgb(0x0B, 0x3D, 0x91),
            Color::Rgb(0x8F, 0x0A, 0x1E),
        ),
        (
            Scheme::Dark,
            Depth::Indexed,
            Color::Indexed(75),
            Color::Indexed(210),
        ),
        (
            Scheme::Light,
            Depth::Indexed,
            Color::Indexed(24),
            Color::Indexed(88),
        ),
    ] {
        let drawn = frame(&with(Appearance {
            scheme,
            depth,
            ..Appearance::default()
        }));
        let chip = &drawn[(8, 8)];
        assert_eq!((chip.symbol(), chip.bg), ("◆", leader));
        let killed = &drawn[(66, 1)];
        assert_eq!(killed.bg, dead, "{}", killed.symbol());
        assert!(killed.modifier.contains(Modifier::BOLD));
    }
}

#[test]
fn nothing_breaks_at_any_size() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.rebalancing();
    for opener in ['\0', '?', ':', 'P', 't'] {
        let mut session = Session {
            state: session.state.clone(),
            ..wide()
        };
        session.at_12_01(10_000);
        if opener != '\0' {
            session.press(opener);
        }
        for columns in (1..140).step_by(7) {
            for rows in (1..50).step_by(3) {
                session.happen(Happening::Resize(columns, rows));
                let drawn = text(&frame(&session.state));
                assert_eq!(drawn.lines().count(), usize::from(rows));
            }
        }
    }
}

#[test]
fn a_moment_of_the_past_is_on_every_pane() {
    for (size, name) in [((120, 36), "past_120x36"), ((80, 24), "past_80x24")] {
        let mut session = Session::new(size, Appearance::default());
        session.rebalancing();
        session.later(4300);
        for _ in 0..5 {
            session.later(200).press('<');
        }
        assert_drawn(name, &session.state);
    }
}

#[test]
fn a_recorded_screen_says_so_and_a_caption_covers_nothing() {
    let mut session = wide();
    session.rebalancing();
    session.see(Observation::Recording {
        on: true,
        say: "recording the screen: demo.cast".into(),
    });
    for action in ["keys", "say \"nobody knows it yet\""] {
        let action = action.parse().expect("an action");
        session.later(1000).happen(Happening::Do(action));
    }
    session.later(400).press('2');
    let drawn = text(&frame(&session.state));
    let row = |index: usize| drawn.lines().nth(index).unwrap_or_default().to_owned();
    assert!(row(0).contains("● REC 0:02"), "{drawn}");
    assert!(row(33).contains("   nobody knows it yet   "), "{drawn}");
    assert!(row(33).contains(" 2 "), "{drawn}");
    session.later(8000).tick();
    let later = text(&frame(&session.state));
    assert!(!later.contains("nobody knows it yet"), "{later}");
}
