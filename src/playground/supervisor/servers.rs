//! The servers' places: a port, a folder, and what is run there.

use std::ffi::OsString;
use std::net::TcpListener;

use anyhow::Result;

use super::engine::{BrokerPlace, Launch};
use super::output::ServerLog;
use super::ports::{HeldPort, Ports, loopback};
use super::{Plan, Slot, Supervisor};
use crate::state::ProcessName;
use wire::BrokerId;

impl Supervisor {
    pub(super) fn add_zookeeper(&mut self, listener: TcpListener) {
        let folder = self.folder.zookeeper();
        let mut arguments = ["zookeeper", "--report", "--listener"]
            .map(OsString::from)
            .to_vec();
        arguments.push(self.zookeeper.to_string().into());
        arguments.push("--data-dir".into());
        arguments.push(folder.clone().into());
        let log = ServerLog::in_folder(&folder);
        self.slots.insert(
            ProcessName::ZooKeeper,
            Slot {
                listener: Some(listener),
                ..Slot::new(Launch::of(arguments), Some(self.zookeeper), log)
            },
        );
    }

    /// Gives a broker a port, a folder and its settings.
    pub(super) fn add_broker(&mut self, broker: BrokerId) -> Result<Vec<String>> {
        let mut notices = Vec::new();
        let process = ProcessName::Broker(broker);
        let wanted = wanted_port(&self.plan, broker);
        let name = process.to_string();
        let port = take_port(&mut self.ports, wanted, &name, &mut notices)?;
        let address = loopback(port.port);
        let folder = self.folder.broker(broker);
        let launch = self.plan.engine.prepare(&BrokerPlace {
            id: broker,
            address,
            zookeeper: self.zookeeper,
            folder: folder.clone(),
            brokers: self.plan.brokers.len(),
        })?;
        let log = ServerLog::in_folder(&folder);
        self.slots.insert(
            process,
            Slot {
                listener: Some(port.listener),
                ..Slot::new(launch, Some(address), log)
            },
        );
        Ok(notices)
    }
}

pub(super) fn wanted_port(plan: &Plan, broker: BrokerId) -> u16 {
    let after = u16::try_from(broker.0.saturating_sub(1)).unwrap_or(0);
    match plan.base_port {
        0 => 0,
        first => first.saturating_add(after),
    }
}

pub(super) fn take_port(
    ports: &mut Ports,
    wanted: u16,
    who: &str,
    notices: &mut Vec<String>,
) -> Result<HeldPort> {
    let given = ports.take(wanted)?;
    if let Some(holder) = &given.wanted_held_by {
        notices.push(format!(
            "port {wanted} is taken by {holder}: {who} listens on {}",
            given.port
        ));
    }
    Ok(given)
}
