//! Transactions in the dialect that Apache Kafka 3.9 speaks.

use bytes::Bytes;
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, DescribeTransactionsRequest, EndTxnRequest,
    FetchRequest, InitProducerIdRequest, ListOffsetsRequest, ListTransactionsRequest,
    add_partitions_to_txn_request::AddPartitionsToTxnTopic,
    fetch_request::FetchPartition,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
};

use crate::{
    cluster::until,
    pair::{At, Pair, Side},
    records::{batch, fetch, produce, without_own},
    topics::{create, placed, text},
};

const ID: &str = "payments";

pub async fn compare(pair: &mut Pair) {
    create(pair, vec![placed("ledger", &[&[1, 2], &[1, 3]])]).await;
    pair.wait_for_transactions(ID).await;
    beginning(pair).await;
    going_on(pair, true).await;
    going_on(pair, false).await;
    refused(pair).await;
}

fn init(id: &str, timeout_ms: i32) -> InitProducerIdRequest {
    InitProducerIdRequest::default()
        .with_transactional_id(Some(text(id).into()))
        .with_transaction_timeout_ms(timeout_ms)
}

async fn beginning(pair: &mut Pair) {
    for (name, request) in [
        ("no id", init("", 60_000)),
        ("no time", init(ID, 0)),
        ("negative time", init(ID, -1)),
        ("too much time", init(ID, 999_999_999)),
    ] {
        pair.ask(&format!("begin: {name}"), At::Transaction(ID), |_, _| {
            Some(request.clone())
        })
        .await;
    }
    let answers = pair
        .ask_in("begin", At::Transaction(ID), 2, |_, _| {
            Some(init(ID, 60_000))
        })
        .await;
    let Some((Ok(ours), Ok(theirs))) = answers else {
        return;
    };
    pair.ours
        .producers
        .insert("paying", (ours.producer_id, ours.producer_epoch));
    pair.theirs
        .producers
        .insert("paying", (theirs.producer_id, theirs.producer_epoch));
}

fn partitions(
    side: &Side,
    partitions: &[i32],
    epoch_off: i16,
) -> Option<AddPartitionsToTxnRequest> {
    let (id, epoch) = *side.producers.get("paying")?;
    Some(
        AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(text(ID).into())
            .with_v3_and_below_producer_id(id)
            .with_v3_and_below_producer_epoch(epoch + epoch_off)
            .with_v3_and_below_topics(vec![
                AddPartitionsToTxnTopic::default()
                    .with_name(text("ledger").into())
                    .with_partitions(partitions.to_vec()),
            ]),
    )
}

fn end(side: &Side, committed: bool, epoch_off: i16) -> Option<EndTxnRequest> {
    let (id, epoch) = *side.producers.get("paying")?;
    Some(
        EndTxnRequest::default()
            .with_transactional_id(text(ID).into())
            .with_producer_id(id)
            .with_producer_epoch(epoch + epoch_off)
            .with_committed(committed),
    )
}

/// One whole transaction over two partitions, looked at from all sides on the way.
async fn going_on(pair: &mut Pair, committed: bool) {
    let first = i32::from(!committed);
    pair.ask("add partitions", At::Transaction(ID), |side, version| {
        (version <= 3).then(|| partitions(side, &[0, 1], 0))?
    })
    .await;
    for partition in [0, 1] {
        pair.ask_in(
            "produce into a transaction",
            At::Broker(1),
            9,
            |side, version| {
                let (id, epoch) = *side.producers.get("paying")?;
                let mut builder = batch(&["paid"]);
                builder.producer(id.0, epoch, first).transactional();
                let mut request = produce(
                    side,
                    version,
                    "ledger",
                    partition,
                    -1,
                    Some(Bytes::from(builder.build())),
                );
                request.transactional_id = Some(text(ID).into());
                Some(request)
            },
        )
        .await;
    }
    pair.ask("add offsets", At::Transaction(ID), |side, _| {
        let (id, epoch) = *side.producers.get("paying")?;
        Some(
            AddOffsetsToTxnRequest::default()
                .with_transactional_id(text(ID).into())
                .with_producer_id(id)
                .with_producer_epoch(epoch)
                .with_group_id(text("ledger readers").into()),
        )
    })
    .await;
    looked_at(pair, &format!("open, committed later {committed}")).await;
    for version in [1, 3, 4] {
        pair.ask_in(
            &format!("end, committed {committed}"),
            At::Transaction(ID),
            version,
            |side, _| end(side, committed, 0),
        )
        .await;
        // The next end is asked about a transaction that is complete.
        settled(pair).await;
    }
    pair.ask_in("end otherwise", At::Transaction(ID), 3, |side, _| {
        end(side, !committed, 0)
    })
    .await;
    looked_at(pair, &format!("ended, committed {committed}")).await;
}

