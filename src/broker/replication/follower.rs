//! What a follower cuts off its log when the leader's answer shows that their logs differ.

use wire::{LeaderEpoch, Offset};

/// Where a leader epoch ends in a log: the offset after its last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochEnd {
    pub(crate) epoch: LeaderEpoch,
    pub(crate) end_offset: Offset,
}

/// What to do about a log that went another way than the leader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truncation {
    /// The new end of the log; never beyond the old one.
    pub(crate) to: Offset,
    /// Whether the logs agree below `to`. Otherwise the next fetch names an older epoch, and the leader answers
    /// with an older divergence.
    pub(crate) complete: bool,
}

/// Decides from the leader's `diverging` epoch (the largest epoch not above ours that it knows, and
/// its end there), and from `own`, the end in our own log of the largest epoch not above that one.
/// This is KIP-101 with the answer of KIP-595: cut to where the logs part, never to the high watermark.
pub(crate) fn truncation(
    diverging: EpochEnd,
    own: Option<EpochEnd>,
    log_end_offset: Offset,
) -> Truncation {
    let (to, complete) = match own {
        // We have that epoch too: the shorter end is where the logs part.
        Some(own) if own.epoch == diverging.epoch => {
            (own.end_offset.min(diverging.end_offset), true)
        }
        // We do not have that epoch: what we have after the one before it is not the leader's.
        Some(own) => (own.end_offset, false),
        // Our log begins later than any common epoch.
        None => (diverging.end_offset, true),
    };
    Truncation {
        to: to.min(log_end_offset),
        complete,
    }
}

#[cfg(test)]
mod tests {
    use super::{EpochEnd, Truncation, truncation};
    use wire::{LeaderEpoch, Offset};

    fn end(epoch: i32, end_offset: i64) -> EpochEnd {
        EpochEnd {
            epoch: LeaderEpoch(epoch),
            end_offset: Offset(end_offset),
        }
    }

    fn to(offset: i64, complete: bool) -> Truncation {
        Truncation {
            to: Offset(offset),
            complete,
        }
    }

    #[test]
    fn logs_of_one_epoch_part_at_the_shorter_end() {
        let cut = truncation(end(2, 10), Some(end(2, 14)), Offset(14));
        assert_eq!(cut, to(10, true));
        let cut = truncation(end(2, 20), Some(end(2, 14)), Offset(18));
        assert_eq!(cut, to(14, true));
    }

    #[test]
    fn an_epoch_the_follower_never_saw_cuts_to_the_one_before_and_asks_again() {
        let cut = truncation(end(4, 30), Some(end(3, 12)), Offset(40));
        assert_eq!(cut, to(12, false));
    }

    #[test]
    fn a_log_is_never_cut_beyond_its_end() {
        let cut = truncation(end(4, 30), None, Offset(20));
        assert_eq!(cut, to(20, true));
    }
}
