//! Keys: what is done at once, what asks, what repeats, what is refused.

use super::{
    frame,
    session::{self, Session, broker, consumer, orders},
    text,
};
use crate::state::{
    Action, Appearance, GroupProtocol, Happening, Key, KeyPress, Message, NewConsumer, NewTopic,
    Observation, Overlay, ProcessChange, Request, ScreenAction, Status, StreamRate, Timestamp,
    TopicConfig, ValueFace,
};
use wire::{
    GroupState,
    payload::Payload,
    report::{GroupCause, MemberPartitions, Report},
};

fn ready() -> Session {
    let mut session = session::ready((120, 36));
    session.later(1000);
    session
}

fn message(session: &Session) -> String {
    let message = session.state.view.message.as_ref();
    message.map_or_else(String::new, |message| message.text.clone())
}

fn type_text(session: &mut Session, text: &str) {
    for character in text.chars() {
        session.later(150).press(character);
    }
}

#[test]
fn the_start_waits_for_the_cluster_and_not_for_time() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    let mut asked = session.requests.iter();
    for expected in [
        Request::Start(crate::state::ProcessName::ZooKeeper),
        Request::Start(broker(1)),
        Request::Start(broker(2)),
        Request::Start(broker(3)),
        Request::CreateTopic(NewTopic {
            name: "orders".into(),
            partitions: 3,
            replication_factor: 3,
        }),
        Request::AddConsumer(NewConsumer {
            name: "c1".into(),
            group: "billing".into(),
            topic: "orders".into(),
            protocol: GroupProtocol::Classic,
        }),
        Request::AddConsumer(NewConsumer {
            name: "c2".into(),
            group: "billing".into(),
            topic: "orders".into(),
            protocol: GroupProtocol::Classic,
        }),
    ] {
        assert!(asked.any(|request| *request == expected), "{expected:?}");
    }
    assert!(session.state.is_ready());
}

#[test]
fn records_asked_for_before_the_topic_are_kept_and_sent() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.starting();
    assert_eq!(session.press('p'), []);
    assert_eq!(message(&session), "p kept: sent when orders is there");
    session.all_ready();
    let sent = session
        .requests
        .iter()
        .filter(|request| matches!(request, Request::Produce(records) if records.len() == 1))
        .count();
    assert_eq!(sent, 1);
}

#[test]
fn the_palette_completes_a_config_and_sets_it() {
    let mut session = ready();
    type_text(&mut session, ":config retention.ms");
    assert_eq!(session.key(Key::Enter), [], "the value is missing");
    session.later(500);
    assert_eq!(session.key(Key::Enter), []);
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("config TOPIC NAME VALUE, as in"), "{drawn}");
    type_text(&mut session, "60000");
    let config = |value: Option<&str>| TopicConfig {
        topic: "orders".into(),
        name: "retention.ms".into(),
        value: value.map(str::to_owned),
    };
    let set = session.key(Key::Enter);
    assert_eq!(set, [Request::SetConfig(config(Some("60000")))]);
    let command = "kafka-configs.sh --bootstrap-server 127.0.0.1:9092 --entity-type topics --entity-name orders \
                   --alter --add-config retention.ms=60000";
    assert_eq!(session.state.view.command.as_deref(), Some(command));
    session.later(500);
    assert_eq!(session.press('y'), [Request::Copy(command.into())]);
    session.later(500);
    type_text(&mut session, ":config orders retention.ms default");
    let taken = session.key(Key::Enter);
    assert_eq!(taken, [Request::SetConfig(config(None))]);
    type_text(&mut session, ":config nowhere retention.ms 1");
    assert_eq!(session.key(Key::Enter), []);
    assert_eq!(message(&session), "there is no topic nowhere");
}

#[test]
fn x_kills_at_once_and_only_what_lives() {
    let mut session = ready();
    session.press('3');
    assert_eq!(session.press('x'), [Request::Kill(broker(3))]);
    assert_eq!(
        session.state.view.command.as_deref(),
        Some("kill -9 4123"),
        "the last line shows the command"
    );
    session.killed();
    session.later(500);
    assert_eq!(session.press('x'), []);
    assert_eq!(
        message(&session),
        "broker 3 is dead already: r starts it again"
    );
    session.later(500);
    assert_eq!(session.press('r'), [Request::Start(broker(3))]);
    let status = session.state.cluster.processes[&broker(3)].status;
    assert_eq!(status, Status::Starting);
}

