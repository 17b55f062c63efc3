//! The fetch response, written by hand: records are read from the disk into one buffer and leave from there, without
//! being copied behind their headers.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{messages::FetchResponse, protocol::HeaderVersion};

use super::{Fetch, FetchedTopic, Look};
use crate::{
    handlers::{
        Reply, RequestContext, RequestError,
        leader_hints::{LeaderHint, LeaderHints},
    },
    log::AbortedTransaction,
    partitions::ReadAnswer,
    replication::EpochEnd,
};
use wire::{
    ErrorCode, Offset,
    frame::{Frame, begin_response},
};

/// What is told about one partition.
pub(super) type PartitionAnswer = Result<ReadAnswer, ErrorCode>;

/// Records of fewer bytes are copied behind their header: cheaper than one more piece to write.
const COPY_BYTES_MAX: usize = 2_048;

/// The first version whose clients look for the leader in an answer (KIP-951).
const HINTS_FROM: i16 = 16;

/// Room for a partition's part of the response without its records.
const PARTITION_BYTES: usize = 96;

/// Which answers a client is told, and in which session.
pub(super) struct Chosen {
    session_id: i32,
    /// One for each partition in the order of the answers; `None`: all of them.
    told: Option<Vec<bool>>,
}

impl Chosen {
    pub(super) fn all(session_id: i32) -> Self {
        Self {
            session_id,
            told: None,
        }
    }

    pub(super) fn some(session_id: i32, told: Vec<bool>) -> Self {
        Self {
            session_id,
            told: Some(told),
        }
    }
}

/// The whole answer. What is not told has no records.
pub(super) fn encode(fetch: &Fetch, look: Look, chosen: &Chosen) -> Result<Reply, RequestError> {
    let context = &fetch.context;
    let mut told = chosen.told.iter().flatten().copied();
    let mut topics = Vec::with_capacity(fetch.topics.len());
    for (topic, answers) in fetch.topics.iter().zip(&look.answers) {
        let answers = topic.partitions.iter().zip(answers);
        let answers: Vec<_> = answers.filter(|_| told.next().unwrap_or(true)).collect();
        if !answers.is_empty() {
            topics.push((topic, answers));
        }
    }
    let partitions: usize = topics.iter().map(|(_, answers)| answers.len()).sum();
    let mut writer = Writer::new(context, partitions * PARTITION_BYTES, look.records);
    let mut hints = LeaderHints::new(fetch.broker.registry.image());
    let hinted = context.version >= HINTS_FROM;
    writer.begin(ErrorCode::None, chosen.session_id, topics.len());
    for (topic, answers) in topics {
        writer.topic(topic, answers.len());
        for (partition, answer) in answers {
            let refused = answer.as_ref().err().filter(|_| hinted);
            let hint = refused.and_then(|code| hints.hint(&partition.at, *code));
            let aborted = fetch.is_read_committed;
            writer.partition(partition.at.partition, answer, hint, aborted);
        }
        writer.no_tagged_fields();
    }
    writer.end(&hints);
    writer.finish()
}

/// An answer without partitions.
pub(super) fn encode_error(
    context: &RequestContext,
    code: ErrorCode,
) -> Result<Reply, RequestError> {
    let mut writer = Writer::new(context, 0, BytesMut::new());
    writer.begin(code, 0, 0);
    writer.no_tagged_fields();
    writer.finish()
}

struct Writer {
    version: i16,
    /// From version 12 on: compact lengths and tagged fields.
    flexible: bool,
    parts: Vec<Bytes>,
    /// What follows the last part.
    out: BytesMut,
    /// The records that are still to be placed.
    records: BytesMut,
}

impl Writer {
    fn new(context: &RequestContext, bytes: usize, records: BytesMut) -> Self {
        let flexible = FetchResponse::header_version(context.version) >= 1;
        Self {
            version: context.version,
            flexible,
            parts: Vec::new(),
            out: begin_response(context.correlation_id, flexible, 32 + bytes),
            records,
        }
    }

    fn begin(&mut self, code: ErrorCode, session_id: i32, topics: usize) {
        const THROTTLE_TIME_MS: i32 = 0;
        self.out.put_i32(THROTTLE_TIME_MS);
        if self.version >= 7 {
            self.out.put_i16(code.code());
            self.out.put_i32(session_id);
        }
        self.count(topics);
    }

    fn topic(&mut self, topic: &FetchedTopic, partitions: usize) {
        if self.version >= 13 {
            self.out.put_slice(topic.key.id.as_bytes());
        } else {
            self.text(&topic.key.name);
        }
        self.count(partitions);
    }

