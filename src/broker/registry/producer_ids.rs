//! Producer ids: blocks of a thousand, taken from one znode that every broker raises.

use std::ops::Range;

use super::{
    Registry, RegistryError, TRIES_MAX,
    znodes::{self, ProducerIdBlockJson},
};
use client::zookeeper::ZooKeeperError;

/// Ids of one block, as in Kafka.
const BLOCK_SIZE: i64 = 1_000;

impl Registry {
    /// A producer id that no other producer of this cluster ever had.
    pub(crate) async fn next_producer_id(&self) -> Result<i64, RegistryError> {
        let mut ids = self.shared.producer_ids.lock().await;
        loop {
            if let Some(id) = ids.next() {
                return Ok(id);
            }
            *ids = self.allocate_producer_ids().await?;
        }
    }

    /// Takes the first block before anybody asks: producers that come while ZooKeeper is away get their ids from it.
    pub(super) async fn reserve_producer_ids(self) {
        let mut ids = self.shared.producer_ids.lock().await;
        match self.allocate_producer_ids().await {
            Ok(block) => *ids = block,
            Err(error) => {
                tracing::info!(%error, "no producer ids yet: the first producer asks again");
            }
        }
    }

    /// Takes the next block of ids for this broker. A block whose write may or may not have
    /// happened is never used.
    async fn allocate_producer_ids(&self) -> Result<Range<i64>, RegistryError> {
        let path = znodes::PRODUCER_ID_BLOCK;
        for _ in 0..TRIES_MAX {
            let connection = self.connected().await?;
            let read = match connection.read(path).await {
                Err(ZooKeeperError::ConnectionLost) => continue,
                read => read?,
            };
            let (data, stat) = read.ok_or_else(|| unreadable(path))?;
            let first = if data.is_empty() {
                0
            } else {
                znodes::read::<ProducerIdBlockJson>(path, &data)
                    .and_then(|block| block.block_end.parse::<i64>().ok())
                    .and_then(|end| end.checked_add(1))
                    .ok_or_else(|| unreadable(path))?
            };
            let next = first
                .checked_add(BLOCK_SIZE)
                .ok_or_else(|| unreadable(path))?;
            let block = ProducerIdBlockJson {
                version: 1,
                broker: self.broker_id(),
                block_start: first.to_string(),
                block_end: (next - 1).to_string(),
            };
            match connection
                .set_data(path, &znodes::write(&block), Some(stat.version))
                .await
            {
                Ok(_) => return Ok(first..next),
                Err(ZooKeeperError::BadVersion { .. } | ZooKeeperError::ConnectionLost) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RegistryError::ZooKeeper(ZooKeeperError::ConnectionLost))
    }
}

fn unreadable(path: &str) -> RegistryError {
    RegistryError::Unreadable {
        path: path.to_owned(),
    }
}