#[test]
fn q_quits_when_pressed_twice_and_never_when_held() {
    let mut session = ready();
    assert_eq!(session.press('q'), []);
    assert_eq!(session.later(400).press('q'), []);
    assert_eq!(session.later(50).tick(), []);
    assert_eq!(session.later(60).tick(), [Request::Quit]);

    let mut session = ready();
    session.press('q');
    session.later(400).press('q');
    for _ in 0..20 {
        assert_eq!(session.later(33).press('q'), []);
        assert_eq!(session.tick(), []);
    }
    assert_eq!(session.later(5000).tick(), []);
}

#[test]
fn a_long_message_leaves_the_question_on_the_screen() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    session.state.view.message = Some(Message {
        while_waiting: false,
        text: format!("copied: {}", "word ".repeat(40)),
        since: session.state.now,
        bad: false,
    });
    session.press('q');
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("q again quits"), "{drawn}");
}

#[test]
fn the_question_goes_away_by_itself_or_with_another_key() {
    let mut session = ready();
    session.press('q');
    session.later(3100).tick();
    assert!(session.state.view.ask.is_none());
    session.press('q');
    let requests = session.later(200).press('p');
    assert!(matches!(requests.as_slice(), [Request::Produce(_)]));
    assert_eq!(session.later(200).press('q'), []);
    assert_eq!(session.later(500).key(Key::Esc), []);
    assert!(session.state.view.ask.is_none());
}

#[test]
fn r_on_a_running_broker_asks_for_a_second_r() {
    let mut session = ready();
    session.press('2');
    assert_eq!(session.press('r'), []);
    let ask = session.state.view.ask.clone().expect("it asks");
    assert_eq!(ask.text, "broker 2 is up. r again restarts it");
    session.later(300).press('r');
    assert_eq!(session.later(150).tick(), [Request::Restart(broker(2))]);
}

#[test]
fn deleting_a_topic_ends_the_stream_that_would_create_it_anew() {
    let mut session = ready();
    session.press('+');
    session.later(1000).press('D');
    session.later(1000).press('y');
    let last = session.requests.len().saturating_sub(2);
    assert_eq!(
        session.requests[last..],
        [
            Request::Stream {
                topic: "orders".into(),
                rate: StreamRate::Off,
            },
            Request::DeleteTopic("orders".into()),
        ]
    );
}

/// Topics `orders` and `payments`, of which `orders` is shown.
fn two_topics() -> Session {
    let mut session = ready();
    session.topics(&["orders", "payments"]);
    session
}

fn show(session: &mut Session, topic: &str) {
    session.happen(Happening::Do(Action::Screen(ScreenAction::ShowTopic(
        topic.into(),
    ))));
    assert_eq!(session.state.view.topic, topic);
}

fn streams(topic: &str, rate: StreamRate) -> Request {
    let topic = topic.to_owned();
    Request::Stream { topic, rate }
}

#[test]
fn a_stream_lives_as_long_as_its_own_topic() {
    let mut session = two_topics();
    session.press('+');
    show(&mut session, "payments");
    session.later(1000).press('D');
    assert_eq!(
        session.later(1000).press('y'),
        [Request::DeleteTopic("payments".into())]
    );
    assert!(session.state.cluster.streams_into("orders"));
    let mut session = two_topics();
    session.press('+');
    show(&mut session, "payments");
    let delete = "topic delete orders".parse().expect("an action");
    assert_eq!(
        session.later(1000).happen(Happening::Do(delete)),
        [
            streams("orders", StreamRate::Off),
            Request::DeleteTopic("orders".into())
        ]
    );
}

#[test]
fn the_same_pace_into_another_topic_moves_the_stream_and_slowing_it_does_not() {
    let mut session = two_topics();
    session.press('+');
    session.later(200).press('+');
    show(&mut session, "payments");
    assert!(
        text(&frame(&session.state)).contains("stream 10/s into orders"),
        "it goes where nobody looks"
    );
    let ten = || Happening::Do("stream 10".parse().expect("an action"));
    assert_eq!(
        session.later(200).happen(ten()),
        [streams("payments", StreamRate::PerSecond(10))]
    );
    assert_eq!(session.later(200).happen(ten()), []);
    show(&mut session, "orders");
    assert_eq!(
        session.later(200).press('-'),
        [streams("payments", StreamRate::PerSecond(1))]
    );
    assert_eq!(
        session.later(200).press('-'),
        [streams("payments", StreamRate::Off)]
    );
}

