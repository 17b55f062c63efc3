//! The stage: what a hall sees, and sentences about what really happened.

use super::{
    assert_drawn, frame,
    session::{Session, broker},
    text,
};
use crate::state::{
    Action, Appearance, ClusterSeen, Glyphs, Happening, Key, Observation, PartitionSeen,
    ProcessChange, ProcessName, ScreenAction, TopicSeen,
};
use wire::{BrokerId, GroupState, LeaderEpoch};

fn session(size: (u16, u16), appearance: Appearance) -> Session {
    let mut session = Session::new(size, appearance);
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "stage".into(),
    ))));
    session
}

fn hall() -> Session {
    session((100, 30), Appearance::default())
}

fn shown(session: &Session) -> String {
    text(&frame(&session.state))
}

/// Broker 3 was killed, broker 1 leads p2 now, nothing was lost.
fn healed(session: &mut Session) {
    session.rebalancing();
    session.group_state(1, GroupState::Stable, 4, "");
    session.group(GroupState::Stable, [41, 42, 40]);
    session.later(400).tick();
}

#[test]
fn a_killed_leader_is_told_in_four_lines() {
    let mut session = hall();
    healed(&mut session);
    assert_drawn("stage_100x30", &session.state);
    let drawn = shown(&session);
    for hidden in ["4123", "9092", " ms"] {
        assert!(!drawn.contains(hidden), "{hidden} is nothing for a hall");
    }
}

#[test]
fn other_windows_keep_the_numbers_and_the_sentences() {
    for (size, name) in [
        ((80, 24), "stage_80x24"),
        ((120, 36), "stage_120x36"),
        ((200, 60), "stage_200x60"),
    ] {
        let mut session = session(size, Appearance::default());
        healed(&mut session);
        assert_drawn(name, &session.state);
    }
    let ascii = Appearance {
        glyphs: Glyphs::Ascii,
        ..Appearance::default()
    };
    let mut plain = session((100, 30), ascii);
    healed(&mut plain);
    let drawn = shown(&plain);
    assert!(drawn.is_ascii());
    assert!(
        drawn.contains("128"),
        "digits are text where there are no blocks"
    );
}

#[test]
fn the_caption_follows_what_happens() {
    let mut session = hall();
    session.starting();
    assert!(shown(&session).contains("A real Kafka cluster is starting."));
    let mut session = hall();
    session.all_ready();
    assert_drawn("stage_ready_100x30", &session.state);
    let mut session = hall();
    session.killed();
    session
        .later(700)
        .zookeeper(9, &[(1, 100), (2, 100), (3, 700)]);
    session.tick();
    let drawn = shown(&session);
    assert!(drawn.contains("Broker 3 was killed. It led p2."), "{drawn}");
    assert!(drawn.contains("ZooKeeper waits 1.5 s"), "{drawn}");
    assert!(drawn.contains("nobody leads p2"), "{drawn}");
    let mut session = hall();
    session.rebalancing();
    assert!(shown(&session).contains("Group billing divides its partitions anew."));
}

#[test]
fn whoever_is_back_in_sync_does_not_lead_by_itself() {
    let mut session = hall();
    healed(&mut session);
    session.later(1000).spawned(broker(3), 4150, Some(9094));
    session.ready(broker(3), 9094);
    let all: &[i32] = &[1, 2, 3];
    let caught_up = [(1, 4, all), (2, 4, all), (1, 5, all)];
    session.later(500).metadata(all, caught_up);
    let drawn = shown(&session);
    assert!(drawn.contains("Broker 3 is back in every ISR."), "{drawn}");
    assert!(drawn.contains("Others still lead p2."), "{drawn}");
    assert!(
        drawn.contains("next: e gives it back what it led"),
        "{drawn}"
    );
}

#[test]
fn a_dead_zookeeper_and_a_frozen_broker_have_their_sentences() {
    let mut session = hall();
    session.all_ready();
    session.later(2000).press('2');
    session.press('z');
    session.process(broker(2), ProcessChange::Frozen);
    assert!(shown(&session).contains("Broker 2 is frozen."));
    session.later(100).press('0');
    session.press('x');
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.later(5).process(ProcessName::ZooKeeper, exited);
    assert!(shown(&session).contains("ZooKeeper is dead."));
}

