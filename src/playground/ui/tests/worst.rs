//! Keys at the worst moment for them: what they say is so, whole, and can be done from there.

use super::{
    frame,
    session::{Session, broker, consumer, orders},
    text,
};
use crate::state::{
    Action, Appearance, ClusterSeen, GroupSeen, Happening, Key, Observation, Opened, Overlay,
    PartitionSeen, ProcessChange, ProcessName, Request, ScreenAction, Thing, TopicSeen,
};
use wire::{BrokerId, GroupState, Offset};

fn screen(session: &Session) -> String {
    text(&frame(&session.state))
}

fn ready(size: (u16, u16)) -> Session {
    let mut session = Session::new(size, Appearance::default());
    session.all_ready();
    session.later(1000);
    session
}

fn kill(session: &mut Session, id: i32) {
    let action: Action = format!("kill broker {id}").parse().expect("an action");
    session.later(200).happen(Happening::Do(action));
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.later(20).process(broker(id), exited);
}

/// 60 brokers are asked for, and so many of them died before the others were ready.
fn start_without(dead: &[i32], size: (u16, u16)) -> Session {
    let mut session = Session::new(size, Appearance::default());
    for id in 4..=60 {
        let port = 9091 + u16::try_from(id).expect("small");
        let pid = 4200 + u32::try_from(id).expect("small");
        session.spawned(broker(id), pid, Some(port));
        if dead.contains(&id) {
            let file = format!("~/.local/share/kafkarium/demo/broker-{id}/server.log");
            session.see(Observation::LogLines {
                process: broker(id),
                file,
                lines: Vec::new(),
            });
            let exited = ProcessChange::Exited {
                code: Some(1),
                signal: None,
            };
            session.process(broker(id), exited);
        } else {
            session.ready(broker(id), port);
        }
    }
    session.all_ready();
    session
}

#[test]
fn a_start_without_some_brokers_says_how_many_and_what_helps_at_every_width() {
    let many: Vec<i32> = (20..40).collect();
    for size in [(80, 24), (120, 36), (160, 44), (200, 60)] {
        for (dead, up, who, from) in [
            (vec![35, 37, 45], 57, ": brokers 35,37,45 died", 160),
            (many.clone(), 40, ": brokers 20,21,22 and 17 more died", 200),
        ] {
            let drawn = screen(&start_without(&dead, size));
            let said = drawn.lines().find(|line| line.contains("ready in 0.192 s"));
            let said = said.expect("it is ready");
            let of = format!(" with {up} of 60 brokers");
            assert!(said.contains(&of), "{drawn}");
            assert!(said.contains("  H starts them"), "{drawn}");
            assert_eq!(said.contains(who), size.0 >= from, "{drawn}");
        }
    }
}

#[test]
fn a_question_is_seen_where_there_is_no_footer() {
    for (size, page) in [
        ((120, 36), "?"),
        ((80, 24), "?"),
        ((50, 14), ""),
        ((20, 5), ""),
    ] {
        let mut session = ready(size);
        for key in page.chars() {
            session.press(key);
        }
        session.later(400).key(Key::Ctrl('c'));
        let drawn = screen(&session);
        let said = drawn.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains("^C again quits: the processes end, the data stays"),
            "{drawn}"
        );
        session.later(400).key(Key::Esc);
        assert!(!screen(&session).contains("again quits"));
    }
}

#[test]
fn bad_news_are_seen_in_a_window_that_is_too_small() {
    let mut session = ready((50, 14));
    session.see(Observation::Failed {
        why: "the disk is full".into(),
    });
    assert!(screen(&session).contains("the disk is full"));
}

#[test]
fn a_key_says_that_there_is_nothing_to_delete() {
    let mut session = ready((80, 24));
    session.see(Observation::Cluster(ClusterSeen::default()));
    assert_eq!(session.press('D'), []);
    let drawn = screen(&session);
    assert!(
        drawn.contains("there is no topic orders: t makes one"),
        "{drawn}"
    );
}

#[test]
fn the_first_keys_to_try_can_be_pressed() {
    let mut session = ready((120, 36));
    session.press('3');
    let drawn = screen(&session);
    assert!(
        drawn.contains("x kill broker 3   r start it again"),
        "{drawn}"
    );
    kill(&mut session, 3);
    let drawn = screen(&session);
    assert!(
        drawn.contains("+ a stream   r start broker 3 again"),
        "{drawn}"
    );
    assert!(!drawn.contains("x kill broker 3"), "{drawn}");
}

