//! Transactions whose end raises the producer's epoch (KIP-890, `transaction.version` 2): what clients of Kafka 4 send.

use bytes::Bytes;
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};
use kafkarium::wire::{
    ErrorCode,
    record_batch::{BatchBuilder, Batches},
};

use crate::{
    clients::WAIT,
    cluster::until,
    declined::exchange,
    garbage::frame,
    transactional_log::transactional,
    transactions::{ADD, END, Producer},
    versions::Stage,
};

/// The one that raises the epoch.
const RAISES: i16 = 5;

impl Stage {
    /// Sends a record in the leader's own time: while the last transaction ends it is asked for again, as clients do.
    async fn send_in_time(&mut self, version: i16, producer: &Producer, sequence: i32) -> i16 {
        loop {
            let (code, _) = self.send(version, producer, sequence).await;
            if code != ErrorCode::ConcurrentTransactions.code() {
                return code;
            }
        }
    }

    /// The records that consumers of committed ones get, by producer epoch: filtered as clients do.
    async fn committed_epochs(&mut self) -> Vec<i16> {
        let answer = self.fetch(12, 1, 0).await;
        let partition = &answer.responses[0].partitions[0];
        let aborted = partition.aborted_transactions.as_deref().expect("a list");
        let mut aborted = aborted.iter().peekable();
        let records = partition.records.as_deref().expect("records");
        let (mut kept, mut is_aborted) = (Vec::new(), false);
        for batch in Batches::new(records) {
            let batch = batch.expect("sound");
            let offset = batch.header.base_offset.0;
            is_aborted |= aborted.next_if(|it| it.first_offset <= offset).is_some();
            match batch.end_marker() {
                Some(_) => is_aborted = false,
                None if is_aborted => {}
                None => kept.push(batch.header.producer_epoch),
            }
        }
        kept
    }
}

#[tokio::test]
async fn clients_learn_from_a_feature_that_ends_raise_the_epoch() {
    let stage = Stage::new().await;
    let address = stage.connection.peer().expect("connected").to_string();
    let finalized: &[u8] = b"\x01\x08\0\0\0\0\0\0\0\0\x02\x2d\x03\
        \x0egroup.version\0\x01\0\x01\0\x14transaction.version\0\x02\0\x02\0";
    let supported: &[u8] = b"\0\x2d\x03\
        \x0egroup.version\0\0\0\x01\0\x14transaction.version\0\0\0\x02\0";
    for version in 0..=5 {
        let body: &[u8] = match version {
            0..=2 => b"",
            3..=4 => b"\0\x02x\x021\0",
            _ => b"\0\x02x\x021\0\xff\xff\xff\xff\0",
        };
        let answer = exchange(&address, &frame(18, version, body)[4..]);
        let tail = match version {
            0..=2 => Vec::new(),
            3 => [b"\0\0\0\0\x02", finalized].concat(),
            _ => [b"\0\0\0\0\x03", supported, finalized].concat(),
        };
        assert!(answer.ends_with(&tail), "version {version}: {answer:?}");
        let names_it = answer.windows(19).any(|it| it == b"transaction.version");
        assert_eq!(names_it, version >= 3);
    }
}