#[test]
fn a_broker_that_is_back_in_every_isr_is_said_to_be() {
    let mut session = hall();
    healed(&mut session);
    session.later(500).press('r');
    session.later(5).spawned(broker(3), 4200, Some(9094));
    assert!(shown(&session).contains("Broker 3 is starting again."));
    session.later(100).ready(broker(3), 9094);
    assert!(shown(&session).contains("in sync in 0 of 3 partitions"));
    session.later(100).metadata(
        &[1, 2, 3],
        [(1, 4, &[1, 2, 3]), (2, 4, &[2, 1, 3]), (1, 5, &[1, 2, 3])],
    );
    assert!(shown(&session).contains("Broker 3 is back in every ISR."));
}

#[test]
fn a_broker_that_was_added_is_not_said_to_be_back() {
    let mut session = hall();
    healed(&mut session);
    session.later(500).spawned(broker(4), 4300, Some(9095));
    assert!(shown(&session).contains("Broker 4 is starting."));
    session.later(100).ready(broker(4), 9095);
    let drawn = shown(&session);
    assert!(
        drawn.contains("Broker 4 is up, and keeps nothing yet."),
        "{drawn}"
    );
    assert!(drawn.contains("m moves some onto it"), "{drawn}");
    let partition = |partition, replicas: [i32; 3]| PartitionSeen {
        partition,
        leader: Some(BrokerId(replicas[0])),
        epoch: LeaderEpoch(6),
        replicas: replicas.map(BrokerId).to_vec(),
        isr: replicas.map(BrokerId).to_vec(),
    };
    session.see(Observation::Cluster(ClusterSeen {
        topics: vec![TopicSeen {
            name: "orders".into(),
            partitions: vec![
                partition(0, [1, 2, 3]),
                partition(1, [2, 3, 4]),
                partition(2, [3, 1, 4]),
            ],
            ..TopicSeen::default()
        }],
        ..ClusterSeen::default()
    }));
    let drawn = shown(&session);
    assert!(drawn.contains("Broker 4 is in sync in p1 p2."), "{drawn}");
    assert!(
        drawn.contains("It copied all of it, and may lead."),
        "{drawn}"
    );
}

#[test]
fn without_a_topic_nothing_is_streamed() {
    let mut session = hall();
    session.all_ready();
    session.see(Observation::Cluster(ClusterSeen::default()));
    let drawn = shown(&session);
    assert!(drawn.contains("There is no topic."), "{drawn}");
    assert!(drawn.contains("next: t makes one"), "{drawn}");
}

#[test]
fn without_a_topic_nothing_can_be_moved_onto_a_broker_that_came_back() {
    let mut session = hall();
    healed(&mut session);
    session.see(Observation::Cluster(ClusterSeen::default()));
    session.later(500).press('r');
    session.later(5).spawned(broker(3), 4200, Some(9094));
    session.later(100).ready(broker(3), 9094);
    let drawn = shown(&session);
    assert!(!drawn.contains("moves some onto it"), "{drawn}");
    assert!(drawn.contains("next: t makes one"), "{drawn}");
}

#[test]
fn narrow_columns_say_less_but_cut_no_word() {
    let mut session = session((80, 24), Appearance::default());
    healed(&mut session);
    session.later(500).spawned(broker(4), 4300, Some(9095));
    session.later(100).ready(broker(4), 9095);
    let drawn = shown(&session);
    assert!(drawn.contains("─ 2 controller ─"), "{drawn}");
    assert!(drawn.contains(" 3 ✗ KILLED "), "{drawn}");
    session.later(500).spawned(broker(5), 4301, Some(9096));
    let drawn = shown(&session);
    assert!(
        !drawn.contains("control") && drawn.contains(" 3 ✗ "),
        "{drawn}"
    );
    let mut session = self::session((66, 24), Appearance::default());
    session.all_ready();
    let drawn = shown(&session);
    assert!(drawn.contains("press c for a third "), "{drawn}");
    assert!(drawn.contains("nobody had to wait"), "{drawn}");
}

#[test]
fn a_clicker_pages_through_partitions_only() {
    let mut session = hall();
    session.all_ready();
    let picked = session.state.view.picked.clone();
    session.key(Key::PageDown);
    assert_eq!(session.state.view.picked, picked);
    assert_eq!(session.state.view.partition, 2);
    session.key(Key::PageUp);
    assert_eq!(session.state.view.partition, 0);
    session.see(Observation::LostChecked { lost: 1 });
    assert!(shown(&session).contains("✗ 1 acknowledged records lost"));
}
