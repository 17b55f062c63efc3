//! Brokers that are this program.

use std::ffi::OsString;

use super::{BrokerPlace, Launch};
use crate::supervisor::broker_settings::settings;

pub(super) fn launch(place: &BrokerPlace) -> Launch {
    let mut arguments: Vec<OsString> = vec!["broker".into(), "--report".into()];
    arguments.extend([
        "--id".into(),
        place.id.to_string().into(),
        "--listener".into(),
        place.address.to_string().into(),
        "--zookeeper".into(),
        place.zookeeper.to_string().into(),
        "--data-dir".into(),
        place.folder.clone().into(),
    ]);
    for setting in settings(place.brokers) {
        arguments.push("--set".into());
        arguments.push(setting.into());
    }
    Launch::of(arguments)
}
