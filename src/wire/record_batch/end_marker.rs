//! What the control batch at the end of a transaction says.

use super::{Batch, ControlType};

/// The end of a producer's transaction, as its marker tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndMarker {
    /// Whether the transaction's records count.
    pub control: ControlType,
    /// The leader epoch of the coordinator that wrote it.
    pub coordinator_epoch: i32,
}

impl Batch<'_> {
    /// What this batch says of a transaction; `None` where it is not a marker, or one of another kind.
    #[must_use]
    pub fn end_marker(&self) -> Option<EndMarker> {
        if !self.header.is_control() {
            return None;
        }
        let payload = self.payload().ok()?;
        let record = self.records(&payload).next()?.ok()?;
        // Both begin with a version; later ones only add fields.
        let control = match record.key?.get(2..4)? {
            [0, 0] => ControlType::Abort,
            [0, 1] => ControlType::Commit,
            _ => return None,
        };
        let epoch = record.value?.get(2..)?.first_chunk()?;
        Some(EndMarker {
            control,
            coordinator_epoch: i32::from_be_bytes(*epoch),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_batch::BatchBuilder;

    #[test]
    fn a_marker_of_78_bytes_tells_how_a_transaction_ended() {
        for control in [ControlType::Abort, ControlType::Commit] {
            let bytes = BatchBuilder::new().end_transaction(control, 7, 9, 1, 4);
            assert_eq!(bytes.len(), 78);
            let batch = Batch::parse(&bytes).expect("whole");
            let marker = EndMarker {
                control,
                coordinator_epoch: 4,
            };
            assert_eq!(batch.end_marker(), Some(marker));
        }
        let mut builder = BatchBuilder::new();
        builder.push(7, Some(&[0, 0, 0, 1]), Some(&[0; 6]));
        let bytes = builder.build();
        assert_eq!(Batch::parse(&bytes).expect("whole").end_marker(), None);
    }
}
