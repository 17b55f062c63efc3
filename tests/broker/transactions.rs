//! Transactions: the coordinator in raw frames of every version that is offered, SIGKILL in every state, librdkafka.

use kafka_protocol::{
    messages::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, DescribeTransactionsRequest,
        EndTxnRequest, FindCoordinatorRequest, InitProducerIdRequest, ListTransactionsRequest,
        TransactionalId,
        add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction},
        describe_transactions_response::TransactionState,
    },
    protocol::StrBytes,
};
use kafkarium::wire::ErrorCode;
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use crate::{
    cluster::{Cluster, PATIENCE, until},
    declined::ask,
    versions::name,
};

/// The newest versions that a client of TV1 speaks.
pub const ADD: i16 = 3;
pub const END: i16 = 4;

fn id(text: &str) -> TransactionalId {
    StrBytes::from_string(text.to_owned()).into()
}

/// A producer as a client knows it.
pub struct Producer {
    pub transactional_id: TransactionalId,
    /// Its coordinator's address.
    coordinator: String,
    broker: i32,
    pub id: i64,
    pub epoch: i16,
}

impl Producer {
    /// Finds the coordinator and takes over the id, as often as clients do.
    pub async fn start(cluster: &Cluster, text: &str, timeout_ms: i32) -> Self {
        let transactional_id = id(text);
        until("the producer has its id", async || {
            let (broker, coordinator) = find(cluster, text).await;
            let request = InitProducerIdRequest::default()
                .with_transactional_id(Some(transactional_id.clone()))
                .with_transaction_timeout_ms(timeout_ms)
                .with_producer_id((-1).into())
                .with_producer_epoch(-1);
            let answer = ask(&coordinator, 5, &request);
            match ErrorCode::from_code(answer.error_code) {
                ErrorCode::None => Some(Self {
                    transactional_id: transactional_id.clone(),
                    coordinator,
                    broker,
                    id: answer.producer_id.0,
                    epoch: answer.producer_epoch,
                }),
                ErrorCode::NotCoordinator
                | ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::ConcurrentTransactions => None,
                other => panic!("{other}"),
            }
        })
        .await
    }

    /// The same with the coordinator of now.
    pub async fn moved(self, cluster: &Cluster) -> Self {
        let text = self.transactional_id.to_string();
        until("another broker coordinates", async || {
            let (broker, coordinator) = find(cluster, &text).await;
            let state = describe(&coordinator, &text);
            (state.error_code == 0).then(|| Self {
                transactional_id: self.transactional_id.clone(),
                coordinator,
                broker,
                ..self
            })
        })
        .await
    }

    pub fn add(&self, version: i16, partitions: &[i32]) -> Vec<i16> {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(name())
            .with_partitions(partitions.to_vec());
        let request = if version < 4 {
            AddPartitionsToTxnRequest::default()
                .with_v3_and_below_transactional_id(self.transactional_id.clone())
                .with_v3_and_below_producer_id(self.id.into())
                .with_v3_and_below_producer_epoch(self.epoch)
                .with_v3_and_below_topics(vec![topic])
        } else {
            self.batched(topic, false)
        };
        self.added(version, &request)
    }

    fn verify(&self, version: i16, partitions: &[i32]) -> Vec<i16> {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(name())
            .with_partitions(partitions.to_vec());
        self.added(version, &self.batched(topic, true))
    }

    fn batched(&self, topic: AddPartitionsToTxnTopic, verify: bool) -> AddPartitionsToTxnRequest {
        let transaction = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(self.transactional_id.clone())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_verify_only(verify)
            .with_topics(vec![topic]);
        AddPartitionsToTxnRequest::default().with_transactions(vec![transaction])
    }

