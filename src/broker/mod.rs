//! The Kafka server: log, replication, groups and controller behind Kafka's wire protocol.

#[expect(dead_code, reason = "read by the registry, which is being built")]
mod image;
mod settings;

pub use settings::{Settings, SettingsError};
