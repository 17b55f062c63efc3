//! A clean stop hands leadership over first, so that no client waits for a session to run out.

use std::time::Duration;

use kafka_protocol::messages::BrokerHeartbeatRequest;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Broker,
    image::ClusterImage,
    registry::{Registry, RegistryError},
};
use client::kafka::{KafkaConnection, KafkaError};
use wire::{BrokerId, ErrorCode};

/// How long a stop waits for the controller. Whoever it serves then waits for the session instead.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long one question to the controller may take.
const ASK_WAIT: Duration = Duration::from_secs(1);

/// Pause before the controller is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// How long clients are still answered when leadership is handed over. Who asks is told that this broker does not lead
/// any more; a client library that only loses its connection may look for the new leader as late as a second after.
const FAREWELL: Duration = Duration::from_millis(100);

/// Every broker of ours answers it, and tells no client so.
const HEARTBEAT_VERSION: i16 = 1;

/// Why the controller did not take leadership over.
#[derive(Debug, Error)]
enum HandOverError {
    #[error("there is no controller")]
    NoController,
    #[error("the controller answered {0}")]
    Refused(ErrorCode),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Asks the controller to elect other leaders until this broker leads nothing that others could, and
/// waits until this broker knows it.
pub(super) async fn hand_over(broker: &Broker) {
    if !broker.settings.controlled_shutdown_enable {
        return;
    }
    let deadline = Instant::now() + PATIENCE;
    let has_led = leads(&broker.registry.image(), broker.id);
    let asking = async {
        loop {
            match ask(broker).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::debug!("handing leadership over: {error}"),
            }
            sleep(PAUSE).await;
        }
    };
    if timeout_at(deadline, asking).await.is_err() {
        tracing::warn!("leadership was not handed over within {PATIENCE:?}");
        return;
    }
    // Whoever still asks here is told the new leaders.
    if timeout_at(deadline, resigned(&broker.registry))
        .await
        .is_ok()
    {
        tracing::info!("leadership is handed over");
        if has_led {
            sleep(FAREWELL).await;
        }
    }
}

/// Whether the controller says that nothing is left to be handed over.
async fn ask(broker: &Broker) -> Result<bool, HandOverError> {
    let registry = &broker.registry;
    let image = registry.image();
    let broker_epoch = registry.broker_epoch();
    let controller = image.controller.ok_or(HandOverError::NoController)?;
    if controller == broker.id {
        let left = broker
            .controller
            .broker_stops(broker.id, broker_epoch)
            .await?;
        return Ok(left == 0);
    }
    let node = image
        .brokers
        .get(&controller)
        .ok_or(HandOverError::NoController)?;
    let address = (node.host.as_str(), node.port);
    let client_id = format!("broker-{}", broker.id);
    let mut connection = KafkaConnection::connect(address, &client_id, ASK_WAIT).await?;
    let request = BrokerHeartbeatRequest::default()
        .with_broker_id(broker.id.0.into())
        .with_broker_epoch(broker_epoch)
        .with_want_shut_down(true);
    let response = connection
        .ask_in(HEARTBEAT_VERSION, &request, ASK_WAIT)
        .await?;
    match ErrorCode::from_code(response.error_code) {
        ErrorCode::None => Ok(response.should_shut_down),
        code => Err(HandOverError::Refused(code)),
    }
}

/// Waits until this broker leads no partition that has another replica in sync.
async fn resigned(registry: &Registry) {
    let own = registry.broker_id();
    let mut images = registry.watch();
    let changed = images.wait_for(|image| !leads(image, own));
    // An error means that the registry is gone, and nothing is left to wait for.
    drop(changed.await);
}

/// Whether a broker leads a partition that others could lead.
fn leads(image: &ClusterImage, broker: BrokerId) -> bool {
    let topics = image.topics.values();
    let mut partitions = topics.flat_map(|topic| topic.partitions.values());
    partitions.any(|partition| partition.leader == Some(broker) && partition.isr.len() > 1)
}
