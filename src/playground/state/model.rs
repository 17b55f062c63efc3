//! The state: what is known, what happened, what is shown.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::{
    Past, PictureOf, Setup, Timestamp,
    action::{
        Answer, NewRecord, Opening, Pane, RecordFace, Request, Rewind, TypedRecord, Waits,
        with_names,
    },
    cluster::{Cluster, Outages, ProcessName, Rates, Wire},
    lessons::Learning,
    settings::{Keymap, Layouts, Themes},
    story::{Coach, Entry, Hand, Line, Narrator, Story, ZooKeeperStory},
    view::{
        Asked, Following, HELD_WITHIN, LessonView, MESSAGE_FOR, Message, Overlay, ValueFace, View,
        ZnodeView,
    },
};
use wire::TopicPartition;

/// Everything the screen is drawn from. Only `update` changes it. Whatever is in it can be written
/// down: moments of a session are kept this way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// What this run was told at its beginning.
    pub setup: Setup,
    /// The time of the last event.
    pub now: Timestamp,
    /// The cluster as far as it is known.
    pub cluster: Cluster,
    /// What happened.
    pub story: Story,
    /// What happened in `ZooKeeper`.
    pub zookeeper_story: ZooKeeperStory,
    /// What is shown.
    pub view: View,
    /// Partitions that cannot be written, and how long that took the last time.
    pub outages: Outages,
    /// The start.
    pub opening: Opening,
    /// The guide.
    pub coach: Coach,
    /// The picture of a moment that is looked at while life goes on.
    #[serde(skip)]
    pub held: Option<Box<State>>,
    /// Whether preferred leaders shall be elected as soon as their brokers are in sync again.
    pub healing: bool,
    /// The session so far, for going back in it. A picture has none of its own.
    #[serde(skip)]
    pub past: Past,
    /// Which moment this is, where it is only a picture.
    #[serde(skip)]
    pub picture_of: Option<PictureOf>,
    /// Where the data is, as shown, and when it was last used.
    pub data_folder: Option<(String, Option<Timestamp>)>,
    /// How many demo records were sent with `p`: the next key follows from it.
    pub demo_records: u64,
    /// Whose wishes are done now; outside of another shell's questions always the person's at this screen.
    #[serde(skip)]
    pub(super) hand: Hand,
    pub(super) narrator: Narrator,
    pub(super) watched: Vec<TopicPartition>,
    pub(super) asked: Option<Asked>,
    pub(super) znodes_watched: Option<String>,
    /// Whether coordinators are asked for transactions.
    #[serde(default)]
    pub(super) transactions_watched: bool,
    /// Requests and answers of our own connections. A saved moment is without them: they weigh more
    /// than all the rest.
    #[serde(skip)]
    pub wire: Wire,
    /// What flowed in the last minute.
    pub rates: Rates,
    pub(super) following: Following,
    pub(super) rewind: Option<Rewind>,
    /// What is waited for, here and in other shells.
    #[serde(default)]
    pub waits: Waits,
    /// What somebody learns.
    pub learning: Learning,
}

impl State {
    /// The state before anything happened, and what to do first.
    #[must_use]
    pub fn new(setup: Setup) -> (Self, Vec<Request>) {
        let mut cluster = Cluster::default();
        let requests = Opening::first(&setup, &mut cluster);
        let topic = setup
            .topics
            .first()
            .map(|topic| topic.name.clone())
            .unwrap_or_default();
        let picked = setup
            .brokers
            .last()
            .copied()
            .map_or(ProcessName::ZooKeeper, ProcessName::Broker);
        let view = View {
            size: setup.size,
            appearance: setup.appearance,
            layouts: Layouts::default(),
            themes: Themes::from(setup.appearance.scheme.theme().to_owned()),
            keys: Keymap::default(),
            focus: Pane::Processes,
            tab: Pane::Story,
            full: false,
            picked,
            topic: topic.clone(),
            topic_to_come: None,
            group: setup.group.clone(),
            partition: 0,
            record: None,
            face: RecordFace::default(),
            value_face: ValueFace::default(),
            story_back: 0,
            story_seen: 0,
            filters: Vec::new(),
            overlay: Overlay::default(),
            ask: None,
            message: None,
            caption: None,
            show_keys: false,
            pressed: Vec::new(),
            recording: None,
            command: None,
            recent: Vec::new(),
            last_key: None,
            typed_pick: None,
            topic_row: None,
            group_row: None,
            transaction: None,
            mouse: false,
            zookeeper_story_back: 0,
            znodes: ZnodeView::default(),
            exchange: None,
            output_back: 0,
            throughput_scroll: 0,
            lesson: LessonView::default(),
        };
        let state = Self {
            now: setup.started_at,
            cluster,
            story: Story::default(),
            zookeeper_story: ZooKeeperStory::default(),
            view,
            outages: Outages::default(),
            opening: Opening::default(),
            // It says what to do to a cluster of one's own.
            coach: Coach::new(!setup.reach.is_own()),
            held: None,
            healing: false,
            past: Past::default(),
            picture_of: None,
            data_folder: None,
            demo_records: 0,
            hand: Hand::You,
            narrator: Narrator {
                opening: true,
                home: topic,
                ..Narrator::default()
            },
            watched: Vec::new(),
            asked: None,
            znodes_watched: None,
            transactions_watched: false,
            wire: Wire::default(),
            rates: Rates::default(),
            following: Following::default(),
            rewind: None,
            waits: Waits::default(),
            learning: Learning::default(),
            setup,
        };
        (state, requests)
    }

    /// A line of something that is wished now.
    pub(super) fn wish(&self) -> Line {
        Line::new(self.now, self.hand.clone())
    }

    /// The topic that goes without its name in lines and footers.
    #[must_use]
    pub fn home_topic(&self) -> &str {
        &self.narrator.home
    }

