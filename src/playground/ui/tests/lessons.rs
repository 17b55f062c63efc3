//! Lessons on the screen: they go on when the cluster says so, and ask before something happens.

use super::{
    assert_drawn, frame,
    session::{Session, broker},
    text,
};
use crate::state::{
    Action, Appearance, Happening, Key, LEARNED, Observation, Overlay, Part, ProcessChange,
    ProcessName, Request, ScreenAction,
};
use wire::{Offset, report::Report};

fn ready(size: (u16, u16)) -> Session {
    let mut session = Session::new(size, Appearance::default());
    session.all_ready();
    session.later(100).key(Key::Esc);
    session
}

fn wanted(session: &mut Session, action: &str) {
    let action: Action = action.parse().expect("an action");
    session.later(300).happen(Happening::Do(action));
}

fn shown(session: &Session) -> String {
    text(&frame(&session.state))
}

fn says(session: &Session, words: &str) {
    let screen = shown(session);
    assert!(screen.contains(words), "no {words:?} in\n{screen}");
}

/// Broker 3 was killed with its keys; `ZooKeeper` missed it, broker 1 leads p2.
fn broker_3_dies(session: &mut Session) {
    session.later(1000).press('3');
    session.later(100).press('x');
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.later(5).process(broker(3), exited);
    session.later(1500).report(
        ProcessName::ZooKeeper,
        Report::SessionExpired {
            session: 3,
            timeout_ms: 1500,
            ephemerals: vec!["/brokers/ids/3".into()],
        },
    );
    session
        .later(9)
        .partition_changed(2, (3, 1), (0, 1), &[3, 1, 2], &[1, 2]);
    session
        .later(20)
        .metadata(&[1, 2], [(1, 0, &[1, 2]), (2, 0, &[2, 1]), (1, 1, &[1, 2])]);
}

#[test]
fn a_lesson_asks_and_the_cluster_answers() {
    for (size, name) in [((120, 36), "120x36"), ((80, 24), "80x24")] {
        let mut session = ready(size);
        wanted(&mut session, "lesson leader");
        assert!(
            session
                .requests
                .iter()
                .any(|it| matches!(it, Request::Stream { .. })),
            "it needs a stream"
        );
        session.later(300).press('b');
        assert_drawn(&format!("lesson_asks_{name}"), &session.state);
        session.later(2000).key(Key::Enter);
        says(&session, "you said b");
        broker_3_dies(&mut session);
        session.later(400).tick();
        assert_drawn(&format!("lesson_answered_{name}"), &session.state);
        if size == (80, 24) {
            says(&session, "PgDn: why it is so");
            session.later(300).key(Key::PageDown);
            assert_drawn("lesson_why_80x24", &session.state);
        }
        session.later(300).key(Key::PageDown);
        says(&session, "2 of 6");
    }
}

#[test]
fn what_does_not_fit_is_read_in_two_halves_by_a_clicker() {
    let mut session = ready((80, 24));
    wanted(&mut session, "lesson leader");
    session.later(300).key(Key::PageDown);
    broker_3_dies(&mut session);
    assert!(!shown(&session).contains("Broker 3 said nothing"));
    session.later(300).key(Key::PageDown);
    says(&session, "Broker 3 said nothing");
    says(&session, "PgDn goes on");
    session.later(300).key(Key::PageUp);
    says(&session, "you said a");
    says(&session, "1 of 6");
    // A window that has room for all of it has one half.
    session.later(300).happen(Happening::Resize(160, 60));
    says(&session, "you said a");
    says(&session, "Broker 3 said nothing");
    session.later(300).key(Key::PageDown);
    says(&session, "2 of 6");
}

#[test]
fn a_step_for_another_shell_shows_what_to_type_there() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson shell");
    says(&session, "$ kafkarium topics create --bootstrap-server");
    says(&session, "$ kafka-topics.sh --bootstrap-server");
    says(&session, "□ topic chat partitions 3");
}

#[test]
fn keys_that_follow_each_other_work_in_that_order() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson min-insync");
    for pick in ['2', '3', '1'] {
        session.later(300).press(pick);
        let first = if pick == '2' { "x" } else { "2 x" };
        let sheet = session.state.lesson_sheet().expect("it is open");
        let how = Part::How(format!("{first}, then 3 x"));
        assert!(sheet.parts.contains(&how), "{sheet:?}");
    }
}

#[test]
fn a_look_back_says_that_it_takes_nothing_back() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson leader");
    session.later(300).key(Key::PageDown);
    broker_3_dies(&mut session);
    // Its reason, then the next step.
    session.later(300).key(Key::PageDown);
    session.later(300).key(Key::PageDown);
    says(&session, "2 of 6");
    session.requests.clear();
    session.later(300).key(Key::PageUp);
    says(&session, "nothing on the cluster is taken back");
    says(&session, "you said a");
    assert_eq!(session.requests, []);
}