#[test]
fn in_a_moment_that_is_over_the_palette_finds_what_is_typed_and_says_what_does_nothing() {
    let mut session = ready((120, 36));
    session.press(' ');
    session.later(100).press(':');
    for sign in "kill".chars() {
        session.later(100).press(sign);
    }
    let Overlay::Palette(palette) = &session.state.view.overlay else {
        panic!("it is open");
    };
    let first = palette.found.first().expect("something matches");
    assert_eq!(
        (first.text.as_str(), first.note.as_str(), first.idle),
        ("kill broker 3", "not now", true)
    );
    // What goes on underneath changes nothing in it.
    kill(&mut session, 1);
    let drawn = screen(&session);
    assert!(
        drawn.contains("►kill broker 3             x  not now"),
        "{drawn}"
    );
    session.happen(Happening::Do(Action::Screen(ScreenAction::Palette(
        "layout st".into(),
    ))));
    let drawn = screen(&session);
    assert!(drawn.contains("layout stage"), "{drawn}");
}

#[test]
fn a_page_goes_up_again_from_its_end() {
    let mut session = ready((80, 24));
    session.state.view.overlay = Overlay::Opened(Opened {
        what: Thing::Group("billing".into()),
        scroll: 0,
    });
    let top = screen(&session);
    session.later(400).press('G');
    let end = screen(&session);
    assert!(end.contains("zookeeper.session.timeout.ms"), "{end}");
    assert_ne!(end, top);
    session.later(400).key(Key::Up);
    assert_ne!(screen(&session), end, "one line up");
    session.later(400).key(Key::Down);
    session.later(400).key(Key::Down);
    assert_eq!(screen(&session), end);
}

#[test]
fn without_a_topic_keys_that_need_one_say_how_to_make_one() {
    let mut session = ready((80, 24));
    session.see(Observation::Cluster(ClusterSeen::default()));
    for key in ['p', 'P', '+'] {
        assert_eq!(session.later(3000).press(key), [], "{key}");
        let drawn = screen(&session);
        assert!(
            drawn.contains("there is no topic orders: t makes one"),
            "{drawn}"
        );
    }
    session.later(3000).press('m');
    let drawn = screen(&session);
    assert!(drawn.contains("could move: t makes one"), "{drawn}");
    assert_eq!(session.state.view.overlay, Overlay::None);
}

#[test]
fn a_broker_that_does_not_exist_can_only_be_added_where_that_works() {
    let mut session = ready((120, 36));
    session.press('9');
    assert!(screen(&session).contains("0 is ZooKeeper, a adds a broker"));
    session.happen(Happening::Do("kill zookeeper".parse().expect("an action")));
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.process(ProcessName::ZooKeeper, exited);
    session.later(3000).press('9');
    let drawn = screen(&session);
    assert!(
        drawn.contains("0 is ZooKeeper") && !drawn.contains("adds a broker"),
        "{drawn}"
    );
    // A broker that found no ZooKeeper would only die again.
    let died = ProcessChange::Exited {
        code: Some(1),
        signal: None,
    };
    session.later(3000).process(broker(2), died);
    let drawn = screen(&session);
    assert!(
        drawn.contains("DIED: exit 1.  it needs ZooKeeper: H starts both"),
        "{drawn}"
    );
}

#[test]
fn a_new_group_without_a_coordinator_is_not_nobody() {
    for size in [(80, 24), (120, 36)] {
        let mut session = ready(size);
        for id in 1..=3 {
            kill(&mut session, id);
        }
        session.later(300).press('C');
        while size.0 == 80 && !screen(&session).contains("Who reads what") {
            session.later(300).key(Key::Tab);
        }
        let drawn = screen(&session);
        assert!(
            drawn.contains("c3 waits for a") && !drawn.contains("Nobody reads"),
            "{drawn}"
        );
    }
}

#[test]
fn the_guide_heals_all_where_one_broker_would_not_do() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.rebalancing();
    session.later(20_000).tick();
    let line = |session: &Session| session.state.coach_line().unwrap_or_default();
    session.state.coach.hidden = false;
    assert_eq!(line(&session), "Press r: start broker 3 again.");
    kill(&mut session, 2);
    assert_eq!(line(&session), "Press H: start all again.");
}

