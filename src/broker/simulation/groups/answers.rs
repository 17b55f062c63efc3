//! Every answer of a coordinator is held against what was promised.

use super::{
    broker::{Process, Waiting},
    division::assigned,
    world::World,
};
use crate::coordinator::{Request, Response};
use wire::{ErrorCode, LeaderEpoch};

impl World {
    /// Holds an answer against what was promised.
    pub(super) fn check_response(
        &mut self,
        process: &Process,
        waiting: &Waiting,
        response: &Response,
    ) {
        let epoch = process.hears.0;
        match (&waiting.request, response) {
            (Request::Join(join), Response::Join(joined)) => {
                if joined.error.is_none() {
                    self.ledger.joined(epoch, joined.generation, &self.log);
                }
                let instance = join.group_instance_id.as_deref();
                self.check_fenced(epoch, instance, &join.member_id, joined.error);
            }
            (Request::Sync(sync), Response::Sync(synced)) => {
                let member = &sync.member;
                let instance = member.group_instance_id.as_deref();
                self.check_fenced(epoch, instance, &member.member_id, synced.error);
                if synced.error.is_none() && instance.is_some() {
                    self.ledger.settles(&member.member_id);
                }
                if synced.error.is_none() && process.life == self.ledger.life {
                    let owner = instance.unwrap_or(&member.member_id);
                    let partitions = assigned(&synced.assignment);
                    self.ledger.assigned(owner, member.generation, &partitions);
                }
            }
            (Request::Heartbeat(member), Response::Heartbeat(error)) => {
                let instance = member.group_instance_id.as_deref();
                self.check_fenced(epoch, instance, &member.member_id, *error);
            }
            (Request::Commit(commit), Response::Commit(results)) => {
                let member = &commit.member;
                let instance = member.group_instance_id.as_deref();
                for (_, error) in results {
                    self.check_fenced(epoch, instance, &member.member_id, *error);
                }
                if results.iter().all(|(_, error)| error.is_none()) {
                    self.acknowledge(waiting);
                }
            }
            (Request::DeleteOffsets { .. }, Response::DeleteOffsets(ErrorCode::None, _))
            | (Request::DeleteGroup { .. }, Response::DeleteGroup(ErrorCode::None)) => {
                self.acknowledge(waiting);
            }
            _ => {}
        }
    }

    fn acknowledge(&mut self, waiting: &Waiting) {
        if let Some((epoch, index)) = waiting.written {
            self.ledger.acknowledges(epoch, index, &self.log);
        }
    }

    fn check_fenced(
        &mut self,
        epoch: LeaderEpoch,
        instance: Option<&str>,
        member_id: &str,
        error: ErrorCode,
    ) {
        if error == ErrorCode::FencedInstanceId
            && epoch == self.log.epoch()
            && let Some(instance) = instance
        {
            self.ledger.fenced(instance, member_id);
        }
    }
}
