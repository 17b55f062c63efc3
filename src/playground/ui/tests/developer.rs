//! The developer's layout: the wire, a process's output, what flows.

use std::time::Duration;

use super::{
    assert_drawn, frame,
    session::{Session, broker},
    text,
};
use crate::state::{
    Appearance, ExchangeSeen, Glyphs, Happening, Key, Observation, Pane, ProducedSeen, Request,
    Scheme, Timestamp,
};

fn exchange(at: Timestamp, id: i32, api: &str, asks: &str, tells: &str) -> ExchangeSeen {
    ExchangeSeen {
        at,
        address: "127.0.0.1:9092".into(),
        api: api.into(),
        version: 12,
        correlation_id: id,
        latency: Duration::from_micros(412),
        request_bytes: 38,
        answer_bytes: Some(5120),
        asks: asks.into(),
        tells: tells.into(),
        error: None,
        request: "MetadataRequest {\n    topics: None,\n}\n".into(),
        answer: "MetadataResponse {\n    controller_id: BrokerId(2),\n}\n".into(),
    }
}

/// The developer's layout of the one story; `busy` puts a minute of it there.
fn developer(size: (u16, u16), appearance: Appearance, busy: bool) -> Session {
    let mut session = Session::new(size, appearance);
    session.rebalancing();
    session.happen(Happening::Do("layout developer".parse().expect("known")));
    if !busy {
        return session;
    }
    for second in 0..40_u64 {
        session.later(1000);
        session.see(Observation::Produced(ProducedSeen {
            sent: 130 + second * second * 3,
            acked: 128 + second * second * 3,
            acked_bytes: 1500 + second * second * 400,
            ..ProducedSeen::default()
        }));
        session.offsets(
            0,
            43 + i64::try_from(second * 7).expect("small"),
            &[(1, 900)],
        );
        session.tick();
    }
    let at = session.at;
    let mut exchanges = vec![
        exchange(
            at,
            411,
            "Metadata",
            "all topics",
            "3 brokers, controller 2, 4 topics",
        ),
        exchange(
            at,
            412,
            "ListOffsets",
            "latest of orders-0, orders-1",
            "orders-0 43, orders-1 43",
        ),
    ];
    let mut refused = exchange(at, 413, "FindCoordinator", "billing", "broker -1 :-1");
    refused.error = Some("COORDINATOR_NOT_AVAILABLE".into());
    refused.address = "127.0.0.1:9093".into();
    exchanges.push(refused);
    let mut silent = exchange(
        at,
        9,
        "Fetch",
        "orders-2 from 42",
        "no answer to Fetch within 2.8s",
    );
    silent.answer_bytes = None;
    silent.address = "127.0.0.1:9094".into();
    silent.latency = Duration::from_millis(2800);
    exchanges.push(silent);
    session.see(Observation::Wire {
        exchanges,
        missed: 17,
    });
    session.see(Observation::LogLines {
        process: broker(3),
        file: "~/.local/share/kafkarium/demo/broker-3/server.log".into(),
        lines: [
            "2026-11-22T12:00:55.120Z  INFO broker: listening on 127.0.0.1:9094",
            "2026-11-22T12:01:02.004Z  WARN replica_fetcher: no answer from broker 1 within 500 ms",
            "2026-11-22T12:01:07.001Z ERROR log: orders-2: No space left on device",
        ]
        .map(str::to_owned)
        .to_vec(),
    });
    session
}

#[test]
fn the_developers_layout_says_what_will_appear() {
    let session = developer((120, 36), Appearance::default(), false);
    assert_drawn("developer_empty_120x36", &session.state);
}

#[test]
fn the_developers_layout_shows_wire_output_and_what_flows() {
    let session = developer((120, 36), Appearance::default(), true);
    assert_drawn("developer_120x36", &session.state);
    let session = developer((80, 24), Appearance::default(), true);
    assert_drawn("developer_80x24", &session.state);
    let session = developer((200, 60), Appearance::default(), true);
    assert_drawn("developer_200x60", &session.state);
    let ascii = Appearance {
        glyphs: Glyphs::Ascii,
        scheme: Scheme::Mono,
        ..Appearance::default()
    };
    let session = developer((120, 36), ascii, true);
    assert!(text(&frame(&session.state)).is_ascii());
    assert_drawn("developer_120x36_ascii", &session.state);
}

#[test]
fn enter_opens_an_exchange_and_the_arrows_turn_its_pages() {
    let mut session = developer((120, 36), Appearance::default(), true);
    session.key(Key::Tab);
    assert_eq!(session.state.view.focus, Pane::Wire);
    session.key(Key::Up);
    session.key(Key::Up);
    session.key(Key::Enter);
    assert_drawn("opened_exchange_120x36", &session.state);
    session.key(Key::Left);
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("ListOffsets v12"), "{drawn}");
}

#[test]
fn a_filter_leaves_the_exchanges_that_match() {
    let mut session = developer((120, 36), Appearance::default(), true);
    session.key(Key::Tab);
    session.press('/');
    for character in "coord".chars() {
        session.press(character);
    }
    session.key(Key::Enter);
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("FindCoordinator"), "{drawn}");
    assert!(!drawn.contains("ListOffsets"), "{drawn}");
}

#[test]
fn the_wire_is_listened_to_only_while_somebody_looks() {
    let mut session = developer((120, 36), Appearance::default(), false);
    assert!(session.requests.contains(&Request::Listen(true)));
    let left = session.press('v');
    assert!(left.contains(&Request::Listen(false)), "{left:?}");
    let back = session.press('V');
    assert!(back.contains(&Request::Listen(true)), "{back:?}");
    let hidden = session.happen(Happening::Resize(40, 10));
    assert!(hidden.contains(&Request::Listen(false)), "{hidden:?}");
}

#[test]
fn output_follows_the_picked_process() {
    let mut session = developer((120, 36), Appearance::default(), false);
    let read = |requests: &[Request]| {
        requests.iter().find_map(|request| match request {
            Request::ReadLog(process) => Some(process.clone()),
            _ => None,
        })
    };
    assert_eq!(read(&session.press('2')), Some(broker(2)));
    session.later(100);
    assert_eq!(read(&session.tick()), None, "it was read just now");
    session.later(1000);
    assert_eq!(read(&session.tick()), Some(broker(2)));
}
