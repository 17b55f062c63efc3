//! Connections to Kafka and to ZooKeeper, for brokers, playground and commands.
