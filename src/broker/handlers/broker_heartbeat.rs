//! BrokerHeartbeat 0 to 1, between our own brokers: a stopping one asks the controller to move
//! its leaderships away.
//!
//! Behaviour: Kafka's `ControlledShutdown` in another request, for the codec lacks that one. With
//! `want_shut_down` the controller elects other leaders and takes the broker out of the ISRs;
//! `should_shut_down` says that it leads nothing any more that others could. Asked again until
//! then. `NOT_CONTROLLER` elsewhere; `STALE_BROKER_EPOCH` for a broker that registered anew since.
//! Not done: liveness, fencing and metadata offsets; ZooKeeper's sessions tell who lives.

use std::sync::Arc;

use kafka_protocol::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};

use super::RequestContext;
use crate::Broker;
use wire::{BrokerId, ErrorCode};

pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: BrokerHeartbeatRequest,
) -> BrokerHeartbeatResponse {
    let id = BrokerId(request.broker_id.0);
    let image = broker.registry.image();
    let response = BrokerHeartbeatResponse::default().with_is_caught_up(true);
    let code = match image.brokers.get(&id) {
        None => ErrorCode::BrokerIdNotRegistered,
        Some(node) if node.epoch != request.broker_epoch => ErrorCode::StaleBrokerEpoch,
        Some(_) if !request.want_shut_down => ErrorCode::None,
        Some(_) => match broker
            .controller
            .broker_stops(id, request.broker_epoch)
            .await
        {
            Ok(left) => return response.with_should_shut_down(left == 0),
            Err(error) => ErrorCode::from(&error),
        },
    };
    response.with_error_code(code.code())
}
