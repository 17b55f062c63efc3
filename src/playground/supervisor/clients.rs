//! The clients among the child processes: consumers, and producers that write in transactions.

use std::ffi::OsString;

use anyhow::{Context, Result, anyhow, bail};

use super::engine::Launch;
use super::{ORDERS_MAX, ServerLog, Slot, Supervisor};
use crate::state::{GroupProtocol, NewConsumer, NewProducer, Observation, ProcessName};
use wire::transact::Order;

/// What differs from librdkafka's defaults: a killed consumer would be missed for 45 s on stage,
/// and one whose leader moved would look for it once a second.
const CONSUMER_PROPERTIES: [&str; 1] = ["topic.metadata.refresh.interval.ms=300"];

/// The same of those that join by the classic protocol; by the other one the coordinator says it, and librdkafka refuses
/// what a client says of it.
const CLASSIC_PROPERTIES: [&str; 2] = ["session.timeout.ms=3000", "heartbeat.interval.ms=500"];

impl Supervisor {
    /// Starts a consumer under a new name or takes the place of a dead one.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn add_consumer(&mut self, consumer: &NewConsumer) -> Result<Vec<Observation>> {
        let process = consumer.process();
        let mut arguments = [
            "consume",
            "--json",
            "--from-beginning",
            "--group",
            &consumer.group,
            "--topic",
            &consumer.topic,
            "--client-id",
            &consumer.name,
            "--bootstrap-server",
            &self.bootstrap(),
        ]
        .map(OsString::from)
        .to_vec();
        let protocol = format!("group.protocol={}", consumer.protocol);
        let properties = match consumer.protocol {
            GroupProtocol::Classic => CLASSIC_PROPERTIES.as_slice(),
            GroupProtocol::Consumer => &[],
        };
        let properties = properties.iter().copied().chain(CONSUMER_PROPERTIES);
        for property in properties.chain([protocol.as_str()]) {
            arguments.push("--command-property".into());
            arguments.push(property.into());
        }
        if self
            .slots
            .get(&process)
            .is_some_and(|slot| slot.running.is_some())
        {
            bail!("{process} runs already");
        }
        let log = ServerLog::in_folder(&self.folder.consumer(&consumer.name));
        let group = Some(consumer.group.clone());
        self.slots.insert(
            process.clone(),
            Slot {
                group,
                ..Slot::new(Launch::of(arguments), None, log)
            },
        );
        Ok(self.start(&process)?.0)
    }

    /// Starts a producer that writes in transactions, or takes the place of a dead one.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn add_producer(&mut self, producer: &NewProducer) -> Result<Vec<Observation>> {
        let process = producer.process();
        if self
            .slots
            .get(&process)
            .is_some_and(|slot| slot.running.is_some())
        {
            bail!("{process} runs already");
        }
        let arguments = [
            "transact".to_owned(),
            format!("--transactional-id={}", producer.transactional_id),
            "--bootstrap-server".to_owned(),
            self.bootstrap(),
        ];
        let arguments = arguments.map(OsString::from).to_vec();
        let log = ServerLog::in_folder(&self.folder.producer(&producer.name));
        let slot = Slot {
            takes_orders: true,
            ..Slot::new(Launch::of(arguments), None, log)
        };
        self.slots.insert(process.clone(), slot);
        Ok(self.start(&process)?.0)
    }

    /// Tells a producer what to do. It does one thing after the other.
    ///
    /// # Errors
    /// It does not run, or has not read what it was told before.
    pub fn order(&self, process: &ProcessName, order: &Order) -> Result<()> {
        self.running(process)?;
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        let orders = self
            .slots
            .get(process)
            .and_then(|slot| slot.orders.as_ref());
        let orders = orders.with_context(|| format!("{process} takes no orders"))?;
        orders
            .try_send(line)
            .map_err(|_| anyhow!("{process} has not done the last {ORDERS_MAX} things it was told"))
    }

    /// Whether a producer runs that can be told something.
    ///
    /// # Errors
    /// It does not; the sentence says what helps.
    pub fn takes_orders(&self, process: &ProcessName) -> Result<()> {
        self.running(process).map(drop)
    }
}
