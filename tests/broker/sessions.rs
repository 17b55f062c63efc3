//! Fetch sessions (KIP-227) on the wire.

use kafka_protocol::messages::{
    DeleteTopicsRequest, FetchRequest, FetchResponse,
    fetch_request::{FetchTopic, ForgottenTopic},
};

use crate::{
    clients::WAIT,
    cluster::until,
    versions::{Stage, batch, name},
};

const ID_NOT_FOUND: i16 = 70;
const INVALID_EPOCH: i16 = 71;
const TOPIC_ID_ERROR: i16 = 106;

impl Stage {
    async fn fetch_in(
        &mut self,
        version: i16,
        (id, epoch): (i32, i32),
        topics: Vec<FetchTopic>,
        forgotten: Vec<ForgottenTopic>,
    ) -> FetchResponse {
        let request = FetchRequest::default()
            .with_session_id(id)
            .with_session_epoch(epoch)
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_topics(topics)
            .with_forgotten_topics_data(forgotten);
        let response = self.connection.ask_in(version, &request, WAIT).await;
        response.expect("an answer")
    }
}

#[tokio::test]
async fn a_session_is_told_what_changed_in_every_version() {
    let mut stage = Stage::new().await;
    for (end, version) in (0..).zip(7..=18) {
        let topics = stage.fetch_request(version, end, 0).topics;
        let first = stage.fetch_in(version, (0, 0), topics, vec![]).await;
        assert_eq!((first.error_code, first.responses.len()), (0, 1));
        let id = first.session_id;
        assert!(id > 0, "version {version}");
        let quiet = stage.fetch_in(version, (id, 1), vec![], vec![]).await;
        assert_eq!((quiet.error_code, quiet.session_id), (0, id));
        assert_eq!(quiet.responses.len(), 0, "version {version}");
        let (code, offset) = stage.produce(9, -1, batch(1, b"news")).await;
        assert_eq!((code, offset), (0, end));
        let news = stage.fetch_in(version, (id, 2), vec![], vec![]).await;
        let partition = &news.responses[0].partitions[0];
        assert_eq!(partition.high_watermark, end + 1);
        assert!(partition.records.as_ref().is_some_and(|it| !it.is_empty()));

        let wrong = stage.fetch_in(version, (id, 2), vec![], vec![]).await;
        assert_eq!((wrong.error_code, wrong.session_id), (INVALID_EPOCH, 0));
        let wrong = stage.fetch_in(version, (id ^ 1, 3), vec![], vec![]).await;
        assert_eq!(wrong.error_code, ID_NOT_FOUND);
        let other = if version >= 13 { 12 } else { 13 };
        let wrong = stage.fetch_in(other, (id, 3), vec![], vec![]).await;
        assert_eq!(wrong.error_code, TOPIC_ID_ERROR);

        let mut forgotten = ForgottenTopic::default().with_partitions(vec![0]);
        if version >= 13 {
            forgotten.topic_id = stage.topic_id;
        } else {
            forgotten.topic = name();
        }
        let ended = stage
            .fetch_in(version, (id, 3), vec![], vec![forgotten])
            .await;
        assert_eq!((ended.error_code, ended.session_id), (0, 0));
        let gone = stage.fetch_in(version, (id, 4), vec![], vec![]).await;
        assert_eq!(gone.error_code, ID_NOT_FOUND);
    }
}

#[tokio::test]
async fn a_session_over_a_topic_that_was_deleted_says_so() {
    let mut stage = Stage::new().await;
    let topics = stage.fetch_request(13, 0, 0).topics;
    let first = stage.fetch_in(13, (0, 0), topics.clone(), vec![]).await;
    let id = first.session_id;
    let request = DeleteTopicsRequest::default()
        .with_topic_names(vec![name()])
        .with_timeout_ms(10_000);
    let deleted = stage.connection.ask_in(4, &request, WAIT).await;
    assert_eq!(deleted.expect("an answer").responses[0].error_code, 0);
    let mut epoch = 0;
    let answer = until("the leader knows that it is gone", async || {
        epoch += 1;
        let answer = stage.fetch_in(13, (id, epoch), vec![], vec![]).await;
        assert_eq!(answer.error_code, 0);
        let partition = answer.responses.first()?.partitions.first()?;
        (partition.error_code != 0).then_some(partition.error_code)
    })
    .await;
    assert_eq!(answer, 3, "UNKNOWN_TOPIC_OR_PARTITION: it knew its id");
    let again = stage.fetch_in(13, (0, 0), topics, vec![]).await;
    let code = again.responses[0].partitions[0].error_code;
    assert_eq!(code, 100, "UNKNOWN_TOPIC_ID: nobody knows it now");
}
