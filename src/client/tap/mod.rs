//! Listens in on our own connections to Kafka: what was asked, what came back, how long it took.
//!
//! While nobody listens, a connection looks at one flag for each request and does nothing else.

mod summary;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kafka_protocol::messages::ApiKey;
use tokio::sync::mpsc;

use super::kafka::KafkaError;
use wire::ErrorCode;

/// Exchanges that may wait to be looked at; more are counted and forgotten.
const EXCHANGES_MAX: usize = 512;

/// Text kept of one decoded message.
const TEXT_BYTES_MAX: usize = 6 * 1024;

/// Text kept of one field.
const LINE_BYTES_MAX: usize = 200;

/// Text that is formatted at most to find what is kept: a Fetch answer's records are skipped over,
/// not a megabyte of them.
const FORMATTED_BYTES_MAX: usize = 64 * 1024;

/// Tells what connections do, to whoever listens. The default tells nobody.
#[derive(Debug, Clone, Default)]
pub struct Tap {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    listening: AtomicBool,
    missed: AtomicU64,
    /// Requests that were sent, by API key.
    asked: Mutex<BTreeMap<i16, u64>>,
    exchanges: mpsc::Sender<Exchange>,
}

/// A request and what became of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The other end's address.
    pub address: String,
    /// `Metadata`, `Fetch`, ...
    pub api: String,
    /// The version that was spoken.
    pub version: i16,
    /// The request's number on its connection.
    pub correlation_id: i32,
    /// When it was sent.
    pub sent_at: SystemTime,
    /// From there to the whole answer, or to the end of patience.
    pub latency: Duration,
    /// The request's bytes on the wire.
    pub request_bytes: usize,
    /// The answer's; `None`: there was none.
    pub answer_bytes: Option<usize>,
    /// The request.
    pub request: Message,
    /// The answer, or why there is none.
    pub answer: Result<Message, String>,
    /// The first error code in the answer.
    pub error: Option<ErrorCode>,
}

/// A decoded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// In a few words, `orders-0 from 41`; empty where it says nothing.
    pub summary: String,
    /// Field by field, cut off where it is long.
    pub fields: String,
}

/// Where an exchange goes, while somebody listens.
#[derive(Debug)]
pub(super) struct Listening<'a> {
    tap: &'a Inner,
    sent_at: SystemTime,
    since: Instant,
}

/// What the connection knows of an exchange.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) address: String,
    pub(super) api: ApiKey,
    pub(super) version: i16,
    pub(super) correlation_id: i32,
    pub(super) request_bytes: usize,
    pub(super) answer_bytes: Option<usize>,
}

impl Tap {
    /// A tap, and what comes out of it.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Exchange>) {
        let (exchanges, heard) = mpsc::channel(EXCHANGES_MAX);
        let inner = Inner {
            listening: AtomicBool::new(false),
            missed: AtomicU64::new(0),
            asked: Mutex::default(),
            exchanges,
        };
        let tap = Self {
            inner: Some(Arc::new(inner)),
        };
        (tap, heard)
    }

    /// Opens or closes it.
    pub fn listen(&self, listening: bool) {
        if let Some(inner) = &self.inner {
            inner.listening.store(listening, Ordering::Relaxed);
        }
    }

    /// Exchanges that nobody had room for.
    #[must_use]
    pub fn missed(&self) -> u64 {
        let inner = self.inner.as_ref();
        inner.map_or(0, |inner| inner.missed.load(Ordering::Relaxed))
    }

    /// How often each API was asked since the last time, whoever listens; by its name.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, u64)> {
        let Some(inner) = &self.inner else {
            return Vec::new();
        };
        let asked = std::mem::take(&mut *inner.asked());
        let named = asked.into_iter().map(|(key, count)| {
            let name =
                ApiKey::try_from(key).map_or_else(|()| key.to_string(), |it| format!("{it:?}"));
            (name, count)
        });
        named.collect()
    }

    /// A request is about to be sent.
    pub(super) fn count(&self, api: ApiKey) {
        if let Some(inner) = &self.inner {
            *inner.asked().entry(api as i16).or_default() += 1;
        }
    }

    /// A request is about to be sent: whether that is to be told.
    pub(super) fn begin(&self) -> Option<Listening<'_>> {
        let inner = self.inner.as_deref()?;
        inner.listening.load(Ordering::Relaxed).then(|| Listening {
            tap: inner,
            sent_at: SystemTime::now(),
            since: Instant::now(),
        })
    }
}