    fn added(&self, version: i16, request: &AddPartitionsToTxnRequest) -> Vec<i16> {
        let answer = ask(&self.coordinator, version, request);
        let topics = if version < 4 {
            &answer.results_by_topic_v3_and_below
        } else {
            assert_eq!(answer.error_code, 0);
            let of_transaction = &answer.results_by_transaction[0];
            assert_eq!(of_transaction.transactional_id, self.transactional_id);
            &of_transaction.topic_results
        };
        let partitions = topics[0].results_by_partition.iter();
        partitions.map(|it| it.partition_error_code).collect()
    }

    pub fn add_offsets(&self, version: i16, group: &str) -> i16 {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(self.transactional_id.clone())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_group_id(StrBytes::from_string(group.to_owned()).into());
        ask(&self.coordinator, version, &request).error_code
    }

    pub fn end(&self, version: i16, commit: bool) -> (i16, i64, i16) {
        let request = EndTxnRequest::default()
            .with_transactional_id(self.transactional_id.clone())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_committed(commit);
        let answer = ask(&self.coordinator, version, &request);
        (
            answer.error_code,
            answer.producer_id.0,
            answer.producer_epoch,
        )
    }

    pub fn described(&self) -> TransactionState {
        describe(&self.coordinator, &self.transactional_id)
    }

    pub async fn wait_for(&self, state: &str) -> TransactionState {
        until("the transaction has got so far", async || {
            let described = self.described();
            (described.transaction_state.as_str() == state).then_some(described)
        })
        .await
    }
}

/// Whichever living broker answers.
fn ask_any(cluster: &Cluster, version: i16, text: &str) -> Option<(i32, String)> {
    let request = FindCoordinatorRequest::default().with_key_type(1);
    let key = StrBytes::from_string(text.to_owned());
    let request = if version < 4 {
        request.with_key(key)
    } else {
        request.with_coordinator_keys(vec![key])
    };
    let living = cluster.ids().into_iter();
    let mut living =
        living.filter(|id| std::net::TcpStream::connect(cluster.address_of(*id)).is_ok());
    let asked = living.next().expect("one lives");
    let answer = ask(&cluster.address_of(asked), version, &request);
    let (code, node) = if version < 4 {
        (answer.error_code, answer.node_id)
    } else {
        let found = &answer.coordinators[0];
        (found.error_code, found.node_id)
    };
    let address = |node: i32| (node, cluster.address_of(node));
    match ErrorCode::from_code(code) {
        ErrorCode::None => Some(address(node.0)),
        ErrorCode::CoordinatorNotAvailable => None,
        other => panic!("{other}"),
    }
}

async fn find(cluster: &Cluster, text: &str) -> (i32, String) {
    until("there is a coordinator", async || {
        let (id, address) = ask_any(cluster, 6, text)?;
        // A broker that was killed is named until its session ends.
        let lives = std::net::TcpStream::connect(&address).is_ok();
        lives.then_some((id, address))
    })
    .await
}

fn describe(coordinator: &str, text: &str) -> TransactionState {
    let request = DescribeTransactionsRequest::default().with_transactional_ids(vec![id(text)]);
    ask(coordinator, 0, &request).transaction_states.remove(0)
}

