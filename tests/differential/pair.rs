//! Two clusters that are asked the same.

use std::{collections::BTreeMap, fmt::Debug};

use kafka_protocol::{
    messages::{
        ApiVersionsRequest, FindCoordinatorRequest, InitProducerIdRequest, MetadataRequest,
        ProducerId, metadata_request::MetadataRequestTopic,
    },
    protocol::{HeaderVersion, Message, Request, StrBytes},
};
use uuid::Uuid;

use crate::{
    answers::{difference, lines},
    cluster::until,
    connection::Connection,
    differences::Outcome,
    engine::{BROKERS, Cluster},
};

/// Whom a question goes to.
#[derive(Clone, Copy)]
pub enum At {
    Broker(i32),
    /// The original takes requests that change the cluster there only.
    Controller,
    /// The coordinator of a group.
    Group(&'static str),
    /// The coordinator of a transactional id.
    Transaction(&'static str),
}

/// One of the two, and what is its own.
pub struct Side {
    name: &'static str,
    pub cluster: Cluster,
    connections: BTreeMap<i32, Connection>,
    offered: BTreeMap<i16, (i16, i16)>,
    coordinators: BTreeMap<(i8, &'static str), i32>,
    pub controller: i32,
    /// The ids that its topics have.
    pub topic_ids: BTreeMap<String, Uuid>,
    /// What it gave to the producer and the member of a case, by a name of the case's own.
    pub producers: BTreeMap<&'static str, (ProducerId, i16)>,
    pub members: BTreeMap<&'static str, StrBytes>,
}

pub struct Pair {
    pub ours: Side,
    pub theirs: Side,
    pub outcomes: Vec<Outcome>,
}

pub type Answer<R> = Result<<R as Request>::Response, String>;

impl Side {
    async fn new(name: &'static str, cluster: Cluster) -> Self {
        let mut side = Self {
            name,
            cluster,
            connections: BTreeMap::new(),
            offered: BTreeMap::new(),
            coordinators: BTreeMap::new(),
            controller: -1,
            topic_ids: BTreeMap::new(),
            producers: BTreeMap::new(),
            members: BTreeMap::new(),
        };
        until(
            "a cluster has all its brokers and a controller",
            async || {
                let request = MetadataRequest::default().with_topics(Some(vec![]));
                let metadata = side.connection(1).await.ok()?.ask(4, &request).await;
                let metadata = metadata.ok()?;
                side.controller = metadata.controller_id.0;
                let all = metadata.brokers.len() == usize::try_from(BROKERS).ok()?;
                (all && side.controller > 0).then_some(())
            },
        )
        .await;
        let request = ApiVersionsRequest::default();
        let connection = side.connection(1).await.expect("it was just asked");
        let offered = connection.ask(0, &request).await.expect("versions");
        for api in offered.api_keys {
            let versions = (api.min_version, api.max_version);
            side.offered.insert(api.api_key, versions);
        }
        side
    }

    async fn connection(&mut self, id: i32) -> Result<&mut Connection, String> {
        if !self.connections.contains_key(&id) {
            let all = self.cluster.bootstrap();
            let index = usize::try_from(id).expect("a broker's id") - 1;
            let address = all.split(',').nth(index).expect("a broker of this cluster");
            let connection = Connection::to(address).await?;
            self.connections.insert(id, connection);
        }
        Ok(self.connections.get_mut(&id).expect("it is there"))
    }

    async fn ask<R>(&mut self, at: At, version: i16, request: &R) -> Answer<R>
    where
        R: Request<Response: Debug> + HeaderVersion,
    {
        let id = match at {
            At::Broker(id) => id,
            At::Controller => self.controller,
            At::Group(id) => self.coordinator(0, id).await,
            At::Transaction(id) => self.coordinator(1, id).await,
        };
        let answer = self.connection(id).await?.ask(version, request).await;
        if answer.is_err() {
            self.connections.remove(&id);
        }
        answer
    }

    /// Asks without comparing.
    pub async fn quietly<R>(&mut self, at: At, version: i16, request: &R) -> Answer<R>
    where
        R: Request<Response: Debug> + HeaderVersion,
    {
        self.ask(at, version, request).await
    }

    /// Who coordinates a group (0) or a transactional id (1), once it can.
    async fn coordinator(&mut self, kind: i8, id: &'static str) -> i32 {
        if let Some(found) = self.coordinators.get(&(kind, id)) {
            return *found;
        }
        let request = FindCoordinatorRequest::default()
            .with_key(StrBytes::from_static_str(id))
            .with_key_type(kind);
        let found = until("there is a coordinator", async || {
            let found = self.connection(1).await.ok()?.ask(3, &request).await;
            found
                .ok()
                .filter(|it| it.error_code == 0)
                .map(|it| it.node_id.0)
        })
        .await;
        self.coordinators.insert((kind, id), found);
        found
    }

    /// Learns the id of a topic, and waits until broker 1 knows a leader of each of its partitions.
    async fn learn(&mut self, topic: &str) {
        let request = MetadataRequest::default()
            .with_allow_auto_topic_creation(false)
            .with_topics(Some(vec![
                MetadataRequestTopic::default()
                    .with_name(Some(StrBytes::from(topic.to_owned()).into())),
            ]));
        let mut learnt = BTreeMap::new();
        for broker in 1..=BROKERS {
            let what = format!(
                "broker {broker} of {} knows {topic} and its leaders",
                self.name
            );
            until(&what, async || {
                let connection = self.connection(broker).await.ok()?;
                let metadata = connection.ask(12, &request).await.ok()?;
                let found = metadata.topics.first()?;
                let led = !found.partitions.is_empty()
                    && found.partitions.iter().all(|it| it.error_code == 0);
                learnt.insert(topic.to_owned(), found.topic_id);
                (found.error_code == 0 && led).then_some(())
            })
            .await;
        }
        self.topic_ids.append(&mut learnt);
    }

    /// The versions of `R` that it offers and the codec knows.
    fn versions<R: Request>(&self) -> (i16, i16) {
        let known = <R as Message>::VERSIONS;
        let (low, high) = self.offered.get(&R::KEY).copied().unwrap_or((0, -1));
        (low.max(known.min), high.min(known.max))
    }
}

impl Pair {
    pub async fn new(ours: Cluster, theirs: Cluster) -> Self {
        let (ours, theirs) = tokio::join!(Side::new("ours", ours), Side::new("theirs", theirs));
        Self {
            ours,
            theirs,
            outcomes: Vec::new(),
        }
    }

    /// Waits on both sides until a topic can be used, and learns its ids.
    pub async fn learn(&mut self, topic: &str) {
        tokio::join!(self.ours.learn(topic), self.theirs.learn(topic));
    }

    /// Waits until both have given a producer id to `id`: the original makes its topic for them when it is first
    /// asked, and loads each of its partitions.
    pub async fn wait_for_transactions(&mut self, id: &'static str) {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(StrBytes::from_static_str(id).into()))
            .with_transaction_timeout_ms(60_000);
        let untold = request.clone().with_transactional_id(None);
        let ready = async |side: &mut Side| {
            until("producer ids are given", async || {
                let answer = side.quietly(At::Broker(1), 2, &untold).await.ok()?;
                (answer.error_code == 0).then_some(())
            })
            .await;
            until("transactions are coordinated", async || {
                let at = At::Transaction(id);
                let answer = side.quietly(at, 2, &request).await.ok()?;
                (answer.error_code == 0).then_some(())
            })
            .await;
        };
        tokio::join!(ready(&mut self.ours), ready(&mut self.theirs));
    }

    /// Waits until both know who coordinates a group.
    pub async fn wait_for_group(&mut self, id: &'static str) {
        tokio::join!(self.ours.coordinator(0, id), self.theirs.coordinator(0, id));
    }

    /// Asks both the same in every version that both have and `request` can be said in.
    pub async fn ask<R>(
        &mut self,
        case: &str,
        at: At,
        request: impl Fn(&Side, i16) -> Option<R>,
    ) -> Vec<(Answer<R>, Answer<R>)>
    where
        R: Request<Response: Debug> + HeaderVersion,
    {
        let (ours, theirs) = (self.ours.versions::<R>(), self.theirs.versions::<R>());
        let mut answers = Vec::new();
        for version in ours.0.max(theirs.0)..=ours.1.min(theirs.1) {
            answers.extend(self.ask_in(case, at, version, &request).await);
        }
        answers
    }

    /// The same in one version.
    pub async fn ask_in<R>(
        &mut self,
        case: &str,
        at: At,
        version: i16,
        request: impl Fn(&Side, i16) -> Option<R>,
    ) -> Option<(Answer<R>, Answer<R>)>
    where
        R: Request<Response: Debug> + HeaderVersion,
    {
        self.ask_settled(case, at, version, request, |_| {}).await
    }

    /// The same where `settle` takes out of each answer what is its side's own.
    pub async fn ask_settled<R>(
        &mut self,
        case: &str,
        at: At,
        version: i16,
        request: impl Fn(&Side, i16) -> Option<R>,
        settle: impl Fn(&mut R::Response),
    ) -> Option<(Answer<R>, Answer<R>)>
    where
        R: Request<Response: Debug> + HeaderVersion,
    {
        let to_us = request(&self.ours, version)?;
        let to_them = request(&self.theirs, version)?;
        let (mut ours, mut theirs) = tokio::join!(
            self.ours.ask(at, version, &to_us),
            self.theirs.ask(at, version, &to_them)
        );
        for answer in [&mut ours, &mut theirs] {
            let _ = answer.as_mut().map(&settle);
        }
        let said = |answer: &Answer<R>| match answer {
            Ok(answer) => lines(answer),
            Err(why) => vec![format!("no answer: {why}")],
        };
        let (lines, fields) = difference(&said(&ours), &said(&theirs));
        self.outcomes.push(Outcome {
            case: case.to_owned(),
            version,
            lines,
            fields,
        });
        Some((ours, theirs))
    }

    /// Compares two files byte by byte.
    pub fn note_bytes(&mut self, case: &str, ours: &[u8], theirs: &[u8]) {
        let at = ours
            .iter()
            .zip(theirs)
            .position(|(one, other)| one != other);
        let lines = match at {
            None if ours.len() == theirs.len() => Vec::new(),
            at => vec![format!(
                "bytes: {} and {}, other from {} on",
                ours.len(),
                theirs.len(),
                at.unwrap_or_else(|| ours.len().min(theirs.len()))
            )],
        };
        let fields = lines.iter().map(|_| "bytes".to_owned()).collect();
        self.outcomes.push(Outcome {
            case: case.to_owned(),
            version: 0,
            lines,
            fields,
        });
    }
}