    /// Whether the demo's topic and group are there.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.opening.ready_after.is_some()
    }

    /// When something on the screen changes by itself: send a `Tick` then. Far off is the next
    /// second of the clock.
    #[must_use]
    pub fn wake_at(&self) -> Timestamp {
        let next_second = Timestamp::from_ms((self.now.ms() / 1000 + 1) * 1000);
        let confirm = match self.view.ask.as_ref().map(|ask| &ask.how) {
            Some(Answer::Again { at: Some(at), .. }) => Some(at.plus(HELD_WITHIN)),
            _ => None,
        };
        let message = self
            .view
            .message
            .as_ref()
            .map(|message| message.since.plus(MESSAGE_FOR));
        let counting = self
            .counts()
            .then(|| self.now.plus(Duration::from_millis(100)));
        let shown = self.cluster.topics.get(&self.view.topic);
        let flash = shown
            .into_iter()
            .flat_map(|topic| &topic.partitions)
            .filter_map(|partition| partition.changed_at)
            .max()
            .map(|at| at.plus(self.flash_for()));
        let flow = self.view.is_on_screen(Pane::Flow);
        let flow = flow.then(|| self.cluster.flow.next_change(self.now, self.flash_for()));
        let flow = flow.flatten();
        let znodes = self.znodes_watched.as_ref();
        let znodes = znodes.and_then(|_| self.cluster.znodes.next_change(self.flash_for()));
        [
            confirm,
            message,
            counting,
            flash,
            znodes,
            flow,
            self.plays_at(),
            self.waits.next_deadline(),
            self.view.forgets_at(),
        ]
        .into_iter()
        .flatten()
        .filter(|at| *at > self.now)
        .fold(next_second, Timestamp::min)
    }

    /// How long a change is marked: a flash, or where nothing shall move a small sign.
    fn flash_for(&self) -> Duration {
        if self.view.appearance.reduced_motion {
            Duration::from_secs(3)
        } else {
            Duration::from_millis(400)
        }
    }

    /// Whether what changed then is still to be marked.
    #[must_use]
    pub fn just_changed(&self, at: Option<Timestamp>) -> bool {
        at.is_some_and(|at| self.now.since(at) < self.flash_for())
    }

    /// Whether tenths of seconds are on the screen.
    fn counts(&self) -> bool {
        let moving = |process: &crate::state::cluster::Process| {
            let fresh = self.now.since(process.since).as_secs() < 10;
            let ends = process.status.is_gone() && process.session_expired.is_none() && fresh;
            process.status == crate::state::cluster::Status::Starting
                || (process.status == crate::state::cluster::Status::Frozen && fresh)
                || ends
        };
        self.view.is_on_screen(Pane::Sessions)
            || self.cluster.processes.values().any(moving)
            || self
                .cluster
                .groups
                .values()
                .any(crate::state::cluster::Group::rebalancing)
    }

    /// A sentence for the footer; it names actions in braces, as [`Keymap::fill`](crate::state::settings::Keymap::fill) takes it.
    pub(super) fn message(&mut self, text: impl AsRef<str>, bad: bool) {
        // In another shell, actions have names and no keys.
        let text = match self.hand {
            Hand::Shell | Hand::Scenario => with_names(text.as_ref()),
            _ => self.view.fill(text.as_ref()),
        };
        self.view.message = Some(Message {
            text,
            since: self.now,
            bad,
            while_waiting: false,
        });
    }

    /// The line of what happened that enter opens: the lowest that is shown.
    #[must_use]
    pub fn line_at_hand(&self) -> Option<&Entry> {
        let filter = self.view.filter(Pane::Story);
        self.story.matching(filter).rev().nth(self.view.story_back)
    }

    /// What the coach says now, with the keys as they are bound.
    #[must_use]
    pub fn coach_line(&self) -> Option<String> {
        let line = self.coach.line(&self.cluster, self.now)?;
        Some(self.view.fill(&line))
    }

    /// The next demo record, which is sent now.
    pub(super) fn next_demo_record(&mut self) -> NewRecord {
        let record = self.demo_record();
        self.demo_records += 1;
        record
    }

    /// The next demo record. The keys fall evenly on three partitions, on two and on six.
    pub(super) fn demo_record(&self) -> NewRecord {
        let keys = DEMO_KEYS;
        let count = u64::try_from(keys.len()).unwrap_or(1);
        let index = usize::try_from(self.demo_records % count).unwrap_or(0);
        NewRecord {
            topic: self.view.topic.clone(),
            key: keys.get(index).map(|key| (*key).to_owned()),
            value: Some(format!("order {}", self.demo_records + 1)),
            acks: self.cluster.acks,
            ..NewRecord::default()
        }
    }

    /// What was typed, for the topic that is shown.
    pub(super) fn record_of(&self, typed: &TypedRecord) -> NewRecord {
        NewRecord {
            topic: self.view.topic.clone(),
            key: Some(typed.key.clone()).filter(|key| !key.is_empty()),
            value: Some(typed.value.clone()),
            partition: typed.partition,
            acks: self.cluster.acks,
            ..NewRecord::default()
        }
    }

    /// Where clients begin.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let known = self.cluster.bootstrap.clone();
        known
            .or_else(|| {
                self.cluster
                    .brokers()
                    .find_map(|broker| broker.address.clone())
            })
            .unwrap_or_else(|| "127.0.0.1:9092".into())
    }
}

/// Two of them fall on each of three partitions by Kafka's murmur2.
pub const DEMO_KEYS: [&str; 6] = ["amy", "ben", "cleo", "dan", "eli", "fay"];

/// The value of the stream's record of this number.
#[must_use]
pub fn stream_value(number: u64) -> String {
    format!("stream {number}")
}
