//! Which configs of Kafka do something here, and why the others do not.

/// What a config does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// This.
    Here(&'static str),
    /// Nothing, as this says.
    Nothing(Why),
}

macro_rules! reasons {
    ($($why:ident $text:literal;)*) => {
        /// Why a config has no effect here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Why { $($why,)* }

        impl Why {
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$why => $text,)* }
            }
        }
    };
}

reasons! {
    Anonymous "nobody logs in here, and everybody may do everything";
    ClassicGroups "groups of classic and of consumer protocol are served here, by one coordinator, and no other kind";
    FormatsOf39 "records and requests have the formats of Kafka 3.9 here";
    GivenIds "ids are given here, not made";
    LocalLogs "there is no remote storage here";
    NoMetrics "there are no JMX metrics here";
    NoPlugins "no Java classes are loaded here";
    NoPools "there are no pools of threads here";
    NoPurgatory "requests that wait are forgotten when they end here";
    NoQuotas "there are no quotas here";
    OneListener "a broker has one listener here";
    OwnCleaner "logs are compacted with little memory, one at a time, here";
    OwnFiles "logs are flushed, sized and removed in their own way here";
    OwnLevels "each codec compresses with its own default level here";
    OwnOffsets "offsets are stored uncompressed by all that are in sync here";
    OwnPace "brokers pace their requests to each other themselves here";
    OwnSockets "connections have the system's sizes and limits here";
    OwnZooKeeperClient "brokers have a ZooKeeper client of their own here";
    Plaintext "nothing is encrypted here";
    ZooKeeperMode "brokers coordinate by ZooKeeper here, not by KRaft";
}
