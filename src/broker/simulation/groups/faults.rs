//! What goes wrong with a group, when, and how it ends; and whether everybody reads again when it has.

use super::{
    GROUP,
    broker::Process,
    consumer::{Phase, committed_at},
    division::{PARTITIONS, partition},
    message::Ask,
    world::{ADMINISTRATOR, Event, World},
};
use crate::{
    coordinator::{
        CommitRequest, GroupState, LeaveRequest, LeavingMember, MemberIdentity, Request,
    },
    simulation::promises::{Healing, Violation},
};
use wire::{BrokerId, Offset};

/// How long the group has to come together.
const PEACE: u64 = 80;

/// How long faults are made.
const TROUBLE: u64 = 600;

/// How long healing may take at most, far more than all timeouts together.
const HEALING: u64 = 2_000;

/// Runs one seed's world through trouble and healing.
pub(super) fn run(world: &mut World) -> Result<(), Violation> {
    world.run_until(PEACE)?;
    world.after(0, Event::Fault);
    world.run_until(PEACE + TROUBLE)?;
    world.heals_within(HEALING)
}

impl World {
    pub(super) fn fault(&mut self, event: Event) {
        match event {
            Event::Fault => {
                if !self.is_healed {
                    self.something_goes_wrong();
                    let pause = self.chance.between(5, 45);
                    self.after(pause, Event::Fault);
                }
            }
            Event::Controller => {
                self.look_after_leader();
                self.after(15, Event::Controller);
            }
            Event::StartConsumer(index) => self.start_consumer(index),
            Event::ThawConsumer(index) => self.thaw_consumer(index),
            Event::Reach(index, id) => drop(self.cuts.remove(&(index, id))),
            Event::StartBroker(id) => self.start_broker(id),
            Event::ThawBroker(id) => self.thaw_broker(id),
            Event::EnoughReplicas => self.lacks_replicas = false,
            Event::FastReplicas => self.is_slow = false,
            other => unreachable!("{other:?} is no fault"),
        }
    }

    fn something_goes_wrong(&mut self) {
        let ids: Vec<BrokerId> = self.brokers.iter().map(|broker| broker.id).collect();
        let clients: Vec<usize> = (0..self.consumers.len()).collect();
        let (Some(id), Some(index)) = (self.chance.pick(&ids), self.chance.pick(&clients)) else {
            return;
        };
        let length = self.chance.between(10, 110);
        match self.chance.between(0, 99) {
            0..=15 => {
                self.say(|| format!("fault: consumer {index} crashes"));
                self.end_consumer(index);
            }
            16..=29 => self.freeze_consumer(index, length),
            30..=38 => self.leave(index),
            39..=48 => self.crash_broker(id, length),
            49..=57 => self.freeze_broker(id, length),
            58..=66 => {
                self.say(|| "fault: another broker is elected, though the leader lives".into());
                self.elect();
            }
            67..=74 => {
                self.say(|| {
                    format!("fault: consumer {index} does not reach broker {id} for {length} ms")
                });
                self.cuts.insert((index, id));
                self.after(length, Event::Reach(index, id));
            }
            75..=79 => {
                self.say(|| format!("fault: broker {id} does not hear who leads for {length} ms"));
                self.broker(id).is_deaf_until = self.now + length;
            }
            80..=83 => {
                self.say(|| format!("fault: too few replicas are in sync for {length} ms"));
                self.lacks_replicas = true;
                self.after(length, Event::EnoughReplicas);
            }
            84..=87 => {
                self.say(|| format!("fault: replicas are slow for {length} ms"));
                self.is_slow = true;
                self.after(length, Event::FastReplicas);
            }
            88..=90 => {
                let ahead = i64::try_from(length).unwrap_or_default() * 4 - 200;
                self.say(|| format!("fault: the wall clock of broker {id} jumps by {ahead} ms"));
                self.broker(id).wall_ahead += ahead;
            }
            91..=92 => {
                self.say(|| "fault: everybody leaves".into());
                for index in clients {
                    self.leave(index);
                }
            }
            _ => self.administrate(),
        }
    }

    fn start_consumer(&mut self, index: usize) {
        let Some(consumer) = self.consumers.get_mut(index) else {
            return;
        };
        if consumer.runs {
            return;
        }
        consumer.start(&mut self.chance);
        let client = consumer.client;
        self.say(|| format!("consumer {index} starts process {}", client.incarnation));
        self.wake_consumer(client, 1);
        self.after(5, Event::Beat(client));
    }