#[test]
fn a_guess_that_was_wrong_is_told_as_what_it_was() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson leader");
    session.later(300).press('a');
    session.later(300).key(Key::PageDown);
    broker_3_dies(&mut session);
    let screen = shown(&session);
    assert!(
        screen.contains("you said a") && !screen.contains("you said a  ✓"),
        "{screen}"
    );
    says(&session, "the cluster: b");
}

#[test]
fn whoever_is_faster_than_the_question_is_told_so() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson leader");
    broker_3_dies(&mut session);
    says(&session, "the cluster was faster than your guess");
}

#[test]
fn letters_belong_to_the_question_while_it_has_the_keys() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson leader");
    session.requests.clear();
    session.later(300).press('c');
    assert_eq!(session.requests, [], "nobody is added to the group");
    says(&session, "► c");
    session.later(300).key(Key::Tab);
    session.later(300).press('c');
    assert!(
        session
            .requests
            .iter()
            .any(|it| matches!(it, Request::AddConsumer(_))),
        "elsewhere it adds a consumer"
    );
}

#[test]
fn a_clicker_alone_leads_through_a_lesson() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson list");
    session.later(300).press('.');
    says(&session, "1 of 3");
    session.requests.clear();
    session.later(300).press('.');
    assert!(
        session
            .requests
            .iter()
            .any(|it| matches!(it, Request::Produce(_))),
        "the step is done"
    );
    session.produced(1, 1, &[]);
    session
        .offsets(0, 1, &[(1, 1), (2, 1), (3, 1)])
        .records(0, 0, "amy");
    says(&session, "✓ record orders key amy");
    session.later(300).key(Key::PageDown);
    says(&session, "2 of 3");
    session.later(300).key(Key::PageUp);
    says(&session, "✓ record orders key amy");
}

#[test]
fn records_of_yesterday_do_no_step() {
    let mut session = ready((120, 36));
    session
        .offsets(0, 1, &[(1, 1), (2, 1), (3, 1)])
        .records(0, 0, "amy");
    wanted(&mut session, "lesson 1");
    says(&session, "□ record orders key amy");
}

#[test]
fn a_hint_comes_after_idle_seconds_or_two_tries_that_changed_nothing() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson 1");
    session.later(44_000).tick();
    assert!(!shown(&session).contains("▪ hint"));
    session.later(2000).tick();
    says(&session, "▪ hint");
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson 1");
    session.later(500).press('+');
    session.later(500).press('-');
    session.later(3100).tick();
    says(&session, "▪ hint");
}

#[test]
fn what_is_undone_is_open_again() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson leader");
    session.later(300).key(Key::Enter);
    broker_3_dies(&mut session);
    says(&session, "you said a");
    session.later(300).press('r');
    session.later(100).spawned(broker(3), 4143, Some(9094));
    session.later(100).ready(broker(3), 9094);
    let isr: &[i32] = &[1, 2];
    session.metadata(&[1, 2, 3], [(1, 0, isr), (2, 0, isr), (1, 1, isr)]);
    session.later(2100).tick();
    session.later(100).tick();
    says(&session, "2 of 6");
    // Only the stream that the last step stops can be undone without beginning the next.
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson min-insync");
    for id in [2, 3] {
        wanted(&mut session, &format!("kill broker {id}"));
        let exited = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.process(broker(id), exited);
    }
    session.metadata(&[1], [(1, 1, &[1]), (1, 1, &[1]), (1, 1, &[1])]);
    says(&session, "✓ brokers up 1");
    wanted(&mut session, "start broker 2");
    wanted(&mut session, "start broker 3");
    for id in [2, 3] {
        session.spawned(broker(id), 4150, Some(9092));
        session.ready(broker(id), 9092);
    }
    session.later(100).tick();
    session.later(2100).tick();
    says(&session, "so step 1 is open again");
}

#[test]
fn progress_is_kept_and_offered_at_the_next_start() {
    let mut session = Session::new((120, 36), Appearance::default());
    let kept = |text: Option<&str>| Observation::SettingsFile {
        file: LEARNED.into(),
        text: text.map(str::to_owned),
        at_start: true,
    };
    session.see(kept(None));
    session.all_ready();
    says(&session, "minutes: L");
    wanted(&mut session, "lesson 1");
    wanted(&mut session, "lesson next");
    let keeps = session.requests.iter().rev().find_map(|it| match it {
        Request::KeepProgress(text) => Some(text.clone()),
        _ => None,
    });
    let keeps = keeps.expect("it is kept");
    assert!(keeps.contains("[at.\"record\"]\nstep = 2"), "{keeps}");
    let mut later = Session::new((120, 36), Appearance::default());
    later.see(kept(Some(&keeps)));
    later.all_ready_again();
    says(&later, "lesson 1 goes on at 2 of 3: L");
    wanted(&mut later, "lesson 1");
    says(&later, "2 of 3");
}

