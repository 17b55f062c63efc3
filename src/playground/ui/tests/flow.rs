//! The flow layout: words are records that a report told of, and only those.

use super::{
    assert_drawn, frame,
    session::{Session, broker, consumer},
    text,
};
use crate::state::{
    Action, Appearance, Glyphs, Happening, Observation, ProcessChange, RecordSeen, ScreenAction,
};
use wire::{
    GroupState, Offset,
    report::{MemberStep, Report},
};

fn session(size: (u16, u16), appearance: Appearance) -> Session {
    let mut session = Session::new(size, appearance);
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "flow".into(),
    ))));
    session
}

fn wide() -> Session {
    session((120, 36), Appearance::default())
}

/// What a consumer says of a record that it read.
fn read(session: &mut Session, by: &str, key: &str, partition: i32, offset: i64) {
    let report = Report::Record {
        topic: "orders".into(),
        partition,
        offset: Offset(offset),
        timestamp_ms: session.at.ms(),
        key: Some(key.into()),
        value: None,
        lossy: false,
    };
    session.report(consumer(by), report);
}

/// Broker 3 is dead, three consumers share the partitions, a record went in and one out of each.
pub fn busy(session: &mut Session) {
    session.rebalancing();
    session.at_12_01(14_000);
    session.metadata(&[1, 2], [(1, 4, &[1, 2]), (2, 4, &[2, 1]), (1, 5, &[1, 2])]);
    session.records(0, 52, "dan amy amy dan dan amy amy");
    session.records(1, 50, "ben ben eli eli ben ben ben");
    session.records(2, 49, "cleo fay fay cleo cleo fay fay");
    session.offsets(0, 58, &[(1, 59), (2, 58)]);
    session.offsets(1, 57, &[(1, 57), (2, 57)]);
    session.offsets(2, 55, &[(1, 56), (2, 55)]);
    session.group_state(1, GroupState::Stable, 4, "");
    session.group(GroupState::Stable, [56, 56, 54]);
    session.produced(172, 170, &[]);
    session.acked("amy", 0, 58, 2300).acked("eli", 1, 56, 2100);
    read(session, "c1", "dan", 0, 57);
    read(session, "c1", "ben", 1, 56);
    read(session, "c2", "fay", 2, 54);
    session.later(100).tick();
}

#[test]
fn a_record_goes_in_and_one_goes_out_at_the_leaders_row() {
    let mut session = wide();
    busy(&mut session);
    assert_drawn("flow_120x36", &session.state);
    session.later(900).tick();
    let drawn = text(&frame(&session.state));
    assert!(!drawn.contains("──amy"), "a word stands for a flash only");
}

#[test]
fn smaller_and_larger_windows_show_the_same_flow() {
    let mut small = session((80, 24), Appearance::default());
    busy(&mut small);
    assert_drawn("flow_80x24", &small.state);
    let mut large = session((200, 60), Appearance::default());
    busy(&mut large);
    assert_drawn("flow_200x60", &large.state);
    let ascii = Appearance {
        glyphs: Glyphs::Ascii,
        ..Appearance::default()
    };
    let mut plain = session((120, 36), ascii);
    busy(&mut plain);
    let drawn = text(&frame(&plain.state));
    assert!(drawn.is_ascii());
    assert!(drawn.contains("stream --amy----------->"), "{drawn}");
}

#[test]
fn an_empty_topic_has_pipes_and_no_words() {
    let mut session = wide();
    session.starting();
    assert!(text(&frame(&session.state)).contains("who reads it: as it happens."));
    let mut session = wide();
    session.all_ready();
    assert_drawn("flow_ready_120x36", &session.state);
}

#[test]
fn before_zookeeper_notices_the_pipe_leads_nowhere() {
    let mut session = wide();
    session.killed();
    session.produced(100, 95, &[(2, 5)]);
    session.at_12_01(7725).tick();
    assert_drawn("flow_killed_120x36", &session.state);
}

#[test]
fn pipes_stand_in_the_row_of_whoever_leads_now() {
    let mut session = wide();
    session.all_ready();
    session.later(2000).press('+');
    session.offsets(2, 3, &[(1, 3), (2, 3), (3, 3)]);
    for (leader, epoch, isr) in [(3, 4, &[3, 1, 2][..]), (1, 5, &[1, 2]), (2, 6, &[2])] {
        let calm: (i32, i32, &[i32]) = (1, 4, &[1, 2, 3]);
        session.metadata(&[1, 2, 3], [calm, (2, 4, &[2, 3, 1]), (leader, epoch, isr)]);
        let drawn = text(&frame(&session.state));
        let of_p2 = drawn.lines().skip_while(|line| !line.contains("╭─ p2"));
        let rows: Vec<&str> = of_p2.skip(1).take(3).collect();
        for (row, broker) in rows.iter().zip(1..) {
            let ends = ["► │", "│ ─"].map(|pipe| row.contains(pipe));
            assert_eq!(ends, [broker == leader; 2], "{drawn}");
        }
    }
}

#[test]
fn a_fast_stream_says_how_many_records_a_word_is() {
    let mut session = wide();
    busy(&mut session);
    for second in 0..5_i64 {
        for partition in 0..3 {
            let end = 40_000 + second * 300;
            session.offsets(partition, end, &[(1, end), (2, end - 100)]);
        }
        session.later(1000);
    }
    session.acked("dan", 0, 41_199, 2000);
    read(&mut session, "c1", "amy", 0, 41_198);
    session.tick();
    assert_drawn("flow_fast_120x36", &session.state);
}

#[test]
fn words_that_stand_still_stay_longer() {
    let mut session = session(
        (120, 36),
        Appearance {
            reduced_motion: true,
            ..Appearance::default()
        },
    );
    busy(&mut session);
    session.later(2000).tick();
    assert!(text(&frame(&session.state)).contains("stream ──amy──"));
}

#[test]
fn what_nobody_here_sent_comes_from_somebody_else() {
    let mut session = wide();
    session.all_ready();
    let record = RecordSeen {
        offset: Offset(0),
        key: Some("zoe".into()),
        timestamp_ms: session.at.ms(),
        ..RecordSeen::default()
    };
    session.offsets(1, 1, &[(1, 1), (2, 1), (3, 1)]);
    session.see(Observation::Records {
        partition: super::session::orders(1),
        from: Offset(0),
        upto: Offset(1),
        records: vec![record],
    });
    session.later(100).tick();
    assert!(!text(&frame(&session.state)).contains("zoe──"));
    session.later(400).tick();
    assert!(text(&frame(&session.state)).contains("other  ──zoe──"));
}

#[test]
fn a_consumer_too_many_is_idle_under_the_last_partition() {
    let mut session = wide();
    session.all_ready();
    session.later(100).press('c');
    session.later(5).spawned(consumer("c3"), 4140, None);
    session.later(5).member("c3", MemberStep::Asked, &[]);
    session.later(300).tick();
    assert!(text(&frame(&session.state)).contains("c3 idle: no partition left"));
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.process(broker(3), exited);
    session.later(100).tick();
    assert!(text(&frame(&session.state)).contains("broker 3 is dead, nobody leads"));
}
