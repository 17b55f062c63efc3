//! What a session begins with, as it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    mirror::{Mirror, stored_enum, stored_struct},
    seen::{StoredName, StoredObservation},
};
use crate::state::{
    Appearance, Beginning, Depth, Expired, Eye, Glyphs, Hand, Intent, NewTopic, Opened, Pane,
    Process, Producing, Reach, RecordFace, Scheme, Setup, Stage, Status, StreamRate, Thing,
    Timestamp, ToldLine, Tone, ValueFace, ZnodeView,
};
use wire::{BrokerId, Offset, TopicPartition};

stored_struct! {
    /// What a session begins with.
    StoredBeginning of Beginning {
        setup: StoredSetup,
        at: Timestamp,
        ready_after: Option<Duration>,
        data_folder: Option<(String, Option<Timestamp>)>,
        demo_records: u64,
        stream: (StoredRate, String),
        processes: Vec<StoredProcess>,
        known: Vec<(Timestamp, StoredObservation)>,
        told: Vec<StoredLine>,
        told_of_zookeeper: Vec<StoredLine>,
        eye: StoredEye,
    }
}

stored_struct! {
    /// What the run was told at its start.
    StoredSetup of Setup {
        name: String,
        ephemeral: bool,
        started_at: Timestamp,
        utc_offset_s: i32,
        brokers: Vec<BrokerId>,
        topics: Vec<StoredNewTopic>,
        group: String,
        consumers: u32,
        proves: bool,
        #[serde(default = "own")]
        reach: StoredReach,
        appearance: StoredAppearance,
        size: (u16, u16),
    }
}

stored_enum! {
    /// Whose the cluster is.
    StoredReach of Reach {
        Own,
        Attached {
            bootstrap: String,
            writes: bool,
            #[serde(default)]
            secured: Option<String>,
            #[serde(default)]
            user: Option<String>,
        },
    }
}

/// Whose it was before anybody could attach to another's.
fn own() -> StoredReach {
    StoredReach::Own
}

stored_struct! {
    /// A topic to create.
    StoredNewTopic of NewTopic { name: String, partitions: i32, replication_factor: i16 }
}

stored_struct! {
    /// How the screen is drawn.
    StoredAppearance of Appearance {
        scheme: StoredScheme,
        depth: StoredDepth,
        glyphs: StoredGlyphs,
        reduced_motion: bool,
    }
}

stored_enum! {
    /// A set of colours.
    StoredScheme of Scheme { Dark, Light, Mono }
}

stored_enum! {
    /// What a terminal's colours can be.
    StoredDepth of Depth { True, Indexed, Ansi }
}

stored_enum! {
    /// Signs.
    StoredGlyphs of Glyphs { Unicode, Ascii }
}

stored_enum! {
    /// The pace of the demo stream.
    StoredRate of StreamRate { Off, PerSecond(records: u32), Max }
}

/// A child. Its log's lines and what it reads on its way are not kept.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::recording) struct StoredProcess {
    name: StoredName,
    status: StoredStatus,
    since: Timestamp,
    pid: Option<u32>,
    address: Option<String>,
    #[serde(default)]
    of_others: bool,
    #[serde(default)]
    rack: Option<String>,
    group: Option<String>,
    topic: Option<String>,
    rss_bytes: Option<u64>,
    session: Option<i64>,
    session_expired: Option<StoredExpired>,
    led: Vec<TopicPartition>,
    intent: Option<StoredIntent>,
    spawned_at: Timestamp,
    assigned: BTreeSet<TopicPartition>,
    #[serde(default)]
    producing: Option<StoredProducing>,
}

impl Mirror<Process> for StoredProcess {
    fn of(it: Process) -> Self {
        Self {
            name: Mirror::of(it.name),
            status: Mirror::of(it.status),
            since: it.since,
            pid: it.pid,
            address: it.address,
            of_others: !it.ours,
            rack: it.rack,
            group: it.group,
            topic: it.topic,
            rss_bytes: it.rss_bytes,
            session: it.session,
            session_expired: Mirror::of(it.session_expired),
            led: it.led,
            intent: Mirror::of(it.intent),
            spawned_at: it.spawned_at,
            assigned: it.assigned,
            producing: Mirror::of(it.producing),
        }
    }