#[test]
fn quitting_says_whether_anything_is_kept() {
    let mut session = ready();
    let asked = |session: &mut Session| {
        session.press('q');
        let ask = session.state.view.ask.take();
        ask.map(|ask| ask.text).unwrap_or_default()
    };
    let words = "q again quits: the processes end, ";
    assert_eq!(asked(&mut session), format!("{words}the data stays"));
    session.state.setup.ephemeral = true;
    session.later(5000);
    assert_eq!(asked(&mut session), format!("{words}nothing is kept"));
}

#[test]
fn what_y_copies_is_what_was_done() {
    let command = |session: &Session| session.state.view.command.clone().unwrap_or_default();
    let mut session = ready();
    session.press('c');
    let reads = "kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --topic orders --group billing --from-beginning";
    assert_eq!(command(&session), reads);
    session.later(200).press('C');
    assert_eq!(
        command(&session),
        reads.replace("billing", "shipping"),
        "a new group begins at the beginning, as here"
    );
    session.later(200).press('+');
    assert_eq!(
        command(&session),
        "kafka-producer-perf-test.sh --topic orders --throughput 1 --num-records 1000000 \
         --record-size 13 --producer-props bootstrap.servers=127.0.0.1:9092 acks=all"
    );
    session.later(200).press('-');
    assert_eq!(session.state.view.command, None, "nothing to type ends it");
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("in a shell ^C ends the stream"), "{drawn}");
    assert!(!drawn.contains("new here?"), "{drawn}");
    assert_eq!(session.later(200).press('y'), []);
    let message = session.state.view.message.clone().expect("it says so");
    assert_eq!(message.text, "there is no command to copy");
}

#[test]
fn a_consumer_that_is_started_again_reads_what_it_read() {
    let mut session = two_topics();
    show(&mut session, "payments");
    session.press('c');
    show(&mut session, "orders");
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    for (name, topic) in [("c3", "payments"), ("c1", "orders")] {
        session.later(200).process(consumer(name), exited.clone());
        show(
            &mut session,
            if name == "c1" { "payments" } else { "orders" },
        );
        let start = format!("start consumer {name}").parse().expect("an action");
        session.later(200).happen(Happening::Do(start));
        let command = session.state.view.command.clone().unwrap_or_default();
        assert!(command.contains(&format!("--topic {topic} ")), "{command}");
    }
}

#[test]
fn a_second_start_says_who_leads_for_others_once_all_are_in_sync() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    let isr: &[i32] = &[1, 2, 3];
    let told = |session: &Session| {
        let drawn = text(&frame(&session.state));
        drawn
            .matches("broker 1 leads p1 p2 for others  e gives them back")
            .count()
    };
    session
        .later(100)
        .metadata(isr, [(1, 1, &[1]), (1, 1, &[1]), (1, 1, &[1])]);
    session.see(Observation::DataFolder {
        path: "~/demo".into(),
        last_used: Some(Timestamp::from_ms(super::session::START_MS - 3_600_000)),
    });
    assert_eq!(told(&session), 0, "nobody could take them yet");
    session
        .later(900)
        .metadata(isr, [(1, 1, isr), (1, 1, isr), (1, 1, isr)]);
    session
        .later(900)
        .metadata(isr, [(1, 1, isr), (1, 1, isr), (1, 1, isr)]);
    assert_eq!(told(&session), 1);
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "stage".into(),
    ))));
    let drawn = text(&frame(&session.state));
    assert!(
        drawn.contains("Broker 1 leads p1 p2 for others."),
        "{drawn}"
    );
    assert!(
        drawn.contains("next: e elects the preferred leaders"),
        "{drawn}"
    );
    assert_eq!(session.later(100).press('e'), [Request::ElectLeaders]);
}

#[test]
fn a_second_start_describes_the_topic_that_is_there() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready_again();
    assert_eq!(
        session.state.view.command.as_deref(),
        Some("kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --describe --topic orders")
    );
}