impl Inner {
    fn asked(&self) -> MutexGuard<'_, BTreeMap<i16, u64>> {
        // A panic ends the process; a poisoned lock is never seen.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listening<'_> {
    /// Tells how it went.
    pub(super) fn tell<R, A>(self, line: Line, request: &R, answer: &Result<A, KafkaError>)
    where
        R: Debug + Any,
        A: Debug + Any,
    {
        let latency = self.since.elapsed();
        // Formatting costs more than a full queue is worth.
        let Ok(permit) = self.tap.exchanges.try_reserve() else {
            self.tap.missed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let mut error = None;
        let answer = match answer {
            Ok(answer) => {
                let (summary, code) = summary::of_answer(answer);
                error = code;
                Ok(Message {
                    summary,
                    fields: fields(answer),
                })
            }
            Err(why) => Err(why.to_string()),
        };
        permit.send(Exchange {
            address: line.address,
            api: format!("{:?}", line.api),
            version: line.version,
            correlation_id: line.correlation_id,
            sent_at: self.sent_at,
            latency,
            request_bytes: line.request_bytes,
            answer_bytes: line.answer_bytes,
            request: Message {
                summary: summary::of_request(request),
                fields: fields(request),
            },
            answer,
            error,
        });
    }
}

/// A message field by field.
fn fields(message: &impl Debug) -> String {
    let mut fields = Fields::default();
    // It stops itself where it has enough.
    let _ = write!(fields, "{message:#?}");
    fields.end_line();
    if fields.cut {
        fields.text.push_str("…\n");
    }
    fields.text
}

/// Keeps the lines of a formatted message that say something, and of long ones the beginning.
#[derive(Debug, Default)]
struct Fields {
    text: String,
    line: String,
    formatted: usize,
    cut: bool,
}

impl Fields {
    fn end_line(&mut self) {
        if !self.line.trim_start().starts_with("unknown_tagged_fields") && !self.line.is_empty() {
            self.text.push_str(&self.line);
            self.text.push('\n');
        }
        self.line.clear();
    }
}

impl fmt::Write for Fields {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for character in part.chars() {
            if character == '\n' {
                self.end_line();
            } else if self.line.len() < LINE_BYTES_MAX {
                self.line.push(character);
            } else if !self.line.ends_with('…') {
                self.line.push('…');
            }
        }
        self.formatted += part.len();
        self.cut = self.text.len() > TEXT_BYTES_MAX || self.formatted > FORMATTED_BYTES_MAX;
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
    use kafka_protocol::messages::{ApiKey, MetadataRequest, MetadataResponse, TopicName};
    use kafka_protocol::protocol::StrBytes;

    use super::{Line, TEXT_BYTES_MAX, Tap, fields};

    fn line() -> Line {
        Line {
            address: "127.0.0.1:9092".into(),
            api: ApiKey::Metadata,
            version: 12,
            correlation_id: 7,
            request_bytes: 40,
            answer_bytes: Some(90),
        }
    }

    #[test]
    fn nothing_is_told_until_somebody_listens() {
        let (tap, mut heard) = Tap::new();
        assert!(tap.begin().is_none());
        assert!(Tap::default().begin().is_none());
        tap.listen(true);
        let request = MetadataRequest::default().with_topics(None);
        let listening = tap.begin().expect("somebody listens");
        listening.tell(line(), &request, &Ok(MetadataResponse::default()));
        let exchange = heard.try_recv().expect("told");
        assert_eq!((exchange.api.as_str(), exchange.version), ("Metadata", 12));
        assert_eq!(exchange.request.summary, "all topics");
        assert_eq!(exchange.error, None);
        tap.listen(false);
        assert!(tap.begin().is_none());
    }

    #[test]
    fn requests_are_counted_though_nobody_listens() {
        let (tap, _heard) = Tap::new();
        for api in [ApiKey::Fetch, ApiKey::Metadata, ApiKey::Fetch] {
            tap.count(api);
        }
        let told = [("Fetch".to_owned(), 2), ("Metadata".to_owned(), 1)];
        assert_eq!(tap.asked(), told);
        assert_eq!(tap.asked(), [], "they are told once");
    }

    #[test]
    fn a_full_queue_counts_what_it_has_no_room_for() {
        let (tap, _heard) = Tap::new();
        tap.listen(true);
        let request = MetadataRequest::default();
        for _ in 0..super::EXCHANGES_MAX + 3 {
            let listening = tap.begin().expect("somebody listens");
            listening.tell(line(), &request, &Ok(MetadataResponse::default()));
        }
        assert_eq!(tap.missed(), 3);
    }

    #[test]
    fn a_long_message_is_cut_and_empty_fields_are_left_out() {
        let topic = |name: String| {
            MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from(name))))
        };
        let few = MetadataRequest::default().with_topics(Some(vec![topic("orders".into())]));
        let text = fields(&few);
        assert!(
            text.contains("orders") && !text.contains("unknown_tagged"),
            "{text}"
        );
        let topics = (0..2000).map(|number| topic(format!("topic-{number}")));
        let many = MetadataRequest::default().with_topics(Some(topics.collect()));
        let text = fields(&many);
        assert!(text.len() < TEXT_BYTES_MAX * 2 && text.ends_with("…\n"));
    }
}
