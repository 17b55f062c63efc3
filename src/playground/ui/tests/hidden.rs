//! Records that are acknowledged and shown to nobody, and writes that wait: fewer in sync than `min.insync.replicas`.

use super::{
    assert_drawn, frame,
    session::{Session, broker, orders},
    text,
};
use crate::state::{
    Acks, Action, Appearance, Happening, Key, Observation, ProcessChange, Receipt, ScreenAction,
};
use wire::{GroupState, Offset};

/// Brokers 2 and 3 are dead, and two records were written to p2 with `acks=1` since.
fn alone(size: (u16, u16)) -> Session {
    let mut session = Session::new(size, Appearance::default());
    session.all_ready();
    session.at_12_01(0).key(Key::Esc);
    for id in [2, 3] {
        let exited = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.process(broker(id), exited);
    }
    session.press('3');
    session
        .at_12_01(2000)
        .metadata(&[1], [(1, 5, &[1]), (1, 5, &[1]), (1, 5, &[1])]);
    session.offsets(0, 36, &[(1, 36), (2, 36), (3, 36)]);
    session.offsets(1, 34, &[(1, 34), (2, 34), (3, 34)]);
    session.offsets(2, 42, &[(1, 44), (2, 41), (3, 41)]);
    session.records(2, 37, "cleo fay cleo cleo cleo fay fay");
    session.group(GroupState::Stable, [36, 34, 42]);
    session.see(Observation::Acked(Receipt {
        partition: orders(2),
        offset: Offset(43),
        key: Some("fay".into()),
        acks: Acks::Leader,
        sent_at: session.at,
        latency: std::time::Duration::from_micros(400),
    }));
    session
}

fn shown(session: &Session) -> String {
    text(&frame(&session.state))
}

#[test]
fn what_is_acknowledged_and_not_shown_is_explained() {
    let session = alone((120, 36));
    assert_drawn("hidden_120x36", &session.state);
    let drawn = shown(&session);
    for words in [
        "2 not shown   older ◂",
        "written on 1 of 2 in sync: not shown yet",
        "last fay -> p2 @43   acks=1: acked +0.4 ms   not shown: 1 in sync, 2 needed",
        "2 more wait to be shown",
    ] {
        assert!(drawn.contains(words), "{words} is missing:\n{drawn}");
    }
    // However full its lane is, and however narrow.
    let mut narrow = alone((80, 24));
    narrow.press('3');
    narrow.happen(Happening::Do(Action::Screen(ScreenAction::PickPartition(
        2,
    ))));
    let drawn = shown(&narrow);
    assert!(drawn.contains("1 of 2 in sync: not shown"), "{drawn}");
    let mut wide = alone((200, 60));
    let drawn = shown(&wide);
    for words in [
        "written on 1 of 2 in sync: not shown yet",
        "not shown to readers: 1 in sync, min.insync.replicas 2   r",
        "p2: 2 written, not shown: 1 in sync, 2 needed",
    ] {
        assert!(drawn.contains(words), "{words} is missing:\n{drawn}");
    }
    wide.metadata(&[1, 2], [(1, 5, &[1, 2]), (1, 5, &[1, 2]), (1, 5, &[1, 2])]);
    wide.offsets(2, 44, &[(1, 44), (2, 44)]);
    assert!(!shown(&wide).contains("not shown"));
}

#[test]
fn writes_that_wait_for_replicas_stay_on_the_screen() {
    let mut session = alone((200, 60));
    session.offsets(2, 42, &[(1, 42)]);
    session.produced(200, 107, &[(2, 93)]);
    for key in ['2', '1', '3'] {
        session.later(5000).press(key);
        session.tick();
    }
    session.press('3');
    let drawn = shown(&session);
    assert!(
        drawn.contains("93 writes wait: NOT_ENOUGH_REPLICAS   r"),
        "{drawn}"
    );
    session.happen(Happening::Resize(120, 36));
    let drawn = shown(&session);
    assert!(
        drawn.contains("93 writes wait: NOT_ENOUGH_REPLICAS"),
        "{drawn}"
    );
}

#[test]
fn several_partitions_that_wait_to_be_shown_say_why_together() {
    let mut session = alone((120, 36));
    session.offsets(0, 36, &[(1, 39), (2, 36), (3, 36)]);
    let drawn = shown(&session);
    assert!(
        drawn.contains("p0 p2: 5 written, not shown: 1 in"),
        "{drawn}"
    );
}