#[tokio::test]
async fn the_coordinator_of_transactions_answers_in_every_version() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 2, 1);
    let other = Producer::start(&cluster, "other", 60_000).await;
    for version in 1..=6 {
        let found = ask_any(&cluster, version, "shipping").expect("it is there by now");
        assert_eq!(found, (1, other.coordinator.clone()));
    }
    for version in 0..=5 {
        let text = format!("init-{version}");
        let named = id(&text);
        let mut request = InitProducerIdRequest::default()
            .with_transactional_id(Some(named.clone()))
            .with_transaction_timeout_ms(900_000);
        request.producer_id = (-1).into();
        request.producer_epoch = -1;
        let first = ask(&other.coordinator, version, &request);
        assert_eq!(
            (first.error_code, first.producer_epoch),
            (0, 0),
            "{version}"
        );
        let again = ask(&other.coordinator, version, &request);
        assert_eq!(
            (again.producer_id, again.producer_epoch),
            (first.producer_id, 1)
        );
        for timeout_ms in [0, -1, 900_001] {
            request.transaction_timeout_ms = timeout_ms;
            let refused = ask(&other.coordinator, version, &request).error_code;
            assert_eq!(refused, ErrorCode::InvalidTransactionTimeout.code());
        }
        request.transactional_id = Some(id(""));
        let refused = ask(&other.coordinator, version, &request).error_code;
        assert_eq!(refused, ErrorCode::InvalidRequest.code());
        if version >= 3 {
            request.transactional_id = Some(named);
            request.transaction_timeout_ms = 60_000;
            request.producer_id = (first.producer_id.0 + 1_000_000).into();
            request.producer_epoch = 0;
            let fenced = ask(&other.coordinator, version, &request).error_code;
            let expected = if version < 4 {
                ErrorCode::InvalidProducerEpoch
            } else {
                ErrorCode::ProducerFenced
            };
            assert_eq!(fenced, expected.code(), "version {version}");
        }
    }
    for version in 0..=5 {
        let mut producer = Producer::start(&cluster, &format!("add-{version}"), 60_000).await;
        assert_eq!(producer.add(version, &[0, 7, 1]), [55, 3, 55]);
        assert_eq!(producer.add(version, &[0, 1]), [0, 0], "version {version}");
        let described = producer.described();
        assert_eq!(described.transaction_state.as_str(), "Ongoing");
        assert_eq!(described.topics[0].partitions, [0, 1]);
        if version >= 4 {
            assert_eq!(producer.verify(version, &[0, 1, 2]), [0, 0, 120]);
        }
        producer.epoch += 1;
        let fenced = if version < 2 { 47 } else { 90 };
        assert_eq!(producer.add(version, &[0]), [fenced], "version {version}");
        producer.id += 1_000_000;
        assert_eq!(producer.add(version, &[0]), [49]);
    }
    for version in 0..=4 {
        let mut producer = Producer::start(&cluster, &format!("offsets-{version}"), 60_000).await;
        assert_eq!(
            producer.add_offsets(version, "billing"),
            0,
            "version {version}"
        );
        let described = producer.described();
        let topic = described.topics[0].topic.as_str();
        assert_eq!(topic, "__consumer_offsets");
        producer.epoch += 1;
        let fenced = if version < 2 { 47 } else { 90 };
        assert_eq!(
            producer.add_offsets(version, "billing"),
            fenced,
            "version {version}"
        );
    }
    for version in 0..=5 {
        let text = format!("end-{version}");
        let mut producer = Producer::start(&cluster, &text, 60_000).await;
        assert_eq!(producer.end(version, true).0, 48, "nothing is open");
        producer.add(ADD, &[0]);
        let raised = if version < 5 {
            (0, -1, -1)
        } else {
            (0, producer.id, producer.epoch + 1)
        };
        assert_eq!(producer.end(version, true), raised, "version {version}");
        producer.epoch += 7;
        let fenced = if version < 2 { 47 } else { 90 };
        assert_eq!(producer.end(version, true).0, fenced, "version {version}");
    }
}