    fn partition(
        &mut self,
        index: i32,
        answer: &PartitionAnswer,
        hint: Option<LeaderHint>,
        with_aborted: bool,
    ) {
        let code = answer.as_ref().err().copied().unwrap_or(ErrorCode::None);
        let answer = answer.as_ref().ok();
        let offset = |offset: fn(&ReadAnswer) -> Offset| answer.map_or(-1, |it| offset(it).0);
        self.out.put_i32(index);
        self.out.put_i16(code.code());
        self.out.put_i64(offset(|it| it.high_watermark));
        self.out.put_i64(offset(|it| it.last_stable_offset));
        if self.version >= 5 {
            self.out.put_i64(offset(|it| it.log_start_offset));
        }
        match answer {
            Some(answer) if with_aborted => self.aborted(&answer.aborted),
            // Of a partition that is not there Kafka says none, of others that nobody asked.
            None if matches!(
                code,
                ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId
            ) =>
            {
                self.aborted(&[]);
            }
            _ => self.null(),
        }
        let size_bytes = answer.map_or(0, |it| it.size_bytes);
        let diverging = answer.and_then(|it| it.diverging);
        if self.version >= 11 {
            const NO_PREFERRED_READ_REPLICA: i32 = -1;
            self.out.put_i32(NO_PREFERRED_READ_REPLICA);
        }
        self.records(size_bytes);
        if self.flexible {
            self.partition_tags(diverging, hint);
        }
    }

    fn aborted(&mut self, aborted: &[AbortedTransaction]) {
        self.count(aborted.len());
        for transaction in aborted {
            self.out.put_i64(transaction.producer_id);
            self.out.put_i64(transaction.first_offset.0);
            if self.flexible {
                self.no_tagged_fields();
            }
        }
    }

    fn partition_tags(&mut self, diverging: Option<EpochEnd>, hint: Option<LeaderHint>) {
        self.varint(usize::from(diverging.is_some()) + usize::from(hint.is_some()));
        if let Some(diverging) = diverging {
            self.tag(0, 4 + 8 + 1);
            self.out.put_i32(diverging.epoch.0);
            self.out.put_i64(diverging.end_offset.0);
            self.no_tagged_fields();
        }
        if let Some(hint) = hint {
            self.tag(1, 4 + 4 + 1);
            self.out.put_i32(hint.leader);
            self.out.put_i32(hint.epoch.0);
            self.no_tagged_fields();
        }
    }

    /// The length of a partition's records, and the records.
    fn records(&mut self, size_bytes: usize) {
        self.count(size_bytes);
        let records = self.records.split_to(size_bytes);
        if size_bytes < COPY_BYTES_MAX {
            self.out.put_slice(&records);
        } else {
            self.parts.push(self.out.split().freeze());
            self.parts.push(records.freeze());
        }
    }

    /// What follows the topics.
    fn end(&mut self, hints: &LeaderHints) {
        if !self.flexible {
            return;
        }
        if hints.endpoints.is_empty() {
            self.no_tagged_fields();
            return;
        }
        let outer = std::mem::take(&mut self.out);
        self.count(hints.endpoints.len());
        for (id, node) in &hints.endpoints {
            self.out.put_i32(id.0);
            self.text(&node.host);
            self.out.put_i32(node.port.into());
            // The rack: none.
            self.null();
            self.no_tagged_fields();
        }
        let endpoints = std::mem::replace(&mut self.out, outer);
        self.varint(1);
        self.tag(0, endpoints.len());
        self.out.put_slice(&endpoints);
    }

    fn finish(mut self) -> Result<Reply, RequestError> {
        self.parts.push(self.out.freeze());
        Ok(Reply::Frame(Frame::new(self.parts)?))
    }

    /// The length of an array or of bytes.
    fn count(&mut self, count: usize) {
        if self.flexible {
            self.varint(count + 1);
        } else {
            let count = i32::try_from(count).expect("a response is shorter than a frame may be");
            self.out.put_i32(count);
        }
    }

    /// An array or a text that is not there.
    fn null(&mut self) {
        if self.flexible {
            self.varint(0);
        } else {
            self.out.put_i32(-1);
        }
    }

    fn text(&mut self, text: &str) {
        if self.flexible {
            self.varint(text.len() + 1);
        } else {
            let length = i16::try_from(text.len()).expect("a topic's name has 249 bytes at most");
            self.out.put_i16(length);
        }
        self.out.put_slice(text.as_bytes());
    }

    fn no_tagged_fields(&mut self) {
        if self.flexible {
            self.out.put_u8(0);
        }
    }

    fn tag(&mut self, tag: usize, size: usize) {
        self.varint(tag);
        self.varint(size);
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out.put_u8(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.out.put_u8(value.to_le_bytes()[0]);
    }
}