#[test]
fn a_mark_at_the_end_of_the_log_keeps_away_from_the_figures() {
    let mut session = ready((80, 24));
    session.later(100).key(Key::Esc);
    session.offsets(0, 79, &[(1, 79), (2, 79), (3, 79)]);
    session.group(GroupState::Stable, [79, 0, 0]);
    session.see(Observation::Group(GroupSeen {
        group: "shipping".into(),
        state: GroupState::Empty,
        committed: vec![(orders(0), Offset(79))],
        ..GroupSeen::default()
    }));
    let drawn = screen(&session);
    let readers = drawn.lines().find(|line| line.contains("readers"));
    let readers = readers.expect("the lane is open");
    let before = readers.split("lag").next().expect("the figures");
    assert!(before.ends_with(' '), "{drawn}");
}

#[test]
fn nobody_leads_is_apart_from_where_logs_end() {
    let mut session = ready((80, 24));
    session.later(100).key(Key::Esc);
    session.offsets(0, 1, &[(1, 1), (2, 1), (3, 1)]);
    let nobody = PartitionSeen {
        leader: None,
        replicas: [1, 2, 3].map(BrokerId).to_vec(),
        isr: [1, 2, 3].map(BrokerId).to_vec(),
        ..PartitionSeen::default()
    };
    session.see(Observation::Cluster(ClusterSeen {
        topics: vec![TopicSeen {
            name: "orders".into(),
            partitions: vec![nobody],
            ..TopicSeen::default()
        }],
        ..ClusterSeen::default()
    }));
    let drawn = screen(&session);
    assert!(drawn.contains("none "), "{drawn}");
}

#[test]
fn one_consumer_pauses_and_several_pause() {
    let mut session = ready((120, 36));
    session.offsets(0, 36, &[(1, 36), (2, 36), (3, 36)]);
    session.group(GroupState::Stable, [35, 0, 0]);
    let rewind = |session: &mut Session| {
        session
            .later(500)
            .happen(Happening::Do(Action::Screen(ScreenAction::Palette(
                "group rewind billing orders p0 30".into(),
            ))));
        session.key(Key::Enter);
        let drawn = screen(session);
        session.later(200).key(Key::Esc);
        drawn
    };
    let drawn = rewind(&mut session);
    assert!(drawn.contains(", c1 c2 pause meanwhile"), "{drawn}");
    let exited = ProcessChange::Exited {
        code: Some(0),
        signal: None,
    };
    session.process(consumer("c2"), exited);
    let drawn = rewind(&mut session);
    assert!(drawn.contains(", c1 pauses meanwhile"), "{drawn}");
}

#[test]
fn before_a_broker_answers_keys_that_need_one_say_so() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.starting();
    for key in ['e', 't', 'm'] {
        assert_eq!(session.later(3000).press(key), [], "{key}");
        let drawn = screen(&session);
        assert!(drawn.contains("no broker answers yet"), "{drawn}");
        assert_eq!(session.state.view.overlay, Overlay::None);
    }
    // The start brings c1 and c2.
    session.later(3000).press('c');
    let third = ProcessName::Consumer("c3".into());
    assert!(session.state.cluster.processes.contains_key(&third));
}

#[test]
fn a_prompt_says_whole_words_in_the_smallest_window() {
    for (columns, words) in [
        (60, "REPLICATION-FACTOR, as in: chat 4 2 "),
        (80, "as in: chat 4 2   esc closes"),
    ] {
        let mut session = ready((columns, 16));
        session.press('t');
        let drawn = screen(&session);
        assert!(drawn.contains(words), "{drawn}");
        assert_eq!(drawn.contains("esc"), columns == 80, "{drawn}");
    }
}

#[test]
fn the_terminal_is_left_and_drawn_again_while_a_question_is_open() {
    let mut session = ready((80, 24));
    session.press('D');
    assert!(screen(&session).contains("for good?   y delete"));
    assert_eq!(session.later(400).key(Key::Ctrl('z')), [Request::Suspend]);
    assert_eq!(session.later(400).key(Key::Ctrl('l')), [Request::Redraw]);
    assert!(screen(&session).contains("for good?   y delete"));
    assert_eq!(session.later(400).key(Key::Ctrl('c')), []);
    let drawn = screen(&session);
    assert!(
        drawn.contains("kept as it is") && !drawn.contains("for good?"),
        "{drawn}"
    );
}

#[test]
fn a_caption_without_room_leaves_out_whole_sentences() {
    let mut session = ready((80, 24));
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "stage".into(),
    ))));
    session.spawned(broker(4), 4124, Some(9095));
    session.ready(broker(4), 9095);
    for id in 1..=3 {
        kill(&mut session, id);
    }
    let drawn = screen(&session);
    assert!(drawn.contains("would lose them. …"), "{drawn}");
    assert!(!drawn.contains("acknowledge…"), "{drawn}");
}