#[tokio::test]
async fn transactions_are_listed_by_state_producer_age_and_pattern() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    let open = Producer::start(&cluster, "open", 60_000).await;
    open.add(ADD, &[0]);
    let idle = Producer::start(&cluster, "idle", 60_000).await;
    let listed = |version: i16, change: fn(ListTransactionsRequest) -> ListTransactionsRequest| {
        let request = change(ListTransactionsRequest::default());
        let answer = ask(&idle.coordinator, version, &request);
        assert!(answer.error_code == 0 || answer.transaction_states.is_empty());
        let states = answer.transaction_states.iter();
        let states = states.map(|it| it.transactional_id.to_string()).collect();
        (
            answer.error_code,
            states,
            answer.unknown_state_filters.len(),
        )
    };
    let all = |names: &[&str], unknown: usize| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        (0, names, unknown)
    };
    until("every partition is read", async || {
        let loading = ErrorCode::CoordinatorLoadInProgress.code();
        (listed(0, |it| it).0 != loading).then_some(())
    })
    .await;
    let text = StrBytes::from_static_str;
    for version in 0..=2 {
        assert_eq!(listed(version, |it| it), all(&["idle", "open"], 0));
        let ongoing = |it: ListTransactionsRequest| {
            it.with_state_filters(vec![StrBytes::from_static_str("Ongoing")])
        };
        assert_eq!(listed(version, ongoing), all(&["open"], 0));
        let unknown = |it: ListTransactionsRequest| {
            it.with_state_filters(vec![StrBytes::from_static_str("ongoing")])
        };
        assert_eq!(listed(version, unknown), all(&[], 1));
    }
    let old = |it: ListTransactionsRequest| it.with_duration_filter(3_600_000);
    assert_eq!(listed(2, old), all(&["idle"], 0), "it never began one");
    let pattern = |it: ListTransactionsRequest| {
        it.with_transactional_id_pattern(Some(StrBytes::from_static_str("o.*n")))
    };
    assert_eq!(listed(2, pattern), all(&["open"], 0));
    let bad = |it: ListTransactionsRequest| {
        it.with_transactional_id_pattern(Some(StrBytes::from_static_str("(")))
    };
    assert_eq!(listed(2, bad).0, ErrorCode::InvalidRegularExpression.code());
    let request = ListTransactionsRequest::default().with_producer_id_filters(vec![open.id.into()]);
    let answer = ask(&open.coordinator, 0, &request);
    assert_eq!(answer.transaction_states.len(), 1);
    assert_eq!(answer.transaction_states[0].transactional_id, id("open"));
    assert_eq!(describe(&open.coordinator, "nobody").error_code, 105);
    assert_eq!(describe(&open.coordinator, "").error_code, 42);
    assert_eq!(text("Ongoing"), open.described().transaction_state);
}

#[tokio::test]
async fn a_transaction_goes_on_in_every_state_when_its_coordinator_is_killed() {
    let mut cluster = Cluster::start(3, &["min.insync.replicas=2"]);
    cluster.create_topic("orders", 2, 3);
    let mut producer = Producer::start(&cluster, "shipping", 60_000).await;
    for (state, commit) in [
        ("Empty", None),
        ("Ongoing", None),
        ("CompleteCommit", Some(true)),
        ("CompleteAbort", Some(false)),
    ] {
        if state != "Empty" {
            until("the partitions are added", async || {
                (producer.add(ADD, &[0, 1]) == [0, 0]).then_some(())
            })
            .await;
        }
        if let Some(commit) = commit {
            assert_eq!(producer.end(END, commit).0, 0);
        }
        // Right after the answer: the markers may be on their way, or not.
        let killed = producer.broker;
        cluster.kill_broker(killed);
        producer = producer.moved(&cluster).await;
        assert_ne!(producer.broker, killed);
        let described = producer.wait_for(state).await;
        assert_eq!(described.producer_id.0, producer.id);
        assert_eq!(described.producer_epoch, producer.epoch);
        // Whoever did not hear the answer asks again.
        if let Some(commit) = commit {
            assert_eq!(producer.end(END, commit).0, 0);
            assert_eq!(producer.end(END, !commit).0, 48);
        }
        cluster.start_broker(killed);
        cluster.wait_until_in_sync("orders", 3).await;
        cluster.wait_until_in_sync("__transaction_state", 3).await;
    }
}

#[tokio::test]
async fn an_abandoned_transaction_is_aborted_and_its_producer_fenced() {
    let interval = "transaction.abort.timed.out.transaction.cleanup.interval.ms=100";
    let cluster = Cluster::start(1, &[interval]);
    cluster.create_topic("orders", 1, 1);
    let abandoned = Producer::start(&cluster, "shipping", 200).await;
    abandoned.add(ADD, &[0]);
    let described = abandoned.wait_for("CompleteAbort").await;
    assert_eq!(described.producer_epoch, abandoned.epoch + 1);
    assert_eq!(abandoned.end(END, true).0, ErrorCode::ProducerFenced.code());
    let next = Producer::start(&cluster, "shipping", 60_000).await;
    assert_eq!((next.id, next.epoch), (abandoned.id, abandoned.epoch + 2));
}