#[test]
fn the_list_says_what_is_done_and_what_keys_do() {
    for (size, name) in [((120, 36), "120x36"), ((80, 24), "80x24")] {
        let mut session = ready(size);
        session.see(Observation::SettingsFile {
            file: LEARNED.into(),
            text: Some("done = [\"record\", \"partition\"]\n[at.leader]\nstep = 2".into()),
            at_start: true,
        });
        session.see(Observation::SettingsFile {
            file: "lessons/mine.toml".into(),
            text: Some("title = 1".into()),
            at_start: true,
        });
        session.later(7000).tick();
        wanted(&mut session, "lesson");
        assert!(matches!(session.state.view.overlay, Overlay::Lessons(_)));
        says(&session, "enter go on at step 2");
        says(&session, "lessons/mine.toml:1:1 \"step\" is missing here");
        assert_drawn(&format!("lessons_{name}"), &session.state);
    }
}

#[test]
fn an_own_lesson_is_read_again_and_a_mistake_leaves_the_old_one() {
    let mut session = ready((120, 36));
    let own = "title = \"mine\"\nminutes = 2\n[[step]]\ntext = \"Stop the stream.\"\n\
               check = \"stream off and broker 3 down\"\nhint = \"-\"\nwhy = \"So it is.\"\ndo = [\"stream off\"]\n";
    let save = |session: &mut Session, text: &str| {
        session.later(100).see(Observation::SettingsFile {
            file: "lessons/mine.toml".into(),
            text: Some(text.to_owned()),
            at_start: false,
        });
    };
    save(&mut session, own);
    wanted(&mut session, "lesson mine");
    says(&session, "Stop the stream.");
    save(&mut session, &own.replace("the stream.", "all of it."));
    says(&session, "Stop all of it.");
    save(&mut session, &own.replace("broker 3 down", "brokr 3 down"));
    says(&session, "The old lesson stays.");
    says(&session, "Stop all of it.");
}

#[test]
fn every_layout_shows_the_lesson() {
    for layout in [
        "overview",
        "replication",
        "flow",
        "stage",
        "zookeeper",
        "groups",
        "developer",
    ] {
        for size in [(120, 36), (100, 30), (80, 24)] {
            let mut session = ready(size);
            let layout = Action::Screen(ScreenAction::Layout(layout.into()));
            session.happen(Happening::Do(layout.clone()));
            wanted(&mut session, "lesson 1");
            says(&session, "1 of 3");
            says(&session, "record orders key amy");
            if size == (120, 36) || layout.to_string() == "layout stage" {
                let name = layout.to_string().replace("layout ", "");
                assert_drawn(
                    &format!("lesson_{name}_{}x{}", size.0, size.1),
                    &session.state,
                );
            }
        }
    }
}

#[test]
fn who_came_before_whom_and_was_read_after_stands_beside_the_quiz() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson restaurant");
    says(&session, "Nobody here has read it yet.");
    for (partition, keys) in [(0, "amy eli fay"), (1, "ben cleo dan")] {
        session.offsets(partition, 3, &[(1, 3), (2, 3), (3, 3)]);
        session.records(partition, 0, keys);
    }
    let read = |session: &mut Session, partition: i32, offset: i64, second: i64| {
        session.later(10).report(
            ProcessName::Consumer("c1".into()),
            Report::Record {
                topic: "orders".into(),
                partition,
                offset: Offset(offset),
                timestamp_ms: second * 1000,
                key: None,
                value: None,
                lossy: false,
            },
        );
    };
    read(&mut session, 0, 0, 1);
    says(&session, "✓ read in the order they came");
    for (partition, offset, second) in [(0, 1, 5), (0, 2, 6), (1, 0, 2), (1, 1, 3), (1, 2, 4)] {
        read(&mut session, partition, offset, second);
    }
    says(&session, "✗ ben came before fay, read after");
    assert_drawn("lesson_order_120x36", &session.state);
}

#[test]
fn a_group_that_is_made_by_its_name_is_shown() {
    let mut session = ready((120, 36));
    wanted(&mut session, "lesson bank");
    for (added, shown) in [
        ("billing", "billing"),
        ("bank", "bank"),
        ("billing", "bank"),
    ] {
        wanted(&mut session, &format!("consumer add {added}"));
        assert_eq!(session.state.view.group, shown);
    }
}

#[test]
fn a_lesson_that_is_begun_again_makes_no_topic_twice() {
    for (topics, needed) in [(&["orders"][..], true), (&["orders", "payments"], false)] {
        let mut session = ready((120, 36));
        session.topics(topics);
        session.requests.clear();
        wanted(&mut session, "lesson bank");
        session.later(300).tick();
        let makes = |request: &Request| matches!(request, Request::CreateTopic(_));
        let made = session.requests.iter().any(makes);
        assert_eq!(made, needed, "{:?}", session.requests);
    }
}