    /// Ends a consumer's process without a word; its next one begins later.
    pub(super) fn end_consumer(&mut self, index: usize) {
        let length = self.chance.between(5, 150);
        if let Some(consumer) = self.consumers.get_mut(index)
            && consumer.runs
        {
            consumer.runs = false;
            consumer.is_frozen = false;
            consumer.deferred.clear();
            self.after(length, Event::StartConsumer(index));
        }
    }

    /// A consumer is closed: it says so, unless it is a static member.
    fn leave(&mut self, index: usize) {
        let Some(consumer) = self.consumers.get(index).filter(|it| it.runs) else {
            return;
        };
        let (client, coordinator) = (consumer.client, consumer.coordinator);
        let leaving = LeavingMember {
            member_id: consumer.member_id.clone(),
            group_instance_id: consumer.instance.clone(),
            reason: None,
        };
        self.say(|| format!("fault: consumer {index} is closed"));
        let says_so = leaving.group_instance_id.is_none() || self.chance.percent(30);
        if let Some(to) = coordinator.filter(|_| says_so && !leaving.member_id.is_empty()) {
            let leave = Request::Leave(LeaveRequest {
                group: GROUP.into(),
                members: vec![leaving],
            });
            self.transmit(to, client, 0, &Ask::Group(leave));
        }
        self.end_consumer(index);
    }

    fn freeze_consumer(&mut self, index: usize, length: u64) {
        if let Some(consumer) = self.consumers.get_mut(index)
            && consumer.runs
            && !consumer.is_frozen
        {
            consumer.is_frozen = true;
            self.say(|| format!("fault: consumer {index} is frozen for {length} ms"));
            self.after(length, Event::ThawConsumer(index));
        }
    }

    fn thaw_consumer(&mut self, index: usize) {
        if let Some(consumer) = self.consumers.get_mut(index)
            && consumer.is_frozen
        {
            consumer.is_frozen = false;
            let deferred = std::mem::take(&mut consumer.deferred);
            self.say(|| format!("consumer {index} goes on"));
            for event in deferred {
                self.after(0, event);
            }
        }
    }

    /// Somebody with rights deletes the group, or its offsets, or sets them back.
    fn administrate(&mut self) {
        let Some(to) = self.log.leader else { return };
        let index = self.chance.between(0, 3);
        let at = i32::try_from(index).unwrap_or_default();
        let request = match self.chance.between(0, 3) {
            0 => Request::DeleteGroup {
                group: GROUP.into(),
            },
            1 => Request::DeleteOffsets {
                group: GROUP.into(),
                partitions: vec![partition(at)],
            },
            _ => {
                let back = self.ledger.processed_up_to(at) / 2;
                Request::Commit(CommitRequest {
                    member: MemberIdentity {
                        group: GROUP.into(),
                        generation: -1,
                        member_id: String::new(),
                        group_instance_id: None,
                    },
                    knows_member_epochs: true,
                    offsets: vec![(partition(at), committed_at(Offset(back)))],
                })
            }
        };
        self.say(|| format!("fault: an administrator wishes {request:?}"));
        self.transmit(to, ADMINISTRATOR, 0, &Ask::Group(request));
    }

    pub(super) fn start_broker(&mut self, id: BrokerId) {
        let now = self.now;
        let broker = self.broker(id);
        if broker.process.is_some() {
            return;
        }
        broker.incarnation += 1;
        broker.process = Some(Process::start(id, now));
        self.say(|| format!("broker {id} starts"));
        // Who led before it was restarted has to be elected again.
        if let Some(leader) = self.log.leader.filter(|leader| *leader != id) {
            self.tell(id, leader);
        }
    }

    fn crash_broker(&mut self, id: BrokerId, length: u64) {
        let broker = self.broker(id);
        if broker.process.take().is_some() {
            broker.is_frozen = false;
            broker.deferred.clear();
            self.say(|| format!("fault: broker {id} crashes for {length} ms"));
            self.after(length, Event::StartBroker(id));
        }
    }

    fn freeze_broker(&mut self, id: BrokerId, length: u64) {
        let broker = self.broker(id);
        if broker.process.is_some() && !broker.is_frozen {
            broker.is_frozen = true;
            self.say(|| format!("fault: broker {id} is frozen for {length} ms"));
            self.after(length, Event::ThawBroker(id));
        }
    }

    fn thaw_broker(&mut self, id: BrokerId) {
        let broker = self.broker(id);
        if !broker.is_frozen {
            return;
        }
        broker.is_frozen = false;
        let deferred = std::mem::take(&mut broker.deferred);
        self.say(|| format!("broker {id} goes on"));
        for event in deferred {
            self.after(0, event);
        }
    }