/// Waits until nothing of the transaction is open on either side.
async fn settled(pair: &mut Pair) {
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_isolation_level(1)
        .with_topics(vec![
            ListOffsetsTopic::default()
                .with_name(text("ledger").into())
                .with_partitions(
                    [0, 1]
                        .map(|index| {
                            ListOffsetsPartition::default()
                                .with_partition_index(index)
                                .with_timestamp(-1)
                        })
                        .to_vec(),
                ),
        ]);
    until("a transaction is complete", async || {
        let ends = async |side: &mut Side| {
            let stable = side.quietly(At::Broker(1), 5, &request).await.ok()?;
            let all = request.clone().with_isolation_level(0);
            let end = side.quietly(At::Broker(1), 5, &all).await.ok()?;
            let described = DescribeTransactionsRequest::default()
                .with_transactional_ids(vec![text(ID).into()]);
            let described = side
                .quietly(At::Transaction(ID), 0, &described)
                .await
                .ok()?;
            let state = &described.transaction_states.first()?.transaction_state;
            (stable.topics == end.topics && state.starts_with("Complete")).then_some(())
        };
        ends(&mut pair.ours).await?;
        ends(&mut pair.theirs).await
    })
    .await;
}

async fn looked_at(pair: &mut Pair, when: &str) {
    pair.ask(&format!("describe: {when}"), At::Transaction(ID), |_, _| {
        Some(
            DescribeTransactionsRequest::default()
                .with_transactional_ids(vec![text(ID).into(), text("unknown").into()]),
        )
    })
    .await;
    pair.ask(&format!("list: {when}"), At::Transaction(ID), |_, _| {
        Some(ListTransactionsRequest::default())
    })
    .await;
    for isolation in [0, 1] {
        for version in 4..=16 {
            pair.ask_settled(
                &format!("read: {when}, isolation {isolation}"),
                At::Broker(1),
                version,
                |side, version| -> Option<FetchRequest> {
                    let from = FetchPartition::default();
                    let request = fetch(side, version, "ledger", from);
                    Some(request.with_isolation_level(isolation))
                },
                |answer| {
                    for partition in &mut answer.responses[0].partitions {
                        let records = partition.records.take().unwrap_or_default();
                        partition.records = Some(without_own(&records).into());
                    }
                },
            )
            .await;
        }
    }
}

async fn refused(pair: &mut Pair) {
    pair.ask(
        "add partitions: none",
        At::Transaction(ID),
        |side, version| (version <= 3).then(|| partitions(side, &[], 0))?,
    )
    .await;
    pair.ask(
        "add partitions: an unknown one",
        At::Transaction(ID),
        |side, version| (version <= 3).then(|| partitions(side, &[0, 9], 0))?,
    )
    .await;
    for off in [-1, 1] {
        pair.ask(
            &format!("add partitions: epoch {off}"),
            At::Transaction(ID),
            |side, version| (version <= 3).then(|| partitions(side, &[0], off))?,
        )
        .await;
        pair.ask(
            &format!("end: epoch {off}"),
            At::Transaction(ID),
            |side, _| end(side, true, off),
        )
        .await;
    }
    pair.ask("end: an unknown id", At::Transaction(ID), |side, _| {
        let request = end(side, true, 0)?;
        Some(request.with_transactional_id(text("unknown").into()))
    })
    .await;
    pair.ask("end: another producer", At::Transaction(ID), |side, _| {
        let request = end(side, true, 0)?;
        let id = request.producer_id.0 + 1_000_000;
        Some(request.with_producer_id(id.into()))
    })
    .await;
    for (name, states, ids) in [
        ("by state", &["Ongoing"][..], &[][..]),
        ("by an unknown state", &["Dreaming"], &[]),
        ("by producer", &[], &[999_999_i64]),
    ] {
        pair.ask(&format!("list: {name}"), At::Transaction(ID), |_, _| {
            Some(
                ListTransactionsRequest::default()
                    .with_state_filters(states.iter().map(|it| text(it)).collect())
                    .with_producer_id_filters(ids.iter().map(|id| (*id).into()).collect()),
            )
        })
        .await;
    }
    // What was begun above is aborted first, by each in its own time.
    pair.wait_for_transactions(ID).await;
    pair.ask("begin again", At::Transaction(ID), |_, _| {
        Some(init(ID, 60_000))
    })
    .await;
}
