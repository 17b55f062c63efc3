//! A process moves the partition to other replicas: the wish, and as the controller the end of the move.

use super::{
    controller::{TOPIC, partition},
    message::{Turn, ZooKeeperRequest},
    process::Process,
    registry::{AfterRead, Op, Plan, ids},
};
use crate::{
    controller::assignment::Replicas,
    registry::{
        mirror::Found,
        writes,
        znodes::{self, TopicJson, Znode},
    },
};
use client::zookeeper::ZnodeWrite;
use wire::BrokerId;

impl Process {
    /// As the handler of `AlterPartitionReassignments` does; without a target the move is called off.
    pub(super) fn reassign(&mut self, target: Option<&[BrokerId]>, turn: &mut Turn<'_>) {
        let image = self.mirror.image();
        let Some(partition) = image.partition(&partition()) else {
            return;
        };
        let before = Replicas {
            all: partition.replicas.clone(),
            adding: partition.adding.clone(),
            removing: partition.removing.clone(),
        };
        let after = target.map_or_else(|| before.called_off(), |target| before.moving_to(target));
        let request = ZooKeeperRequest::Read(vec![znodes::topic(TOPIC)]);
        self.ask(Op::Reassign(before, after), request, turn);
    }

    /// The topic was read: a move that was decided on other replicas is not made.
    pub(super) fn write_replicas(
        &mut self,
        before: &Replicas,
        after: Replicas,
        found: &[Found],
        turn: &mut Turn<'_>,
    ) {
        let Some((mut topic, version)) = read(found) else {
            return;
        };
        let index = partition().partition;
        if topic.replicas(index).as_ref() != Some(before) || *before == after {
            return;
        }
        turn.say(|| {
            let (all, removing) = (ids(&after.all), ids(&after.removing));
            format!(
                "broker {}: {TOPIC} shall have replicas {all:?}, of which {removing:?} leave",
                self.own
            )
        });
        topic.set_replicas(index, after);
        let write = ZnodeWrite::SetData {
            path: znodes::topic(TOPIC),
            data: znodes::write(&topic),
            version: Some(version),
        };
        let op = Op::Topic(Znode::Topic(TOPIC.into()));
        self.ask(op, ZooKeeperRequest::Multi(vec![write]), turn);
    }

    /// The topic was read: the controller ends the move.
    pub(super) fn arrived(
        &mut self,
        replicas: Vec<BrokerId>,
        plan: Plan,
        found: &[Found],
        turn: &mut Turn<'_>,
    ) {
        let Some((controllership, _)) = &self.controllership else {
            self.give_up(turn);
            return;
        };
        let image = self.mirror.image();
        let multi = read(found).and_then(|(topic, version)| {
            let state = image.partition_of(&partition(), topic.topic_id)?;
            writes::arrived(
                controllership,
                &partition(),
                replicas,
                state,
                topic,
                version,
            )
        });
        if let Some(multi) = multi {
            turn.say(|| format!("controller {}: {TOPIC} has arrived", self.own));
            self.ask(Op::Arrived(plan), ZooKeeperRequest::Multi(multi), turn);
        } else {
            let changed = [Znode::Topic(TOPIC.into())];
            self.refresh(changed.into(), AfterRead::Plan(plan), turn);
        }
    }
}

fn read(found: &[Found]) -> Option<(TopicJson, i32)> {
    let (data, stat) = found.first()?.as_ref()?;
    Some((znodes::read("topic", data)?, stat.version))
}
