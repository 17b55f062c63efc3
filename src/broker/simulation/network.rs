//! What is between processes: messages that take their time or are lost, and ZooKeeper at the end of its connections.

use std::collections::BTreeSet;

use super::{
    controller::partition,
    ledger::Ledger,
    message::{Message, Out, ZooKeeperAnswer, ZooKeeperRequest},
    promises::Invariant,
    world::{Event, World},
};
use crate::registry::znodes::{self, TopicJson};
use wire::BrokerId;

/// `zookeeper.session.timeout.ms`.
const SESSION_TIMEOUT: u64 = 40;

impl World {
    /// Sends what a process wants sent.
    pub(super) fn route(&mut self, from: BrokerId, out: &mut Vec<Out>) {
        for out in out.drain(..) {
            let incarnation = self.machine(from).incarnation;
            match out {
                Out::Broker(to, message) => self.send(from, to, message),
                Out::Client(client, answer) => {
                    if !self.is_lost(2) {
                        let delay = self.delay();
                        self.after(delay, Event::ToClient(client, answer));
                    }
                }
                Out::ZooKeeper { op, request } => {
                    let process = self.machine(from).process.as_ref();
                    let Some((session, connection)) =
                        process.and_then(|it| Some((it.session?, it.connection?)))
                    else {
                        continue;
                    };
                    let event = Event::ToZooKeeper {
                        from,
                        session,
                        connection,
                        op,
                        request,
                    };
                    self.in_order(from, 0, event);
                }
                Out::Connect(session) => {
                    let delay = self.delay();
                    let event = Event::Connect {
                        from,
                        incarnation,
                        session,
                    };
                    self.after(delay, event);
                }
                Out::After(ms, timer) => {
                    let message = Message::Timer(timer);
                    let event = Event::Message {
                        to: from,
                        incarnation,
                        message,
                    };
                    self.after(ms, event);
                }
            }
        }
    }

    pub(super) fn send(&mut self, from: BrokerId, to: BrokerId, message: Message) {
        let is_cut = self.cuts.contains(&(from.min(to), from.max(to)));
        let incarnation = self.machine(to).incarnation;
        if is_cut || self.machine(to).process.is_none() || self.is_lost(2) {
            return;
        }
        let delay = self.delay();
        let event = Event::Message {
            to,
            incarnation,
            message,
        };
        self.after(delay, event);
    }

    /// A message to (0) or from (1) ZooKeeper, which never overtakes another.
    fn in_order(&mut self, broker: BrokerId, direction: usize, event: Event) {
        let delay = self.delay();
        let now = self.now;
        let Some(last) = self.machine(broker).fifo.get_mut(direction) else {
            return;
        };
        *last = (*last).max(now + delay);
        let ms = *last - now;
        self.after(ms, event);
    }

    fn tell_as_zookeeper(&mut self, to: BrokerId, message: Message) {
        let incarnation = self.machine(to).incarnation;
        let event = Event::Message {
            to,
            incarnation,
            message,
        };
        self.in_order(to, 1, event);
    }

    pub(super) fn serve_zookeeper(
        &mut self,
        from: BrokerId,
        (session, connection): (i64, u64),
        op: u64,
        request: ZooKeeperRequest,
    ) {
        if !self.zookeeper_is_up || !self.machine(from).reaches_zookeeper {
            // Nobody answers, which is noticed after a while.
            let incarnation = self.machine(from).incarnation;
            let event = Event::Message {
                to: from,
                incarnation,
                message: Message::Disconnected(connection),
            };
            self.after(SESSION_TIMEOUT / 3, event);
            return;
        }
        let served = self.zookeeper.session(session);
        if served.is_none_or(|it| it.connection != Some(connection)) {
            self.tell_as_zookeeper(from, Message::Disconnected(connection));
            return;
        }
        let answer = match request {
            ZooKeeperRequest::Read(paths) => {
                let found = paths.iter().map(|path| self.zookeeper.read(path));
                ZooKeeperAnswer::Found(found.collect())
            }
            ZooKeeperRequest::Children(paths) => {
                let names = paths.iter().map(|path| self.zookeeper.children(path));
                ZooKeeperAnswer::Children(names.collect())
            }
            ZooKeeperRequest::Multi(writes) => {
                let written = self.zookeeper.multi(session, &writes);
                if written.is_ok() {
                    let paths = writes.iter().map(|write| write.path().to_owned());
                    self.changed(&paths.collect());
                }
                written.into()
            }
        };
        let answer = Message::Answered {
            connection,
            op,
            answer,
        };
        self.tell_as_zookeeper(from, answer);
    }