#[test]
fn deleting_asks_for_y_and_enter_does_nothing() {
    let mut session = ready();
    session.press('D');
    let ask = session.state.view.ask.clone().expect("it asks");
    assert_eq!(
        ask.text,
        "delete topic orders, 0 records, for good?   y delete   esc keep"
    );
    assert_eq!(session.later(200).key(Key::Enter), []);
    assert_eq!(
        session.later(200).press('y'),
        [Request::DeleteTopic("orders".into())]
    );
}

#[test]
fn a_held_key_repeats_records_and_nothing_that_breaks() {
    let mut session = ready();
    session.press('c');
    for _ in 0..5 {
        assert_eq!(session.later(33).press('c'), []);
    }
    let repeat = |character| KeyPress {
        key: Key::Char(character),
        repeat: true,
    };
    session.later(1000);
    assert_eq!(session.happen(Happening::Key(repeat('x'))), []);
    let sent = session.happen(Happening::Key(repeat('p')));
    assert!(matches!(sent.as_slice(), [Request::Produce(_)]));
}

#[test]
fn keys_that_mean_nothing_say_why() {
    let mut session = ready();
    session.press('X');
    assert_eq!(message(&session), "X is not a key here (caps lock?)");
    session.press('з');
    assert_eq!(
        message(&session),
        "з is not a key here: switch keyboard, or keys.toml"
    );
    session.key(Key::Alt('x'));
    assert_eq!(message(&session), "alt-x is not a key here: ? shows all");
    session.state.view.message = None;
    session.press('b');
    assert_eq!(message(&session), "");
}

#[test]
fn pasted_text_fires_no_keys_but_opens_the_composer() {
    let mut session = ready();
    assert_eq!(session.happen(Happening::Paste("amy:qqxxD\n".into())), []);
    let Overlay::Compose(compose) = &session.state.view.overlay else {
        panic!("the composer is open");
    };
    assert_eq!(compose.fields[0].text(), "amy");
    assert_eq!(compose.fields[1].text(), "qqxxD");
    let sent = session.key(Key::Enter);
    assert!(matches!(sent.as_slice(), [Request::Produce(records)]
        if records[0].value.as_deref() == Some("qqxxD")));
}

#[test]
fn the_composer_begins_on_the_key() {
    let mut session = ready();
    session.press('P');
    for letter in "ben".chars() {
        session.press(letter);
    }
    session.key(Key::Tab);
    session.press('x');
    let sent = session.key(Key::Enter);
    assert!(matches!(sent.as_slice(), [Request::Produce(records)]
        if records[0].key.as_deref() == Some("ben") && records[0].value.as_deref() == Some("x")));
}

#[test]
fn verbs_are_refused_while_the_picture_is_held() {
    let mut session = ready();
    session.press(' ');
    assert_eq!(session.later(200).press('x'), []);
    assert!(message(&session).ends_with("not now. space returns to now"));
    session.later(200).press(' ');
    assert_eq!(session.later(200).press('x'), [Request::Kill(broker(3))]);
}

#[test]
fn the_palette_does_what_is_typed_or_chosen() {
    let mut session = ready();
    session.press(':');
    type_text(&mut session, "ki br");
    session.later(150).key(Key::Down);
    assert_eq!(
        session.later(150).key(Key::Enter),
        [Request::Kill(broker(2))]
    );
    session.later(150).press(':');
    type_text(&mut session, "topic create chat 4 2");
    assert_eq!(
        session.later(150).key(Key::Enter),
        [Request::CreateTopic(NewTopic {
            name: "chat".into(),
            partitions: 4,
            replication_factor: 2,
        })]
    );
    session.later(150).press(':');
    type_text(&mut session, "kill all brokers");
    assert_eq!(session.later(150).key(Key::Enter), []);
    let ask = session.state.view.ask.clone().expect("it asks");
    assert_eq!(
        ask.text,
        "all 3 brokers end at once. enter again kills them"
    );
    assert_eq!(session.later(150).key(Key::Enter), []);
    assert_eq!(session.later(150).tick().len(), 3);
}