    /// A leader that is gone or silent is replaced, after a while.
    fn look_after_leader(&mut self) {
        let Some(leader) = self.log.leader else {
            self.elect();
            return;
        };
        let leading = self.leading;
        let broker = self.broker(leader);
        let lives = broker.process.is_some() && broker.incarnation == leading && !broker.is_frozen;
        if !lives && self.chance.percent(40) {
            self.elect();
        }
    }

    /// One of the brokers that live leads from now on, also the one that did.
    pub(super) fn elect(&mut self) {
        let living = self.brokers.iter();
        let living = living.filter(|broker| broker.process.is_some() && !broker.is_frozen);
        let living: Vec<BrokerId> = living.map(|broker| broker.id).collect();
        let Some(leader) = self.chance.pick(&living) else {
            return;
        };
        let uncommitted = u64::try_from(self.log.uncommitted()).unwrap_or_default();
        let kept = self.chance.between(0, uncommitted);
        let compacts = self.chance.percent(30);
        self.ledger.ends(self.log.epoch());
        let kept = usize::try_from(kept).unwrap_or_default();
        let end = self.log.elect(leader, kept, compacts);
        let epoch = self.log.epoch();
        self.leading = self.broker(leader).incarnation;
        self.say(|| {
            format!("broker {leader} leads at epoch {epoch}, with {kept} of {uncommitted} batches that were not committed")
        });
        let delay = self.replication_delay();
        self.after(delay, Event::Replicated(epoch, end));
        let ids: Vec<BrokerId> = self.brokers.iter().map(|broker| broker.id).collect();
        for id in ids {
            self.tell(id, leader);
        }
    }

    /// Lets a broker hear who leads.
    fn tell(&mut self, id: BrokerId, leader: BrokerId) {
        let (epoch, now) = (self.log.epoch(), self.now);
        let broker = self.broker(id);
        let incarnation = broker.incarnation;
        let deaf = broker.is_deaf_until.saturating_sub(now);
        let later = self.chance.between(1, 6) + deaf;
        self.after(later, Event::Hear(id, incarnation, epoch, leader));
    }
}

impl Healing for World {
    fn now(&self) -> u64 {
        self.now
    }

    fn run_until(&mut self, until: u64) -> Result<(), Violation> {
        World::run_until(self, until)
    }

    fn heal(&mut self) {
        self.say(|| "everything is healed".into());
        self.is_healed = true;
        self.lacks_replicas = false;
        self.is_slow = false;
        self.cuts.clear();
        self.ledger.committed.clear();
        let ids: Vec<BrokerId> = self.brokers.iter().map(|broker| broker.id).collect();
        for id in ids {
            self.thaw_broker(id);
            self.start_broker(id);
        }
        for index in 0..self.consumers.len() {
            self.thaw_consumer(index);
            self.start_consumer(index);
        }
    }

    fn what_is_wrong(&self) -> Option<String> {
        let leader = self.log.leader;
        let broker = self.brokers.iter().find(|broker| Some(broker.id) == leader);
        let process = broker.and_then(|broker| broker.process.as_ref());
        let Some(process) = process else {
            return Some("nobody leads".into());
        };
        let group = match process.coordinator().describe(GROUP) {
            Ok(Some(group)) => group,
            other => return Some(format!("the group is {other:?}")),
        };
        if group.state != GroupState::Stable {
            return Some(format!("the group is {}", group.state));
        }
        let mut members: Vec<&str> = group
            .members
            .iter()
            .map(|it| it.member_id.as_str())
            .collect();
        let mut alive: Vec<&str> = self
            .consumers
            .iter()
            .map(|it| it.member_id.as_str())
            .collect();
        members.sort_unstable();
        alive.sort_unstable();
        if members != alive {
            return Some(format!(
                "the members are {members:?}, the consumers {alive:?}"
            ));
        }
        let idle = self.consumers.iter().find(|it| it.phase != Phase::Reading);
        if let Some(consumer) = idle {
            return Some(format!("{} is {:?}", consumer.member_id, consumer.phase));
        }
        let reads = |index: i32| {
            let readers = self.consumers.iter();
            readers
                .filter(|it| it.positions.contains_key(&index))
                .count()
        };
        (0..PARTITIONS).find_map(|index| match reads(index) {
            1 if self.ledger.committed.contains(&index) => None,
            1 => Some(format!("nothing is committed of partition {index}")),
            readers => Some(format!("{readers} consumers read partition {index}")),
        })
    }
}