    /// Watches fire, and what the znodes say now is noted.
    fn changed(&mut self, paths: &BTreeSet<String>) {
        for (broker, connection) in self.zookeeper.watchers() {
            let paths = paths.clone();
            self.tell_as_zookeeper(broker, Message::Changed { connection, paths });
        }
        let at = partition();
        let topic = self.zookeeper.read(&znodes::topic(&at.topic));
        let topic = topic.and_then(|(data, _)| znodes::read::<TopicJson>("topic", &data));
        let before = self.current.take();
        self.current = topic.map(|topic| {
            let state = self.zookeeper.read(&znodes::state(&at));
            let state = state.and_then(|(data, _)| znodes::read("state", &data));
            (topic, state)
        });
        if let (Some((before, _)), Some((now, _))) = (&before, &self.current) {
            check_replicas(before, now, &mut self.ledger);
        }
        self.ledger.unchecked = true;
    }

    pub(super) fn connect(&mut self, from: BrokerId, incarnation: u64, session: Option<i64>) {
        let reaches = self.zookeeper_is_up && self.machine(from).reaches_zookeeper;
        let machine = self.machine(from);
        if machine.incarnation != incarnation || machine.process.is_none() {
            return;
        }
        if !reaches {
            let event = Event::Connect {
                from,
                incarnation,
                session,
            };
            self.after(4, event);
            return;
        }
        let message = match self.zookeeper.connect(from, session) {
            Some((session, connection)) => Message::Connected {
                session,
                connection,
            },
            None => Message::Expired,
        };
        self.tell_as_zookeeper(from, message);
    }

    /// Nothing is heard of a session from now on.
    pub(super) fn silence(&mut self, session: i64) {
        let since = self.now;
        if let Some(session) = self.zookeeper.session(session) {
            session.silent_since = Some(since);
        }
        self.after(SESSION_TIMEOUT, Event::Expire { session, since });
    }

    pub(super) fn expire(&mut self, id: i64, since: u64) {
        let session = self.zookeeper.session(id);
        if session.is_none_or(|it| it.silent_since != Some(since)) {
            return;
        }
        if !self.zookeeper_is_up {
            self.after(2, Event::Expire { session: id, since });
            return;
        }
        self.end_session(id);
    }

    pub(super) fn end_session(&mut self, id: i64) {
        self.say(|| format!("ZooKeeper ends session {id}"));
        let session = self.zookeeper.session(id);
        let served = session.and_then(|it| Some((it.broker, it.connection?)));
        if let Some((broker, connection)) = served {
            self.tell_as_zookeeper(broker, Message::Disconnected(connection));
        }
        let gone = self.zookeeper.expire(id);
        self.changed(&gone);
    }

    pub(super) fn delay(&mut self) -> u64 {
        if self.chance.percent(6) {
            self.chance.between(8, 30)
        } else {
            self.chance.between(1, 4)
        }
    }

    pub(super) fn is_lost(&mut self, percent: u64) -> bool {
        !self.is_healed && self.chance.percent(percent)
    }
}

/// A move begins where the partition was before any move, and ends where it led to, or where it began.
fn check_replicas(before: &TopicJson, now: &TopicJson, ledger: &mut Ledger) {
    let index = partition().partition;
    let (Some(old), Some(new)) = (before.replicas(index), now.replicas(index)) else {
        return;
    };
    if before.topic_id != now.topic_id || old == new {
        return;
    }
    let began = old.called_off().all;
    let is_wished = if new.adding.is_empty() && new.removing.is_empty() {
        let led_to = old.target().unwrap_or_default();
        same(&new.all, &led_to) || same(&new.all, &began)
    } else {
        same(&new.called_off().all, &began)
    };
    if !is_wished {
        ledger.verdict.violated(Invariant::ReplicasAreWished, || {
            format!("replicas become {new:?} after {old:?}")
        });
    }
}

fn same(some: &[BrokerId], others: &[BrokerId]) -> bool {
    some.len() == others.len() && some.iter().all(|id| others.contains(id))
}
