//! Fetch sessions (KIP-227): a client names its partitions once, and is told only what changed.
//!
//! Pure: times come in, and ids follow one another from a first one that no earlier process used.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use uuid::Uuid;

use wire::ErrorCode;

/// A session that nobody used for this long gives its place to another: Kafka's
/// `min.incremental.fetch.session.eviction.ms`.
const EVICTION_MIN: Duration = Duration::from_secs(120);

/// What a request says about its session.
pub(super) struct SessionRequest {
    pub(super) id: i32,
    pub(super) epoch: i32,
    /// A follower's session is evicted only for another follower's.
    pub(super) privileged: bool,
    /// Whether topics are named by id, as from version 13 on.
    pub(super) by_id: bool,
    pub(super) topics: Vec<FetchTopic>,
    pub(super) forgotten: Vec<ForgottenTopic>,
}

/// The part that a request plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionPart {
    /// All is named and all is answered.
    Sessionless,
    /// The same, and a session shall begin with it.
    First { privileged: bool, by_id: bool },
    /// The request named what is other than before; the answer shall.
    Incremental { id: i32, epoch: i32 },
}

/// A topic as requests name it: by its id, or by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TopicKey {
    pub(super) id: Uuid,
    pub(super) name: Arc<str>,
}

/// What is asked of one partition.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) topic: TopicKey,
    /// Whether the session knew the topic when it was named: one that is gone since then is not one that nobody knows.
    pub(super) was_known: bool,
    pub(super) partition: FetchPartition,
}

/// What an answer says of one partition, as far as sessions care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) high_watermark: i64,
    pub(super) log_start_offset: i64,
    /// Records, an error, or where the logs part: told whatever else is the same.
    pub(super) has_news: bool,
    pub(super) has_records: bool,
    pub(super) error: Option<ErrorCode>,
}

impl Told {
    /// Whether there is a topic of this name or id.
    pub(super) fn is_known(&self) -> bool {
        self.error != Some(ErrorCode::UnknownTopicId)
    }
}

/// All sessions of this broker.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    slots: usize,
    sessions: HashMap<i32, Session>,
    next_id: i32,
}

#[derive(Debug)]
struct Session {
    /// What the next request must name.
    epoch: i32,
    privileged: bool,
    by_id: bool,
    /// In the order in which they are read: who got records goes to the end, so that nobody starves.
    partitions: BTreeMap<u64, Cached>,
    places: HashMap<(TopicKey, i32), u64>,
    next_place: u64,
    created: Instant,
    used: Instant,
}

#[derive(Debug)]
struct Cached {
    asked: Asked,
    /// As last told; -1 for nothing yet.
    high_watermark: i64,
    log_start_offset: i64,
}

impl FetchSessions {
    /// At most `slots` sessions, with ids from about `first_id` on.
    pub(crate) fn new(slots: usize, first_id: i32) -> Self {
        Self {
            slots,
            sessions: HashMap::new(),
            next_id: first_id,
        }
    }

