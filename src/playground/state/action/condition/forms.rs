//! The ways to begin a condition.

/// One way to begin a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Its first word.
    pub word: &'static str,
    /// How it is said.
    pub usage: &'static str,
    /// What it asks, in a few words.
    pub asks: &'static str,
}

/// Every way to begin a condition.
pub const FORMS: [Form; 28] = [
    form(
        "ready",
        "ready",
        "all processes, topics and groups of the start are there",
    ),
    form(
        "isr",
        "isr TOPIC [pN] COUNT",
        "replicas in sync, of each partition",
    ),
    form(
        "leader",
        "leader TOPIC [pN] ID|not ID|any|none|moved",
        "who leads",
    ),
    form(
        "controller",
        "controller ID|not ID|any|none|moved",
        "who is the controller",
    ),
    form(
        "broker",
        "broker ID up|down|frozen|has TOPIC COUNT|leads TOPIC COUNT",
        "how a broker fares, what it keeps",
    ),
    form("brokers", "brokers up COUNT", "how many brokers answer"),
    form(
        "zookeeper",
        "zookeeper up|down|frozen",
        "how ZooKeeper fares",
    ),
    form(
        "consumer",
        "consumer NAME up|down|frozen",
        "how a consumer fares",
    ),
    form(
        "producer",
        "producer NAME up|down|frozen",
        "how a transactional producer fares",
    ),
    form(
        "txn",
        "txn NAME open|committed|aborted|left",
        "how far a producer's transaction is",
    ),
    form(
        "topic",
        "topic NAME exists|gone|partitions COUNT",
        "whether a topic is there",
    ),
    form(
        "replicas",
        "replicas TOPIC [pN] COUNT",
        "replicas of each partition, in sync or not",
    ),
    form(
        "copies",
        "copies TOPIC COUNT",
        "records that all brokers keep of a topic, copies counted",
    ),
    form(
        "config",
        "config TOPIC NAME VALUE|default",
        "what is set on a topic itself",
    ),
    form(
        "group",
        "group NAME [STATE] [members COUNT]",
        "a group's state and members",
    ),
    form(
        "lag",
        "lag GROUP COUNT",
        "by how many records a group is behind",
    ),
    form(
        "committed",
        "committed GROUP TOPIC pN OFFSET",
        "where a group stands",
    ),
    form(
        "offset",
        "offset TOPIC pN OFFSET [more]",
        "where a partition ends for readers",
    ),
    form(
        "log-start",
        "log-start TOPIC pN OFFSET [more]",
        "where a partition begins",
    ),
    form(
        "record",
        "record TOPIC [pN] [key KEY|no key] [value VALUE] [new] [in COUNT]",
        "whether a record is there, in how many partitions",
    ),
    form(
        "read",
        "read GROUP|consumer NAME TOPIC [pN] COUNT [more]",
        "records that a group or a consumer read",
    ),
    form(
        "duplicates",
        "duplicates GROUP TOPIC [pN] COUNT [more]",
        "records that a group read twice",
    ),
    form(
        "overtaken",
        "overtaken GROUP TOPIC COUNT [more]",
        "records that a group read after later ones",
    ),
    form("sent", "sent COUNT [more]", "records that were sent"),
    form(
        "acked",
        "acked COUNT [more]",
        "records that were acknowledged",
    ),
    form(
        "failed",
        "failed COUNT [more]",
        "records that were given up",
    ),
    form(
        "lost",
        "lost [acks 1] COUNT [more]",
        "acknowledged records that are gone",
    ),
    form("stream", "stream on|off", "whether demo records are sent"),
];

const fn form(word: &'static str, usage: &'static str, asks: &'static str) -> Form {
    Form { word, usage, asks }
}