#[test]
fn the_palette_says_what_it_will_do_and_with_which_command() {
    let mut session = ready();
    let before = session.state.view.command.clone();
    for (typed, does, undo, command) in [
        (
            "topic create chat 4 2",
            "4 partitions, each on 2 brokers",
            Some("D"),
            "kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic chat",
        ),
        (
            "con bil",
            "a process joins billing",
            Some("s on it: it leaves"),
            "kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --topic orders",
        ),
        ("freeze zookeeper", "", Some("0 z"), "kill -STOP 4120"),
    ] {
        session.later(500).press(':');
        type_text(&mut session, typed);
        let Overlay::Palette(palette) = &session.state.view.overlay else {
            panic!("the palette is open");
        };
        let preview = palette.preview.clone().expect("something matches");
        assert!(preview.does.contains(does), "{preview:?}");
        assert_eq!(preview.undo.as_deref(), undo);
        assert!(preview.command.expect("there is one").starts_with(command));
        session.later(500).key(Key::Esc);
    }
    assert_eq!(
        session.state.view.command, before,
        "looking ahead does nothing"
    );
}

#[test]
fn tab_completes_from_the_live_cluster() {
    let mut session = ready();
    session.later(500).press(':');
    type_text(&mut session, "del ord");
    session.later(500).key(Key::Tab);
    let Overlay::Palette(palette) = &session.state.view.overlay else {
        panic!("the palette is open");
    };
    assert_eq!(palette.input.text(), "topic delete orders");
}

#[test]
fn consumers_are_picked_in_the_group_and_killed_there() {
    let mut session = ready();
    for _ in 0..3 {
        session.later(150).key(Key::Tab);
    }
    session.later(150).press('j');
    assert_eq!(
        session.later(150).press('x'),
        [Request::Kill(consumer("c1"))]
    );
    session.later(150).press('j');
    assert_eq!(
        session.later(150).press('z'),
        [Request::Freeze(consumer("c2"))]
    );
}

#[test]
fn a_stream_goes_up_and_down_its_paces() {
    let mut session = ready();
    session.press('+');
    let requests = session.later(200).press('+');
    assert!(matches!(requests.as_slice(), [Request::Stream { .. }]));
    assert_eq!(session.state.cluster.stream.to_string(), "10");
    session.later(200).press('-');
    session.later(200).press('-');
    assert_eq!(session.later(200).press('-'), []);
}

#[test]
fn a_topic_that_was_asked_for_is_shown_when_it_is_there() {
    let mut session = ready();
    session.press(':');
    type_text(&mut session, "topic create chat 1 1");
    session.later(150).key(Key::Enter);
    assert_eq!(session.state.view.topic, "orders");
    session.later(50).topics(&["chat", "orders"]);
    assert_eq!(session.state.view.topic, "chat");
    session.later(50).topics(&["orders"]);
    assert_eq!(session.state.view.topic, "orders");
}

#[test]
fn help_asks_before_it_does_what_asks() {
    let mut session = ready();
    session.press('?');
    session.later(150).press('/');
    type_text(&mut session, "delete the topic");
    session.later(150).key(Key::Enter);
    assert_eq!(session.later(150).key(Key::Enter), []);
    let ask = session.state.view.ask.clone().expect("it asks");
    assert!(ask.text.starts_with("delete topic orders"), "{}", ask.text);
    assert_eq!(
        session.later(150).press('y'),
        [Request::DeleteTopic("orders".into())]
    );
}

#[test]
fn the_cursor_of_help_stays_on_its_rows() {
    let mut session = ready();
    session.press('?');
    session.later(150).press('G');
    session.later(150).key(Key::Up);
    let Overlay::Help(help) = &session.state.view.overlay else {
        panic!("help is open");
    };
    let rows = session.state.view.keys.help_rows("").len();
    assert_eq!(help.cursor, rows - 2);
}

#[test]
fn each_press_shows_a_value_in_a_way_that_looks_different() {
    let (pretty, text, hex) = (ValueFace::Pretty, ValueFace::Text, ValueFace::Hex);
    for (bytes, ways) in [
        (&b"{}"[..], &[pretty, text, hex][..]),
        (b"order 44", &[pretty, hex]),
        (&42_i64.to_be_bytes(), &[pretty, hex]),
        (b"\xff\x00\x1b", &[pretty, text]),
        (b"\x00\x00\x00\x00\x0c\x06amy", &[pretty, text, hex]),
    ] {
        let payload = Payload::of(bytes);
        let next = ways.iter().cycle().skip(1);
        for (way, next) in ways.iter().zip(next) {
            assert_eq!(way.next(&payload), *next, "{way:?} of {payload:?}");
        }
    }
}

