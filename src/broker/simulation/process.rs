//! A broker: what survives a crash, and the process that does not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    log::MemoryLog,
    message::{Message, Out, Timer, Turn, ZooKeeperAnswer, ZooKeeperRequest},
    registry::Op,
    replicas::{Hosted, Waiting},
};
use crate::{
    controller::Controller,
    image::ClusterImage,
    registry::{Controllership, mirror::Mirror, znodes::Znode},
    replication::IsrWrite,
};
use wire::{BrokerId, Offset, TopicPartition};

/// How often followers are looked at: half of [`LAG_TIME_MAX`].
pub(super) const LOOK_INTERVAL: u64 = 12;

/// `replica.lag.time.max.ms`.
pub(super) const LAG_TIME_MAX: u64 = 25;

/// Pause before the controller tries again what it could not do.
pub(super) const RETRY_PAUSE: u64 = 6;

/// What a broker finds again when it starts.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// The sessions under which it may be registered.
    pub(super) sessions: Vec<i64>,
    pub(super) logs: BTreeMap<TopicPartition, Stored>,
}

/// One partition's folder, and its line in the checkpoint of high watermarks.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) topic_id: Uuid,
    pub(super) log: MemoryLog,
    pub(super) high_watermark: Offset,
}

/// The memory of a broker.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says what one of its tasks is doing"
)]
pub(super) struct Process {
    pub(super) own: BrokerId,
    /// Counts the processes of this broker.
    pub(super) incarnation: u64,
    pub(super) disk: Disk,
    pub(super) session: Option<i64>,
    pub(super) connection: Option<u64>,
    /// The czxid of this broker's znode; -1 while its session is being replaced.
    pub(super) broker_epoch: i64,
    /// Whether the first image is complete and roles may be taken.
    pub(super) serves: bool,
    pub(super) mirror: Mirror,
    seen: Arc<ClusterImage>,
    pub(super) dirty: BTreeSet<Znode>,
    pub(super) registry_is_busy: bool,
    /// What waits for ZooKeeper's answer.
    pub(super) ops: BTreeMap<u64, Op>,
    pub(super) numbers: u64,
    pub(super) partitions: BTreeMap<TopicPartition, Hosted>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) controllership: Option<(Controllership, Controller)>,
    pub(super) controller_is_busy: bool,
    pub(super) controller_looks_again: bool,
    /// ISR writes of unknown outcome, until ZooKeeper is back.
    pub(super) unknown: Vec<(TopicPartition, IsrWrite)>,
}

impl Process {
    /// Starts: everything begins with a session.
    pub(super) fn start(own: BrokerId, incarnation: u64, disk: Disk, turn: &mut Turn<'_>) -> Self {
        let mirror = Mirror::new("simulated".into());
        turn.say(|| format!("broker {own} starts"));
        turn.out.push(Out::Connect(None));
        turn.after(LOOK_INTERVAL, Timer::Look);
        Self {
            own,
            incarnation,
            disk,
            session: None,
            connection: None,
            broker_epoch: -1,
            serves: false,
            seen: mirror.image(),
            mirror,
            dirty: BTreeSet::new(),
            registry_is_busy: false,
            ops: BTreeMap::new(),
            numbers: 0,
            partitions: BTreeMap::new(),
            waiting: Vec::new(),
            controllership: None,
            controller_is_busy: false,
            controller_looks_again: false,
            unknown: Vec::new(),
        }
    }

    /// Ends at once: memory is lost, what was written stays. The system keeps what the process wrote.
    pub(super) fn crash(mut self) -> Disk {
        for (at, hosted) in self.partitions {
            let stored = Stored {
                topic_id: hosted.topic_id,
                log: hosted.replica.log,
                high_watermark: hosted.saved,
            };
            self.disk.logs.insert(at, stored);
        }
        self.disk
    }