    /// Finds or ends the session that a request names, and says what is asked all in all.
    pub(super) fn begin(
        &mut self,
        request: SessionRequest,
        now: Instant,
    ) -> Result<(SessionPart, Vec<Asked>), ErrorCode> {
        if matches!(request.epoch, 0 | -1) {
            // A new session and the end of all of them both end the one that is named.
            self.sessions.remove(&request.id);
            let part = if request.epoch == 0 {
                SessionPart::First {
                    privileged: request.privileged,
                    by_id: request.by_id,
                }
            } else {
                SessionPart::Sessionless
            };
            return Ok((part, asked(request.topics).collect()));
        }
        let session = self
            .sessions
            .get_mut(&request.id)
            .ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != request.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.by_id != request.by_id {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.used = now;
        asked(request.topics).for_each(|asked| session.ask(asked));
        for topic in request.forgotten {
            let key = key(topic.topic_id, &topic.topic);
            for partition in topic.partitions {
                session.forget(&key, partition);
            }
        }
        if session.partitions.is_empty() {
            self.sessions.remove(&request.id);
            return Ok((SessionPart::Sessionless, Vec::new()));
        }
        session.epoch = next_epoch(request.epoch);
        let part = SessionPart::Incremental {
            id: request.id,
            epoch: session.epoch,
        };
        let all = session.partitions.values();
        Ok((part, all.map(|cached| cached.asked.clone()).collect()))
    }

    /// Begins a session with what was asked and told. `None`: every place is taken by somebody who needs it more.
    pub(super) fn create(
        &mut self,
        privileged: bool,
        by_id: bool,
        answers: impl ExactSizeIterator<Item = (Asked, Told)>,
        now: Instant,
    ) -> Option<i32> {
        if !self.make_room(privileged, answers.len(), now) {
            return None;
        }
        let mut session = Session {
            epoch: next_epoch(0),
            privileged,
            by_id,
            partitions: BTreeMap::new(),
            places: HashMap::new(),
            next_place: 0,
            created: now,
            used: now,
        };
        for (asked, told) in answers {
            let key = (asked.topic.clone(), asked.partition.partition);
            session.ask(asked);
            session.tell(&key, told);
        }
        // Positive, and nobody else's.
        let id = loop {
            let id = self.next_id.max(1);
            self.next_id = id.checked_add(1).unwrap_or(1);
            if !self.sessions.contains_key(&id) {
                break id;
            }
        };
        self.sessions.insert(id, session);
        Some(id)
    }

    /// Which of the answers of an incremental request are to be sent.
    pub(super) fn tell<'a>(
        &mut self,
        id: i32,
        epoch: i32,
        answers: impl Iterator<Item = (&'a TopicKey, i32, Told)>,
    ) -> Result<Vec<bool>, ErrorCode> {
        let session = self.sessions.get_mut(&id);
        let session = session.ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != epoch {
            // A later request overtook this one.
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        let told =
            answers.map(|(topic, partition, told)| session.tell(&(topic.clone(), partition), told));
        Ok(told.collect())
    }

    /// Frees a place: of a session that nobody uses, or of an old one that is worth less than the new one.
    fn make_room(&mut self, privileged: bool, size: usize, now: Instant) -> bool {
        if self.sessions.len() < self.slots {
            return true;
        }
        let idle_for = |session: &Session| now.saturating_duration_since(session.used);
        let stalest = self.sessions.iter().min_by_key(|(_, it)| it.used);
        let stale = stalest.filter(|(_, it)| idle_for(it) > EVICTION_MIN);
        let evicted = stale.map(|(id, _)| *id).or_else(|| {
            let may_go = |session: &Session| {
                let is_old = now.saturating_duration_since(session.created) > EVICTION_MIN;
                is_old || (privileged && !session.privileged)
            };
            let worth = |session: &Session| (session.privileged, session.partitions.len());
            self.sessions
                .iter()
                .filter(|(_, it)| may_go(it))
                .min_by_key(|(id, it)| (worth(it), **id))
                .filter(|(_, it)| worth(it) < (privileged, size))
                .map(|(id, _)| *id)
        });
        evicted.is_some_and(|id| self.sessions.remove(&id).is_some())
    }
}

impl Session {
    /// Adds a partition, or takes up what is asked of it from now on.
    fn ask(&mut self, asked: Asked) {
        let key = (asked.topic.clone(), asked.partition.partition);
        let known = self.places.get(&key);
        if let Some(cached) = known.and_then(|place| self.partitions.get_mut(place)) {
            let was_known = cached.asked.was_known || asked.was_known;
            cached.asked = Asked { was_known, ..asked };
            return;
        }
        let cached = Cached {
            asked,
            high_watermark: -1,
            log_start_offset: -1,
        };
        self.append(key, cached);
    }

    fn forget(&mut self, topic: &TopicKey, partition: i32) {
        if let Some(place) = self.places.remove(&(topic.clone(), partition)) {
            self.partitions.remove(&place);
        }
    }

    /// Notes what a client is about to be told. `false`: it knows.
    fn tell(&mut self, key: &(TopicKey, i32), told: Told) -> bool {
        let Some(place) = self.places.get(key).copied() else {
            return true;
        };
        let Some(cached) = self.partitions.get_mut(&place) else {
            return true;
        };
        let is_news = told.has_news
            || told.error.is_some()
            || cached.high_watermark != told.high_watermark
            || cached.log_start_offset != told.log_start_offset;
        // After an error all of it is news.
        cached.high_watermark = if told.error.is_some() {
            -1
        } else {
            told.high_watermark
        };
        cached.log_start_offset = told.log_start_offset;
        cached.asked.was_known |= told.is_known();
        if told.has_records
            && let Some(cached) = self.partitions.remove(&place)
        {
            self.append(key.clone(), cached);
        }
        is_news
    }

    fn append(&mut self, key: (TopicKey, i32), cached: Cached) {
        self.places.insert(key, self.next_place);
        self.partitions.insert(self.next_place, cached);
        self.next_place += 1;
    }
}

/// The epoch after this one; 0 is kept for new sessions.
fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

fn key(id: Uuid, name: &str) -> TopicKey {
    TopicKey {
        id,
        // Not a part of the request's frame, which would live as long as the session.
        name: Arc::from(name),
    }
}

fn asked(topics: Vec<FetchTopic>) -> impl Iterator<Item = Asked> {
    topics.into_iter().flat_map(|topic| {
        let key = key(topic.topic_id, &topic.topic);
        topic.partitions.into_iter().map(move |partition| Asked {
            topic: key.clone(),
            was_known: false,
            partition,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Told = Told {
        high_watermark: 5,
        log_start_offset: 0,
        has_news: false,
        has_records: false,
        error: None,
    };

    fn topics(partitions: &[i32]) -> Vec<FetchTopic> {
        let partitions = partitions
            .iter()
            .map(|index| FetchPartition::default().with_partition(*index));
        vec![
            FetchTopic::default()
                .with_topic_id(Uuid::from_u128(7))
                .with_partitions(partitions.collect()),
        ]
    }

    fn request(id: i32, epoch: i32, partitions: &[i32]) -> SessionRequest {
        SessionRequest {
            id,
            epoch,
            privileged: false,
            by_id: true,
            topics: topics(partitions),
            forgotten: Vec::new(),
        }
    }

    fn indexes(asked: &[Asked]) -> Vec<i32> {
        asked.iter().map(|it| it.partition.partition).collect()
    }

    /// A session over these partitions, all told quietly.
    fn started(sessions: &mut FetchSessions, partitions: &[i32], now: Instant) -> i32 {
        let (part, asked) = sessions
            .begin(request(0, 0, partitions), now)
            .expect("a new one");
        let SessionPart::First { privileged, by_id } = part else {
            panic!("{part:?}")
        };
        let answers = asked.into_iter().map(|it| (it, QUIET)).collect::<Vec<_>>();
        sessions
            .create(privileged, by_id, answers.into_iter(), now)
            .expect("room")
    }

    fn tell(sessions: &mut FetchSessions, id: i32, epoch: i32, told: &[(i32, Told)]) -> Vec<bool> {
        let topic = key(Uuid::from_u128(7), "");
        let answers = told.iter().map(|(index, told)| (&topic, *index, *told));
        sessions.tell(id, epoch, answers).expect("current")
    }

    #[test]
    fn only_what_changed_is_told() {
        let now = Instant::now();
        let mut sessions = FetchSessions::new(10, 40);
        let id = started(&mut sessions, &[0, 1, 2], now);
        assert_eq!(id, 40);
        let (part, asked) = sessions.begin(request(id, 1, &[]), now).expect("known");
        assert_eq!(part, SessionPart::Incremental { id, epoch: 2 });
        assert_eq!(indexes(&asked), [0, 1, 2]);
        let higher = Told {
            high_watermark: 6,
            ..QUIET
        };
        let started_later = Told {
            log_start_offset: 2,
            ..QUIET
        };
        let news = Told {
            has_news: true,
            ..QUIET
        };
        let told = tell(
            &mut sessions,
            id,
            2,
            &[(0, QUIET), (1, higher), (2, started_later)],
        );
        assert_eq!(told, [false, true, true]);
        let told = tell(
            &mut sessions,
            id,
            2,
            &[(0, news), (1, higher), (2, started_later)],
        );
        assert_eq!(told, [true, false, false]);
        let error = Told {
            error: Some(ErrorCode::NotLeaderOrFollower),
            ..QUIET
        };
        assert_eq!(tell(&mut sessions, id, 2, &[(0, error)]), [true]);
        assert_eq!(tell(&mut sessions, id, 2, &[(0, error)]), [true]);
        let again = tell(&mut sessions, id, 2, &[(0, QUIET)]);
        assert_eq!(again, [true], "the client does not know that it is over");
    }

    #[test]
    fn who_got_records_is_read_last_the_next_time() {
        let now = Instant::now();
        let mut sessions = FetchSessions::new(10, 1);
        let id = started(&mut sessions, &[0, 1, 2], now);
        sessions.begin(request(id, 1, &[]), now).expect("known");
        let records = Told {
            has_records: true,
            has_news: true,
            ..QUIET
        };
        tell(
            &mut sessions,
            id,
            2,
            &[(0, records), (1, QUIET), (2, QUIET)],
        );
        let (_, asked) = sessions.begin(request(id, 2, &[0]), now).expect("known");
        assert_eq!(indexes(&asked), [1, 2, 0]);
    }

    #[test]
    fn partitions_come_and_go_and_the_last_ends_the_session() {
        let now = Instant::now();
        let mut sessions = FetchSessions::new(10, 1);
        let id = started(&mut sessions, &[0, 1], now);
        let forget = |epoch, forgotten: Vec<i32>, asked: &[i32]| SessionRequest {
            forgotten: vec![
                ForgottenTopic::default()
                    .with_topic_id(Uuid::from_u128(7))
                    .with_partitions(forgotten),
            ],
            ..request(id, epoch, asked)
        };
        let (_, asked) = sessions
            .begin(forget(1, vec![0], &[4]), now)
            .expect("known");
        assert_eq!(indexes(&asked), [1, 4]);
        assert_eq!(
            tell(&mut sessions, id, 2, &[(1, QUIET), (4, QUIET)]),
            [false, true]
        );
        let (part, asked) = sessions
            .begin(forget(2, vec![1, 4], &[]), now)
            .expect("known");
        assert_eq!((part, asked.len()), (SessionPart::Sessionless, 0));
        let gone = sessions.begin(request(id, 3, &[]), now).expect_err("ended");
        assert_eq!(gone, ErrorCode::FetchSessionIdNotFound);
    }

    #[test]
    fn another_epoch_another_naming_and_an_unknown_id_are_refused() {
        let now = Instant::now();
        let mut sessions = FetchSessions::new(10, 1);
        let id = started(&mut sessions, &[0], now);
        let mut refused = |request| sessions.begin(request, now).expect_err("refused");
        assert_eq!(
            refused(request(id, 2, &[])),
            ErrorCode::InvalidFetchSessionEpoch
        );
        assert_eq!(
            refused(request(99, 1, &[])),
            ErrorCode::FetchSessionIdNotFound
        );
        let by_name = SessionRequest {
            by_id: false,
            ..request(id, 1, &[])
        };
        assert_eq!(refused(by_name), ErrorCode::FetchSessionTopicIdError);
        // An answer that a later request overtook says so, and -1 ends the session.
        sessions.begin(request(id, 1, &[]), now).expect("known");
        let late = sessions.tell(id, 1, std::iter::empty());
        assert_eq!(late, Err(ErrorCode::InvalidFetchSessionEpoch));
        let (part, asked) = sessions.begin(request(id, -1, &[0]), now).expect("the end");
        assert_eq!((part, asked.len()), (SessionPart::Sessionless, 1));
        assert!(sessions.sessions.is_empty());
    }

    #[test]
    fn epochs_go_round_past_the_one_of_new_sessions() {
        assert_eq!(next_epoch(i32::MAX), 1);
    }

    #[test]
    fn a_place_is_freed_by_disuse_and_for_those_who_need_it_more() {
        let now = Instant::now();
        let mut sessions = FetchSessions::new(2, 1);
        let small = started(&mut sessions, &[0], now);
        let large = started(&mut sessions, &[0, 1, 2], now);
        assert!(!sessions.make_room(false, 9, now), "both are new");
        let later = now + EVICTION_MIN / 2;
        sessions
            .begin(request(large, 1, &[]), later)
            .expect("known");
        // A follower needs no patience with consumers, and takes the smallest.
        assert!(sessions.make_room(true, 1, later));
        assert!(!sessions.sessions.contains_key(&small));
        let other = started(&mut sessions, &[0, 1], later);
        let much_later = later + EVICTION_MIN + Duration::from_secs(1);
        sessions
            .begin(request(other, 1, &[]), much_later)
            .expect("known");
        assert!(sessions.make_room(false, 1, much_later), "nobody used it");
        assert!(!sessions.sessions.contains_key(&large));
    }
}
