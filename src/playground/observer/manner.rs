//! How a cluster is looked at: our own on this machine closely, somebody else's with as few requests as the eye needs.

use std::time::Duration;

/// How often, and how patiently, brokers are asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// How long a broker may take to answer.
    pub(super) answer_wait: Duration,
    /// The same for records, on top of what it may hold a fetch.
    pub(super) read_wait: Duration,
    /// How often to look where nothing seems to happen.
    pub(super) quiet_look: Duration,
    /// How long two looks are apart at least, however much happens.
    pub(super) busy_look: Duration,
    /// Whether new records are worth a look at all logs.
    pub(super) follows_records: bool,
    /// How long one broker's metadata is good enough for all, where nothing seems to happen.
    pub(super) metadata_quiet: Duration,
    /// The same while much happens.
    pub(super) metadata_busy: Duration,
    /// How often groups are asked for while only records come: committed offsets follow them slowly.
    pub(super) groups_quiet: Duration,
    /// The same while members come and go.
    pub(super) groups_busy: Duration,
    /// How often topics' settings are asked for; they change by hand only.
    pub(super) configs_look: Duration,
    /// How often a quorum is asked how it stands.
    pub(super) quorum_look: Duration,
    /// How long after a failure the next look is tried.
    pub(super) retry: Duration,
    /// Each further failure doubles that, up to here.
    pub(super) retry_max: Duration,
    /// How long a broker holds a fetch that finds nothing new.
    pub(super) hold: Duration,
    /// How long two reads of tails are apart at least: the eye sees no more.
    pub(super) between_reads: Duration,
    /// How long after a failure the next read is tried.
    pub(super) read_retry: Duration,
    /// Bytes of one partition that are read at once.
    pub(super) partition_bytes: i32,
    /// Whether all that is known of brokers is what they answer: nobody tells that one came, went or hangs.
    pub(super) of_others: bool,
}

impl Manner {
    /// For brokers that we started on this machine.
    pub(super) const OWN: Self = Self {
        answer_wait: Duration::from_millis(500),
        read_wait: Duration::from_millis(800),
        quiet_look: Duration::from_secs(1),
        busy_look: Duration::from_millis(25),
        follows_records: true,
        metadata_quiet: Duration::from_millis(900),
        metadata_busy: Duration::from_millis(20),
        groups_quiet: Duration::from_millis(250),
        groups_busy: Duration::from_millis(20),
        configs_look: Duration::from_secs(10),
        quorum_look: Duration::from_secs(1),
        retry: Duration::from_millis(200),
        retry_max: Duration::from_millis(200),
        hold: Duration::from_secs(2),
        between_reads: Duration::from_millis(40),
        read_retry: Duration::from_millis(60),
        partition_bytes: 128 * 1024,
        of_others: false,
    };

    /// For brokers that somebody else runs, somewhere.
    pub(super) const OF_OTHERS: Self = Self {
        answer_wait: Duration::from_secs(5),
        read_wait: Duration::from_secs(5),
        quiet_look: Duration::from_secs(4),
        busy_look: Duration::from_secs(1),
        follows_records: false,
        metadata_quiet: Duration::from_secs(5),
        metadata_busy: Duration::from_secs(1),
        groups_quiet: Duration::from_secs(8),
        groups_busy: Duration::from_secs(1),
        configs_look: Duration::from_secs(120),
        quorum_look: Duration::from_secs(2),
        retry: Duration::from_millis(500),
        retry_max: Duration::from_secs(15),
        hold: Duration::from_secs(5),
        between_reads: Duration::from_secs(1),
        read_retry: Duration::from_secs(2),
        partition_bytes: 32 * 1024,
        of_others: true,
    };

    /// How long to wait after so many failures in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let doubled = 1 << failures.saturating_sub(1).min(16);
        (self.retry * doubled).min(self.retry_max)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Manner;

    #[test]
    fn others_are_asked_again_with_growing_pauses() {
        let pauses = [1, 2, 3, 6, 40].map(|failures| Manner::OF_OTHERS.pause(failures));
        let told = [500, 1000, 2000, 15_000, 15_000].map(Duration::from_millis);
        assert_eq!(pauses, told);
        assert_eq!(Manner::OWN.pause(7), Manner::OWN.retry);
    }
}