    /// Takes one message in.
    pub(super) fn step(&mut self, message: Message, turn: &mut Turn<'_>) {
        match message {
            Message::Fetch(fetch) => self.serve_fetch(&fetch, turn),
            Message::FetchAnswer {
                at,
                topic_id,
                number,
                answer,
            } => self.take_fetch_answer(&at, topic_id, number, answer, turn),
            Message::Bounds {
                from,
                at,
                topic_id,
                number,
                epoch,
            } => {
                let answer = self.bounds(&at, topic_id, epoch);
                let answer = Message::BoundsAnswer {
                    at,
                    topic_id,
                    number,
                    answer,
                };
                turn.out.push(Out::Broker(from, answer));
            }
            Message::BoundsAnswer {
                at,
                topic_id,
                number,
                answer,
            } => self.take_bounds(&at, topic_id, number, answer, turn),
            Message::Client(request) => self.serve_client(request, turn),
            Message::Stops {
                broker,
                broker_epoch,
            } => self.broker_stops(broker, broker_epoch, turn),
            Message::ElectPreferred => self.elect_preferred(turn),
            Message::CreateTopic { id, replicas } => self.create_topic(id, replicas, turn),
            Message::DeleteTopic => self.delete_topic(turn),
            Message::Reassign(target) => self.reassign(target.as_deref(), turn),
            Message::Connected {
                session,
                connection,
            } => self.connected(session, connection, turn),
            Message::Expired => {
                turn.say(|| format!("broker {}: ZooKeeper ended the session", self.own));
                turn.out.push(Out::Connect(None));
            }
            Message::Disconnected(connection) => self.disconnected(connection, turn),
            Message::Answered {
                connection,
                op,
                answer,
            } => {
                if self.connection == Some(connection)
                    && let Some(op) = self.ops.remove(&op)
                {
                    self.answered(op, answer, turn);
                }
            }
            Message::Changed { connection, paths } => {
                if self.connection == Some(connection) {
                    let znodes = paths.iter().filter_map(|path| Znode::of_path(path));
                    self.dirty.extend(znodes);
                    self.follow_watches(turn);
                }
            }
            Message::Timer(timer) => self.wake(timer, turn),
        }
        self.after_step(turn);
    }

    fn wake(&mut self, timer: Timer, turn: &mut Turn<'_>) {
        match timer {
            Timer::Look => {
                self.look(turn);
                turn.after(LOOK_INTERVAL, Timer::Look);
            }
            Timer::FollowImage => self.follow_image(turn),
            Timer::Controller => self.controller_turn(turn),
            Timer::Fetch(at) => self.fetch(&at, turn),
            Timer::FetchTimeout(at, number) => self.fetch_timed_out(&at, number, turn),
            Timer::Register => self.register(turn),
        }
    }

    /// What follows from every step: tasks that watch the image are woken, commits answered.
    fn after_step(&mut self, turn: &mut Turn<'_>) {
        let image = self.mirror.image();
        if !Arc::ptr_eq(&image, &self.seen) {
            self.seen = image;
            if self.serves {
                Self::image_changed(turn);
            }
        }
        self.check_commits(turn);
    }

    /// Lets the tasks look at the newest image, each in its own time.
    pub(super) fn image_changed(turn: &mut Turn<'_>) {
        let later = turn.chance.between(0, 2);
        turn.after(later, Timer::FollowImage);
        let later = turn.chance.between(0, 2);
        turn.after(later, Timer::Controller);
    }

    /// Asks ZooKeeper; without a connection the answer is that it is lost.
    pub(super) fn ask(&mut self, op: Op, request: ZooKeeperRequest, turn: &mut Turn<'_>) {
        if self.connection.is_none() {
            self.answered(op, ZooKeeperAnswer::Lost, turn);
            return;
        }
        let number = self.number();
        self.ops.insert(number, op);
        turn.out.push(Out::ZooKeeper {
            op: number,
            request,
        });
    }

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}