#[test]
fn what_is_done_at_once_ends_with_the_key_that_undoes_it() {
    let mut session = ready();
    for (pressed, undo) in [
        ("x", "  r starts it"),
        ("r", "  x kills it"),
        ("c", "  :stop c3 stops it"),
        ("a", "  m moves partitions onto it  4 s stops it"),
        ("1z", "  z thaws it"),
        ("z", "  z freezes it"),
        ("s", "  r starts it"),
    ] {
        for key in pressed.chars() {
            session.later(150).press(key);
        }
        match pressed {
            "x" => session.process(
                broker(3),
                ProcessChange::Exited {
                    code: None,
                    signal: Some(9),
                },
            ),
            "1z" => session.process(broker(1), ProcessChange::Frozen),
            "z" => session.process(broker(1), ProcessChange::Thawed),
            _ => &mut session,
        };
        let last = session.state.story.entries().back().cloned();
        let last = last.expect("it is told");
        let words: String = last.text.iter().map(|(_, words)| words.as_str()).collect();
        let words = session.state.view.fill(&words);
        assert!(words.ends_with(undo), "{pressed}: {words}");
    }
}

#[test]
fn in_a_narrow_line_what_is_new_goes_before_what_was() {
    let mut session = ready();
    session.spawned(consumer("c3"), 4140, None);
    let held = |all: &[(&str, &[i32])]| -> Vec<MemberPartitions> {
        let members = all.iter().map(|(name, partitions)| MemberPartitions {
            member: format!("{name}-id"),
            client_id: (*name).to_owned(),
            partitions: partitions.iter().map(|index| orders(*index)).collect(),
        });
        members.collect()
    };
    session.report(
        broker(1),
        Report::GroupState {
            group: "billing".into(),
            state: GroupState::Stable,
            generation: 2,
            why: GroupCause::default(),
            protocol: Some("range".into()),
            leader: Some("c1".into()),
            awaited: Vec::new(),
            rebalance_timeout_ms: 60_000,
            members: held(&[("c1", &[0]), ("c2", &[1]), ("c3", &[2])]),
            before: held(&[("c1", &[0, 1]), ("c2", &[2])]),
        },
    );
    let screen = text(&frame(&session.state));
    assert!(
        screen.contains("billing Stable, gen 2: c1 p0, c2 p1, c3 p2"),
        "{screen}"
    );
}

#[test]
fn records_that_wait_for_replicas_in_sync_say_so_once() {
    let mut session = ready();
    session.metadata(&[1], [(1, 1, &[1]), (1, 1, &[1]), (1, 1, &[1])]);
    for _ in 0..3 {
        session.later(500).produced(1, 0, &[(0, 1)]);
    }
    let told = |session: &Session| {
        let entries = session.state.story.entries().iter();
        let words =
            entries.map(|entry| entry.text.iter().map(|(_, words)| words.as_str()).collect());
        words
            .filter(|words: &String| words.starts_with("NOT_ENOUGH_REPLICAS: 1 in sync"))
            .count()
    };
    assert_eq!(told(&session), 1);
    session.later(61_000).produced(1, 0, &[(0, 1)]);
    assert_eq!(told(&session), 2, "it is told again while it goes on");
}

#[test]
fn help_begins_in_the_palette_what_has_no_key() {
    let mut session = ready();
    session.press('?');
    session.later(150).press('/');
    type_text(&mut session, "caption");
    session.later(150).key(Key::Enter);
    session.later(150).key(Key::Enter);
    let Overlay::Palette(palette) = &session.state.view.overlay else {
        panic!("the palette is open");
    };
    assert_eq!(palette.input.text(), "say ");
}

#[test]
fn a_second_start_counts_what_is_there() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    session.later(100).offsets(0, 700, &[(1, 700)]);
    session.offsets(1, 500, &[(2, 500)]);
    session.offsets(2, 4, &[(3, 4)]);
    session.group(GroupState::Stable, [700, 495, 4]);
    session.see(Observation::DataFolder {
        path: "~/demo".into(),
        last_used: Some(Timestamp::from_ms(
            super::session::START_MS - 13 * 3_600_000,
        )),
    });
    let mut entries = session.state.story.entries().iter();
    let first = entries.find(|entry| {
        entry
            .text
            .iter()
            .any(|(_, words)| words.contains("--fresh"))
    });
    let first = first.expect("it is told");
    let words: String = first.text.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(
        words,
        "demo from yesterday 23:00: orders, 1,204 records, billing at 1,199.  --fresh starts anew"
    );
}
