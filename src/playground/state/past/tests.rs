//! Stepping back and on, playing what was saved, and what no key of the past may do.

use std::time::Duration;

use super::page::EVENT_BYTES;
use crate::{
    state::{
        Appearance, Event, Happening, Key, KeyPress, Request, Setup, State, Timestamp, update,
    },
    ui::tests::{frame, session::Session, text},
};

/// The demo's story: started, fed, broker 3 killed, the group rebalancing.
fn told() -> Session {
    let mut session = Session::new((120, 36), Appearance::default());
    session.rebalancing();
    session
}

/// Everything on the screen but what says which moment it is.
fn panes(state: &State) -> String {
    let drawn = text(&frame(state));
    let rows: Vec<&str> = drawn.lines().skip(1).take(33).collect();
    let rows = rows.join("\n");
    rows.lines()
        .map(|row| match row.find("What happened") {
            Some(title) => &row[..title],
            None => row,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// What happened, as lines.
fn lines(state: &State) -> Vec<String> {
    let entries = state.story.entries().iter();
    entries
        .map(|entry| {
            format!(
                "{:#} {} {} {:?}",
                entry.at.clock(0),
                entry.depth,
                entry.hand,
                entry.text
            )
        })
        .collect()
}

fn setup_of(session: &Session) -> Setup {
    Setup {
        started_at: session.at.plus(Duration::from_secs(3600)),
        ..session.state.setup.clone()
    }
}

#[test]
fn a_page_reads_back_as_the_state_it_was_written_from() {
    let session = told();
    let before = panes(&session.state);
    let written = rmp_serde::to_vec_named(&session.state).expect("it has a form");
    let read: State = rmp_serde::from_slice(&written).expect("it reads back");
    assert_eq!(panes(&read), before);
}

/// What a saved session shows when it was played to its end.
fn last_picture(session: &Session) -> Box<State> {
    let mut replay = State::replay(session.state.past.history.clone(), &setup_of(session))
        .expect("a whole session");
    let hours = Timestamp(replay.now.0).plus(Duration::from_secs(3600));
    update(
        &mut replay,
        Event {
            at: hours,
            what: Happening::Tick,
        },
    );
    replay.held.expect("a moment is shown")
}

#[test]
fn a_saved_session_ends_with_the_screen_that_was_there() {
    let session = told();
    let picture = last_picture(&session);
    assert_eq!(lines(&picture), lines(&session.state));
    let mut end = *picture;
    end.now = session.state.now;
    end.view = session.state.view.clone();
    end.picture_of = None;
    assert_eq!(text(&frame(&end)), text(&frame(&session.state)));
}

#[test]
fn stepping_back_shows_each_line_as_the_newest_and_stepping_on_comes_back() {
    let mut session = told();
    session.press(' ');
    let mut seen = Vec::new();
    loop {
        let before = session.state.past.at;
        session.later(200).press('<');
        if session.state.past.at == before {
            break;
        }
        let picture = session.state.held.as_ref().expect("held");
        seen.push((
            session.state.past.at,
            picture.story.told,
            panes(&session.state),
        ));
    }
    assert!(seen.len() > 10, "{} steps", seen.len());
    assert!(
        seen.is_sorted_by(|one, next| one.1 > next.1),
        "each step takes lines away"
    );
    for (at, _, screen) in seen.iter().rev().skip(1) {
        session.later(200).press('>');
        assert_eq!(session.state.past.at, *at);
        assert_eq!(panes(&session.state), *screen);
    }
}

#[test]
fn life_goes_on_under_a_held_picture_and_space_returns_to_it() {
    let mut session = told();
    session.later(100).press(' ');
    let held = panes(&session.state);
    session.later(100).offsets(0, 99, &[(1, 99), (2, 99)]);
    session.later(100).produced(500, 499, &[]);
    assert_eq!(panes(&session.state), held);
    assert_eq!(session.state.cluster.produced.acked, 499);
    session.later(100).press(' ');
    assert!(text(&frame(&session.state)).contains("acked 499"));
}

#[test]
fn nothing_done_in_the_past_reaches_the_cluster() {
    for key in "xszrHpPcCatD".chars() {
        let mut session = told();
        session.later(500).press('<');
        let requests = session.later(500).press(key);
        assert!(
            requests.iter().all(Request::concerns_the_terminal),
            "{key}: {requests:?}"
        );
        let screen = text(&frame(&session.state));
        assert!(
            screen.contains("not now. space returns to now"),
            "{key}:\n{screen}"
        );
    }
}

#[test]
fn moving_about_in_the_past_moves_the_eye_and_is_no_part_of_the_session() {
    let mut session = told();
    session.later(500).press('<');
    session.later(200).press('1');
    session.later(200).key(Key::Tab);
    let shown = text(&frame(&session.state));
    assert!(
        shown.contains("► 1 ●") || shown.contains("► Replicas"),
        "{shown}"
    );
    session.later(200).press(' ');
    session.later(200).press('x');
    let picture = last_picture(&session);
    assert_eq!(
        lines(&picture),
        lines(&session.state),
        "the kill hit what the eye had picked in the past"
    );
}

#[test]
fn a_replay_refuses_verbs_plays_faster_and_quits_at_once() {
    let session = told();
    let mut replay = State::replay(session.state.past.history.clone(), &setup_of(&session))
        .expect("a whole session");
    let mut at = replay.now;
    let mut press = |replay: &mut State, key| {
        at = at.plus(Duration::from_millis(300));
        let what = Happening::Key(KeyPress {
            key: Key::Char(key),
            repeat: false,
        });
        update(replay, Event { at, what })
    };
    assert!(press(&mut replay, 'x').is_empty());
    assert!(text(&frame(&replay)).contains("no cluster is behind it"));
    press(&mut replay, '+');
    press(&mut replay, '+');
    let faster = text(&frame(&replay));
    assert!(faster.contains(" x4 "), "{faster}");
    press(&mut replay, ' ');
    assert!(text(&frame(&replay)).contains(" held "));
    assert_eq!(press(&mut replay, 'q'), [Request::Quit]);
}

#[test]
fn the_past_is_bounded_and_says_what_was_let_go() {
    let mut session = told();
    session.state.past.history.bytes_max = 100_000;
    session.later(500).press(' ');
    let shown = text(&frame(&session.state));
    assert!(shown.contains(", 1 of 1 MiB kept"), "{shown}");
    session.later(500).press(' ');
    let event = Event {
        at: session.at,
        what: Happening::Paste("a line".repeat(2000)),
    };
    let mut history = std::mem::take(&mut session.state.past.history);
    for _ in 0..20_000 {
        history.remember(&session.state, &event);
    }
    assert!(history.bytes < 100_000, "{} bytes", history.bytes);
    assert!(history.len() >= 20_000);
    session.state.past.history = history;
    session.later(500).press(' ');
    let shown = text(&frame(&session.state));
    assert!(shown.contains(", 1 MiB kept since 12:01:"), "{shown}");
    for _ in 0..3 {
        session.later(500).press('<');
    }
    let shown = text(&frame(&session.state));
    assert!(shown.contains(" was let go: 1 MiB are kept"), "{shown}");
}

/// What the open page and what packs it may take: the buffers grow by doubling.
const OPEN_BYTES_MAX: usize = 4 * EVENT_BYTES;

#[test]
fn after_hours_of_a_stream_the_past_takes_no_more_room() {
    const HOURS: u64 = 4;
    let mut session = told();
    session.state.past.history.bytes_max = 128 * 1024;
    let mut most_in = Vec::new();
    for hour in 0..HOURS {
        let mut most = 0;
        for second in 0..3600 {
            let count = hour * 3600 + second;
            let first = i64::try_from(count).expect("small") * 4;
            session.later(700);
            session.records(1, first, "ben eli ben eli");
            session.offsets(1, first + 4, &[(1, first + 4), (2, first + 2)]);
            session.produced(count * 4 + 4, count * 4 + 3, &[(1, 1)]);
            session.later(300).tick();
            let history = &session.state.past.history;
            assert!(history.bytes <= history.bytes_max, "{}", history.bytes);
            let open = history.bytes() - history.bytes;
            assert!(
                open <= OPEN_BYTES_MAX,
                "{open} bytes are not in closed pages"
            );
            most = most.max(history.bytes());
        }
        most_in.push(most);
    }
    let (first, last) = (most_in[1], most_in[most_in.len() - 1]);
    assert!(last <= first + first / 20, "{most_in:?} bytes in each hour");
    let kept = session.state.past.history.kept();
    let since = kept.since.expect("the beginning was let go");
    assert!(session.at.since(since) < Duration::from_secs(2 * 3600));
    // What is kept can be looked at.
    session.later(500).press('<');
    assert!(session.state.held.is_some());
}