#[tokio::test]
async fn each_end_raises_the_epoch_and_what_comes_late_is_refused() {
    let mut stage = Stage::new().await;
    let mut producer = Producer::start(&stage.cluster, "shipping", 60_000).await;
    let id = producer.id;
    for (version, commit) in [(12, true), (13, false), (12, true)] {
        let epoch = producer.epoch;
        for sequence in 0..2 {
            assert_eq!(stage.send_in_time(version, &producer, sequence).await, 0);
        }
        assert_eq!(producer.end(RAISES, commit), (0, id, epoch + 1));
        // Its answer was lost: the same is said, in the old epoch, while the markers are written and behind them.
        until("it is complete", async || {
            let again = producer.end(RAISES, commit);
            (again.0 != 51).then(|| assert_eq!(again, (0, id, epoch + 1)))
        })
        .await;
        assert_eq!(producer.end(RAISES, !commit), (48, -1, -1));
        assert_eq!(stage.send(version, &producer, 2).await.0, 47, "late");
        assert_eq!(stage.send(11, &producer, 2).await.0, 47, "late");
        producer.epoch += 1;
        // The next transaction is open: the end of the last one does not end it.
        assert_eq!(stage.send_in_time(version, &producer, 0).await, 0);
        producer.epoch -= 1;
        assert_eq!(producer.end(RAISES, commit).0, 90);
        assert_eq!(producer.end(END, commit).0, 90);
        producer.epoch += 1;
        assert_eq!(producer.end(RAISES, false), (0, id, epoch + 2));
        producer.epoch += 1;
        // With nothing open a commit is refused, and an abort fences what may be on its way.
        producer.wait_for("CompleteAbort").await;
        assert_eq!(producer.end(RAISES, true).0, 48);
        assert_eq!(producer.end(RAISES, false), (0, id, epoch + 3));
        producer.epoch += 1;
        producer.wait_for("CompleteAbort").await;
    }
    // Both dialects in one transaction.
    assert_eq!(producer.add(ADD, &[0]), [0]);
    assert_eq!(stage.send(11, &producer, 0).await.0, 0);
    assert_eq!(stage.send(13, &producer, 1).await.0, 0);
    let epoch = producer.epoch;
    assert_eq!(producer.end(END, true), (0, -1, -1));
    producer.wait_for("CompleteCommit").await;
    assert_eq!(producer.described().producer_epoch, epoch);
    assert_eq!(producer.end(END, true).0, 0, "the same once more");
    assert_eq!(producer.add(ADD, &[0]), [0]);
    assert_eq!(stage.send(11, &producer, 2).await.0, 0);
    assert_eq!(producer.end(RAISES, true), (0, id, epoch + 1));
    producer.wait_for("CompleteCommit").await;
    let expected = [0, 0, 6, 6, epoch, epoch, epoch];
    let end = stage.listed(10, 0, -1).await;
    assert_eq!(stage.listed(10, 1, -1).await, end, "nothing is open");
    assert_eq!(stage.committed_epochs().await, expected);
}

#[tokio::test]
async fn who_was_timed_out_hears_it_and_goes_on_if_it_aborts() {
    let interval = "transaction.abort.timed.out.transaction.cleanup.interval.ms=100";
    let mut stage = Stage::with(&[interval]).await;
    for raises in [false, true] {
        let (produce, end) = if raises { (12, RAISES) } else { (11, END) };
        let text = format!("raises-{raises}");
        let mut producer = Producer::start(&stage.cluster, &text, 200).await;
        if !raises {
            assert_eq!(producer.add(ADD, &[0]), [0]);
        }
        assert_eq!(stage.send(produce, &producer, 0).await.0, 0);
        let described = producer.wait_for("CompleteAbort").await;
        assert_eq!(described.producer_epoch, producer.epoch + 1);
        assert_eq!(stage.send(produce, &producer, 1).await.0, 47);
        assert_eq!(producer.add(ADD, &[0]), [90]);
        let (commit, abort) = (producer.end(end, true), producer.end(end, false));
        if raises {
            assert_eq!(commit, (48, -1, -1), "INVALID_TXN_STATE");
            assert_eq!(abort, (0, producer.id, producer.epoch + 1));
            producer.epoch += 1;
            assert_eq!(stage.send(produce, &producer, 0).await.0, 0);
        } else {
            assert_eq!((commit.0, abort.0), (90, 90), "PRODUCER_FENCED");
        }
    }
}

#[tokio::test]
async fn transactions_of_several_producers_are_asked_for_apart() {
    let mut stage = Stage::new().await;
    let first = Producer::start(&stage.cluster, "first", 60_000).await;
    let second = Producer::start(&stage.cluster, "second", 60_000).await;
    // A request has one transactional id: the second producer is not of that.
    let mut request = stage.produce_request(12, -1, transactional(&first, 0));
    request.transactional_id = Some(first.transactional_id.clone());
    let mut other = request.topic_data[0].partition_data[0].clone();
    other.records = Some(transactional(&second, 0));
    other.index = 7;
    request.topic_data[0].partition_data.push(other);
    let answer: ProduceResponse = ask(&mut stage, request).await;
    let codes = answer.responses[0].partition_responses.iter();
    let codes: Vec<i16> = codes.map(|it| it.error_code).collect();
    assert_eq!(codes, [0, 3], "there is no partition 7");
    let mut builder = BatchBuilder::new();
    builder.producer(second.id, second.epoch, 0).transactional();
    builder.push(1, None, Some(b"x"));
    let mut request = stage.produce_request(12, -1, Bytes::from(builder.build()));
    request.transactional_id = Some(first.transactional_id.clone());
    let answer: ProduceResponse = ask(&mut stage, request).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 49);
}

async fn ask(stage: &mut Stage, request: ProduceRequest) -> ProduceResponse {
    let answer = stage.connection.ask_in(12, &request, WAIT).await;
    answer.expect("an answer")
}
