//! Bugs of Kafka's past, to be planted again: a simulation that does not find them proves nothing.

use std::cell::Cell;

/// A mistake in a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A follower cuts its log at its high watermark before it follows (until KIP-101).
    TruncationToHighWatermark,
    /// A replica enters the ISR at the high watermark, though that lags behind the start of the leader's epoch
    /// (until KAFKA-7128).
    EntryBelowEpochStart,
    /// The high watermark does not wait for a replica whose entry into the ISR may be written already.
    PendingIsrIgnored,
    /// A removal from the ISR counts before it is written.
    ShrinkBeforeWrite,
    /// A replica enters the ISR below what is committed.
    EntryBelowHighWatermark,
    /// A new leader tells its high watermark before it knows what earlier ones told (until KIP-207).
    LatestOffsetTooEarly,
    /// An answer to a fetch counts although the role changed since.
    StaleFetchAnswer,
    /// A broker that was restarted unseen goes on leading in its old epoch.
    RestartUnseen,
    /// A static member that came back is not written down: the next coordinator fences it (until KAFKA-10284).
    StaticMemberNotStored,
    /// A coordinator that reads its log keeps what it met first of each offset, not last (until KAFKA-5600).
    FirstRecordCounts,
    /// A commit counts whichever generation its member is in.
    CommitOfAnyGeneration,
    /// Commits count in the order of their acknowledgements, not of their offsets in the log (until KAFKA-5247).
    CommitsInAnyOrder,
    /// Offsets of a transaction count, for a coordinator that reads them in its log, without its marker.
    OpenOffsetsCount,
    /// A marker that comes while a coordinator reads its log is not thought of when that is done.
    MarkersWhileLoadingForgotten,
    /// Of a plain commit and one in a transaction the one counts whose end came last, not that of the later record.
    MarkersDecideTheOrder,
    /// News of a marker that come late end the producer's next transaction, where its epoch is the same.
    LateNewsEndsTheNext,
    /// A member of the consumer protocol gets a partition that another one has not given up yet.
    HeldPartitionsGiven,
    /// A member of the consumer protocol hears of a change that is not stored.
    ConsumerGroupToldTooEarly,
    /// A member of the consumer protocol commits what is not its own any more.
    LateCommitsCount,
    /// Markers of a transaction are sent before its outcome is stored.
    MarkersBeforeOutcome,
    /// An end that comes late ends the transaction after the one that it was meant for (until KIP-890).
    LateEndEndsTheNext,
    /// A leader takes the first record of a transaction without a question to its coordinator (until KIP-890).
    TransactionsUnverified,
    /// What the coordinator said of a transaction counts although a marker has ended it since.
    VerifiedForGood,
    /// A marker that came before is called done although the first one may be in the leader's log alone.
    RepeatedMarkerNotAwaited,
    /// A client that did not get the answer ends its transaction once more, and the first request comes after the
    /// second: where the epoch stays, it ends the next transaction (until KIP-890).
    LateEndOfOlderProtocol,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug on this thread, or none.
pub(crate) fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this one is planted.
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
