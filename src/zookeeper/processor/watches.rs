//! Watch requests, and the events that watches bring.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{Effects, Processor, Send};
use crate::{ConnectionId, path, txn::Change};
use wire::{
    jute::{
        AddWatchRequest, CheckWatchesRequest, EventType, JuteReader, KeeperCode, OpCode, Record,
        ReplyHeader, SetWatches, SetWatches2, WatchMode, WatcherEvent, WatcherType, frame,
        to_bytes, xid,
    },
    report::{Report, ZnodeChange},
};

/// `KeeperState.SyncConnected`, the state in every event of a living server.
const SYNC_CONNECTED: i32 = 3;

impl Processor {
    /// Versions: `setWatches`, `setWatches2`, `addWatch`, `checkWatches`, `removeWatches`.
    pub(super) fn watch_request(
        &mut self,
        id: ConnectionId,
        op: OpCode,
        body: &mut JuteReader<'_>,
        effects: &mut Effects,
    ) -> Result<Vec<u8>, KeeperCode> {
        match op {
            OpCode::SetWatches => {
                let SetWatches {
                    relative_zxid,
                    data,
                    exist,
                    child,
                } = body.read()?;
                let request = SetWatches2 {
                    relative_zxid,
                    data,
                    exist,
                    child,
                    ..SetWatches2::default()
                };
                self.set_watches(id, &request, effects);
                Ok(Vec::new())
            }
            OpCode::SetWatches2 => {
                let request = body.read()?;
                self.set_watches(id, &request, effects);
                Ok(Vec::new())
            }
            OpCode::AddWatch => {
                let request: AddWatchRequest = body.read()?;
                let mode = WatchMode::from_code(request.mode).ok_or(KeeperCode::BadArguments)?;
                self.watches.watch_always(&request.path, id, mode);
                // The answer is an `ErrorResponse`, also when there is no error.
                Ok(to_bytes(&KeeperCode::Ok.code()))
            }
            _ => {
                let request: CheckWatchesRequest = body.read()?;
                let kind =
                    WatcherType::from_code(request.watcher_type).ok_or(KeeperCode::BadArguments)?;
                let found = if op == OpCode::RemoveWatches {
                    self.watches.remove(&request.path, id, kind)
                } else {
                    self.watches.contains(&request.path, id, kind)
                };
                found.then(Vec::new).ok_or(KeeperCode::NoWatcher)
            }
        }
    }

    /// A client is back on a new connection: what changed since the last transaction it saw fires
    /// at once, the rest is watched again. Persistent watches replay nothing, as in the original.
    fn set_watches(&mut self, id: ConnectionId, request: &SetWatches2, effects: &mut Effects) {
        let since = request.relative_zxid;
        for path in &request.data {
            match self.tree.get(path) {
                None => send_event(&[id], path, EventType::NodeDeleted, effects),
                Some(node) if node.modified.zxid > since => {
                    send_event(&[id], path, EventType::NodeDataChanged, effects);
                }
                Some(_) => self.watches.watch_data(path, id),
            }
        }
        for path in &request.exist {
            match self.tree.get(path) {
                Some(_) => send_event(&[id], path, EventType::NodeCreated, effects),
                None => self.watches.watch_data(path, id),
            }
        }
        for path in &request.child {
            match self.tree.get(path) {
                None => send_event(&[id], path, EventType::NodeDeleted, effects),
                Some(node) if node.pzxid > since => {
                    send_event(&[id], path, EventType::NodeChildrenChanged, effects);
                }
                Some(_) => self.watches.watch_children(path, id),
            }
        }
        for path in &request.persistent {
            self.watches.watch_always(path, id, WatchMode::Persistent);
        }
        for path in &request.persistent_recursive {
            self.watches
                .watch_always(path, id, WatchMode::PersistentRecursive);
        }
    }

    /// Fires the watches that a change wakes.
    pub(super) fn fire_change(&mut self, change: &Change, effects: &mut Effects) {
        match change {
            Change::Create { path, .. } => {
                self.fire(path, EventType::NodeCreated, effects);
                self.fire_children(path, effects);
            }
            Change::Delete { path } => {
                self.fire(path, EventType::NodeDeleted, effects);
                self.fire_children(path, effects);
            }
            Change::SetData { path, .. } => self.fire(path, EventType::NodeDataChanged, effects),
            Change::SetAcl { .. } => {}
        }
    }

    /// Fires the watches on the list of children that this path is in.
    pub(super) fn fire_children(&mut self, path: &str, effects: &mut Effects) {
        if let Some((parent, _)) = path::split(path) {
            self.fire(parent, EventType::NodeChildrenChanged, effects);
        }
    }

    /// Fires the watches on one path.
    pub(super) fn fire(&mut self, path: &str, event: EventType, effects: &mut Effects) {
        let watchers: Vec<ConnectionId> = self.watches.trigger(path, event).into_iter().collect();
        if watchers.is_empty() {
            return;
        }
        send_event(&watchers, path, event, effects);
        let sessions: BTreeSet<i64> = watchers
            .iter()
            .filter_map(|id| self.connections.get(id)?.session)
            .collect();
        effects.reports.push(Report::WatchFired {
            path: path.to_owned(),
            change: change(event),
            sessions: sessions.into_iter().collect(),
        });
    }
}

fn send_event(watchers: &[ConnectionId], path: &str, event: EventType, effects: &mut Effects) {
    let header = ReplyHeader {
        xid: xid::NOTIFICATION,
        zxid: -1,
        err: 0,
    };
    let body = WatcherEvent {
        event_type: event.code(),
        state: SYNC_CONNECTED,
        path: path.to_owned(),
    };
    let frame: Bytes = frame(|to| {
        header.write(to);
        body.write(to);
    })
    .into();
    effects
        .sends
        .extend(watchers.iter().map(|id| (*id, Send::Event(frame.clone()))));
}

/// The event as reports have it.
fn change(event: EventType) -> ZnodeChange {
    match event {
        EventType::NodeCreated => ZnodeChange::Created,
        EventType::NodeDeleted => ZnodeChange::Deleted,
        EventType::NodeDataChanged => ZnodeChange::Changed,
        EventType::NodeChildrenChanged => ZnodeChange::Children,
    }
}
