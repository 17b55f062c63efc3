//! The controller decides here: who leads which partition, and on which brokers replicas live.

pub(crate) mod assignment;

pub(crate) use assignment::AssignmentError;
