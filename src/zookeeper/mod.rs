//! The ZooKeeper server: znodes, sessions and watches behind the wire protocol of 3.6 and later.