    fn back(self) -> Process {
        let mut process = Process::planned(self.name.back(), self.spawned_at);
        process.status = self.status.back();
        process.since = self.since;
        process.pid = self.pid;
        process.address = self.address;
        process.ours = !self.of_others;
        process.rack = self.rack;
        process.group = self.group;
        process.topic = self.topic;
        process.rss_bytes = self.rss_bytes;
        process.session = self.session;
        process.session_expired = self.session_expired.back();
        process.led = self.led;
        process.intent = self.intent.back();
        process.assigned = self.assigned;
        process.producing = self.producing.back();
        process
    }
}

stored_struct! {
    /// The transactions of a producer.
    StoredProducing of Producing {
        transactional_id: String,
        timeout: Duration,
        stage: StoredStage,
        since: Timestamp,
        began: Timestamp,
        records: BTreeMap<TopicPartition, u64>,
        under_way: u64,
        refused: Option<String>,
    }
}

stored_enum! {
    /// How far a producer's transaction is.
    StoredStage of Stage { Idle, Beginning, Open, Committing, Aborting, Committed, Aborted, Left }
}

stored_enum! {
    /// The state of a process.
    StoredStatus of Status {
        Planned,
        Starting,
        Up,
        Frozen,
        Stopping,
        Stopped,
        Killed,
        Died { code: Option<i32>, signal: Option<i32> },
        Silent,
        Gone,
    }
}

stored_enum! {
    /// What the playground did to a process.
    StoredIntent of Intent { Kill, Stop }
}

stored_struct! {
    /// How a session ended that its process did not close.
    StoredExpired of Expired { at: Timestamp, timeout: Duration }
}

stored_struct! {
    /// A line of what happened.
    StoredLine of ToldLine {
        at: Timestamp,
        depth: u8,
        hand: StoredHand,
        text: Vec<(StoredTone, String)>,
    }
}

stored_enum! {
    /// Whose hand did it.
    StoredHand of Hand {
        You,
        Shell,
        Scenario,
        Lesson,
        Kafkarium,
        Process(name: StoredName),
        Brokers(ids: Vec<BrokerId>),
        Controller,
        Leaders,
        Group,
        Client,
        Transaction,
        Retention,
        Seen,
        Inferred,
        Nobody,
    }
}

stored_enum! {
    /// How a piece of a line is meant.
    StoredTone of Tone { Plain, Dim, Hint, Good, Bad }
}

stored_struct! {
    /// Where somebody looked.
    StoredEye of Eye {
        size: (u16, u16),
        layout: String,
        theme: String,
        focus: StoredPane,
        tab: StoredPane,
        full: bool,
        picked: StoredName,
        topic: String,
        topic_to_come: Option<String>,
        group: String,
        partition: i32,
        record: Option<Offset>,
        face: StoredFace,
        value_face: StoredValueFace,
        opened: Option<StoredOpened>,
        filters: Vec<(StoredPane, String)>,
        topic_row: Option<String>,
        group_row: Option<String>,
        znodes: StoredZnodeView,
        exchange: Option<u64>,
        story_back: usize,
        zookeeper_story_back: usize,
        output_back: usize,
        throughput_scroll: usize,
        mouse: bool,
        show_keys: bool,
        command: Option<String>,
        recent: Vec<String>,
    }
}

stored_struct! {
    /// Where somebody was in `ZooKeeper`'s tree.
    StoredZnodeView of ZnodeView {
        cursor: Option<String>,
        toggled: BTreeSet<String>,
        raw: bool,
    }
}

/// A pane by its name. One that is not known any more is the one where everybody begins.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::recording) struct StoredPane(String);

impl Mirror<Pane> for StoredPane {
    fn of(it: Pane) -> Self {
        Self(it.name().to_owned())
    }

    fn back(self) -> Pane {
        let known = Pane::ALL.into_iter().find(|pane| pane.name() == self.0);
        known.unwrap_or(Pane::Processes)
    }
}

stored_enum! {
    /// What a cell of the Log says under its offset.
    StoredFace of RecordFace { Key, Value, Time, Size }
}

stored_enum! {
    /// How an opened record shows its value.
    StoredValueFace of ValueFace { Pretty, Text, Hex }
}

stored_struct! {
    /// What enter opened.
    StoredOpened of Opened { what: StoredThing, scroll: usize }
}

stored_enum! {
    /// A thing that can be opened.
    StoredThing of Thing {
        Process(name: StoredName),
        Record(offset: Offset),
        Group(id: String),
        Topic(name: String),
        Line(number: u64),
        Znode(path: String),
        Exchange(number: u64),
    }
}