/// Where even and odd values go.
const TOPICS: [&str; 2] = ["orders", "payments"];

/// What consumers with `read_committed` see: these values, in their order.
fn check_committed(cluster: &Cluster, committed: &[i32]) {
    for (rest, topic) in (0..).zip(TOPICS) {
        let expected = committed.iter().copied().filter(|value| value % 2 == rest);
        let expected: Vec<i32> = expected.collect();
        assert_eq!(cluster.consume_values(topic, expected.len()), expected);
    }
}

/// A producer of librdkafka that has taken over the id.
pub fn librdkafka(cluster: &Cluster, text: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap());
    config.set("transactional.id", text);
    config.set("transaction.timeout.ms", "60000");
    let producer: BaseProducer = config.create().expect("a producer");
    producer
        .init_transactions(PATIENCE)
        .expect("the id is taken over");
    producer
}

/// Begins a transaction and writes these values into it.
fn begin_with(producer: &BaseProducer, values: std::ops::Range<i32>) {
    producer.begin_transaction().expect("begun");
    for value in values {
        let text = value.to_string();
        let topic = TOPICS[usize::from(value % 2 == 1)];
        let record = BaseRecord::<(), _>::to(topic).payload(&text);
        producer.send(record).expect("queued");
    }
    producer.flush(PATIENCE).expect("written");
}

#[tokio::test]
async fn librdkafka_commits_aborts_and_is_fenced() {
    let cluster = Cluster::start(3, &["min.insync.replicas=2"]);
    for topic in TOPICS {
        cluster.create_topic(topic, 1, 3);
    }
    let first = librdkafka(&cluster, "shipping");
    begin_with(&first, 0..30);
    first.commit_transaction(PATIENCE).expect("committed");
    begin_with(&first, 30..60);
    first.abort_transaction(PATIENCE).expect("aborted");
    begin_with(&first, 60..90);
    first.commit_transaction(PATIENCE).expect("committed");
    begin_with(&first, 90..120);
    let second = librdkafka(&cluster, "shipping");
    let fenced = first.commit_transaction(PATIENCE).expect_err("fenced");
    let KafkaError::Transaction(fenced) = fenced else {
        panic!("{fenced}")
    };
    assert!(fenced.is_fatal(), "{fenced}");
    begin_with(&second, 120..150);
    second.commit_transaction(PATIENCE).expect("committed");
    let committed = (0..30).chain(60..90).chain(120..150);
    check_committed(&cluster, &committed.collect::<Vec<_>>());
}

#[tokio::test]
async fn what_librdkafka_was_told_is_so_although_coordinators_are_killed() {
    let mut cluster = Cluster::start(3, &["min.insync.replicas=2"]);
    for topic in TOPICS {
        cluster.create_topic(topic, 1, 3);
    }
    let mut committed = Vec::new();
    let producer = librdkafka(&cluster, "shipping");
    for round in 0..6 {
        let values = round * 10..(round + 1) * 10;
        begin_with(&producer, values.clone());
        // Between the writes and the end, and right behind it.
        let (killed, _) = find(&cluster, "shipping").await;
        if round % 2 == 0 {
            cluster.kill_broker(killed);
        }
        if round % 3 == 2 {
            producer.abort_transaction(PATIENCE).expect("aborted");
        } else {
            producer.commit_transaction(PATIENCE).expect("committed");
            committed.extend(values);
        }
        if round % 2 == 1 {
            cluster.kill_broker(killed);
        }
        cluster.start_broker(killed);
        for topic in TOPICS {
            cluster.wait_until_in_sync(topic, 3).await;
        }
        cluster.wait_until_in_sync("__transaction_state", 3).await;
    }
    check_committed(&cluster, &committed);
}
