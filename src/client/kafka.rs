//! One connection to a Kafka broker: typed requests, in versions both sides know.

use std::{any::Any, collections::BTreeMap, fmt::Debug, net::SocketAddr, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse, RequestHeader},
    protocol::{Decodable, Encodable, HeaderVersion, Message, Request, StrBytes},
};
use thiserror::Error;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, ToSocketAddrs},
    time::timeout,
};

use super::security::{SecurityError, Stream};
use super::software::Software;
use super::tap::{Line, Tap};
use wire::{
    ErrorCode,
    frame::{Frame, FrameError, FrameReader},
    message_shape::responses::Answered,
};

/// The largest answer that is read: twice Kafka's default for a whole fetch answer.
const RESPONSE_BYTES_MAX: usize = 112 * 1024 * 1024;

/// The length before each frame.
const LENGTH_BYTES: usize = 4;

/// Why a broker gave no answer. After any of these but [`KafkaError::Version`] the connection
/// is of no further use.
#[derive(Debug, Error)]
pub enum KafkaError {
    /// Nobody listens there, or the network failed.
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    /// No answer in time.
    #[error("no answer to {api:?} within {waited:?}")]
    Timeout { api: ApiKey, waited: Duration },
    /// The broker has no version of this API that we know.
    #[error("the broker does not offer {api:?} in a version we know")]
    Version { api: ApiKey },
    /// The broker closed the connection, as it does on requests it does not take.
    #[error("the broker closed the connection while {api:?} waited for its answer")]
    Closed { api: ApiKey },
    /// The answer is not what was asked for.
    #[error("the answer to {api:?} is not valid: {why}")]
    Malformed { api: ApiKey, why: String },
    /// The request has a field that its version does not have: a mistake of ours.
    #[error("{api:?} version {version} cannot be encoded: {why}")]
    Encode {
        api: ApiKey,
        version: i16,
        why: String,
    },
    /// An earlier request was given up before its answer came.
    #[error("the connection is out of step since a request was given up")]
    OutOfStep,
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It is not secured as the settings demand, or not as the broker does.
    #[error(transparent)]
    Security(#[from] SecurityError),
}

/// A connection that asks one request at a time.
#[derive(Debug)]
pub struct KafkaConnection {
    stream: Stream,
    frames: FrameReader,
    client_id: StrBytes,
    /// What the broker offers, by API key.
    versions: BTreeMap<i16, (i16, i16)>,
    software: Software,
    correlation_id: i32,
    /// Whether an answer is still to come: a request that was given up leaves this set.
    asking: bool,
    tap: Tap,
    /// Bytes of the last request, and of its answer once that is there.
    sizes: (usize, Option<usize>),
}

impl KafkaConnection {
    /// Connects and asks which versions the broker offers, all within `wait`.
    ///
    /// # Errors
    /// Nobody answered in time, or not in Kafka's protocol.
    pub async fn connect<A: ToSocketAddrs>(
        address: A,
        client_id: &str,
        wait: Duration,
    ) -> Result<Self, KafkaError> {
        let connect = async {
            let stream = Stream::Plain(open(address).await?);
            let mut connection = Self::new(stream, client_id, Tap::default());
            connection.negotiate(wait).await?;
            Ok(connection)
        };
        within(wait, connect).await
    }

    /// A connection on which nothing was asked yet.
    pub(super) fn new(stream: Stream, client_id: &str, tap: Tap) -> Self {
        Self {
            stream,
            frames: FrameReader::new(RESPONSE_BYTES_MAX),
            client_id: StrBytes::from(client_id.to_owned()),
            versions: BTreeMap::new(),
            software: Software::default(),
            correlation_id: 0,
            asking: false,
            tap,
            sizes: (0, None),
        }
    }

    /// The other end's address.
    ///
    /// # Errors
    /// The socket is gone.
    pub fn peer(&self) -> std::io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// What the broker told of its software.
    #[must_use]
    pub fn software(&self) -> &Software {
        &self.software
    }

    /// The highest version of `R` that the broker offers, the codec knows and `max` allows. Fields that
    /// are not in that version must keep their defaults.
    ///
    /// # Errors
    /// There is none.
    pub fn version<R: Request>(&self, max: i16) -> Result<i16, KafkaError> {
        let api = api_key::<R>();
        let (low, high) = self
            .versions
            .get(&R::KEY)
            .ok_or(KafkaError::Version { api })?;
        let known = <R as Message>::VERSIONS;
        let version = known.max.min(*high).min(max);
        if version >= known.min.max(*low) {
            Ok(version)
        } else {
            Err(KafkaError::Version { api })
        }
    }

    /// Asks in the highest version both sides know, and waits for the answer.
    ///
    /// # Errors
    /// There is no answer to be had on this connection.
    pub async fn ask<R>(&mut self, request: &R, wait: Duration) -> Result<R::Response, KafkaError>
    where
        R: Answered<Response: Debug + Any> + Debug + Any,
    {
        let version = self.version::<R>(i16::MAX)?;
        self.ask_in(version, request, wait).await
    }

    /// Asks in `version`, and waits for the answer.
    ///
    /// # Errors
    /// There is no answer to be had on this connection.
    pub async fn ask_in<R>(
        &mut self,
        version: i16,
        request: &R,
        wait: Duration,
    ) -> Result<R::Response, KafkaError>
    where
        R: Answered<Response: Debug + Any> + Debug + Any,
    {
        let api = api_key::<R>();
        let tap = self.tap.clone();
        let listening = tap.begin();
        let answer = timeout(wait, self.exchange(version, request))
            .await
            .unwrap_or(Err(KafkaError::Timeout { api, waited: wait }));
        if let Some(listening) = listening {
            let line = Line {
                address: self
                    .peer()
                    .map_or_else(|_| "gone".into(), |peer| peer.to_string()),
                api,
                version,
                correlation_id: self.correlation_id,
                request_bytes: self.sizes.0,
                answer_bytes: self.sizes.1,
            };
            listening.tell(line, request, &answer);
        }
        answer
    }

    /// Asks and waits for the answer, however long; no tap hears of it.
    pub(super) async fn exchange<R: Answered>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<R::Response, KafkaError> {
        if self.asking {
            return Err(KafkaError::OutOfStep);
        }
        let api = api_key::<R>();
        let mut frame = self.encode(version, request)?;
        self.sizes = (frame.remaining(), None);
        self.tap.count(api);
        self.asking = true;
        let write = async {
            self.stream.write_all_buf(&mut frame).await?;
            // TLS may keep the last bytes to itself.
            self.stream.flush().await
        };
        write.await.map_err(FrameError::from)?;
        let mut answer = self
            .frames
            .read(&mut self.stream)
            .await?
            .ok_or(KafkaError::Closed { api })?;
        self.asking = false;
        self.sizes.1 = Some(answer.len() + LENGTH_BYTES);
        let malformed = |why: String| KafkaError::Malformed { api, why };
        let correlation_id = answer
            .try_get_i32()
            .map_err(|error| malformed(error.to_string()))?;
        if correlation_id != self.correlation_id {
            return Err(malformed(format!(
                "correlation id {correlation_id} instead of {}",
                self.correlation_id
            )));
        }
        decode_answer::<R>(version, answer).map_err(malformed)
    }

    fn encode<R: Request>(&mut self, version: i16, request: &R) -> Result<Frame, KafkaError> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(self.client_id.clone()));
        let mut body = BytesMut::new();
        header
            .encode(&mut body, R::header_version(version))
            .and_then(|()| request.encode(&mut body, version))
            .map_err(|error| KafkaError::Encode {
                api: api_key::<R>(),
                version,
                why: error.to_string(),
            })?;
        Ok(Frame::new(vec![body.freeze()])?)
    }

    /// Asks for the offered versions as every client does: in a new version first, then in the oldest.
    pub(super) async fn negotiate(&mut self, wait: Duration) -> Result<(), KafkaError> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("kafkarium"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let mut response: ApiVersionsResponse = self.ask_in(3, &request, wait).await?;
        if response.error_code == ErrorCode::UnsupportedVersion.code() {
            response = self.ask_in(0, &ApiVersionsRequest::default(), wait).await?;
        }
        if response.error_code != 0 {
            return Err(KafkaError::Malformed {
                api: ApiKey::ApiVersions,
                why: ErrorCode::from_code(response.error_code).to_string(),
            });
        }
        self.software = Software::of(&response);
        self.versions = response
            .api_keys
            .iter()
            .map(|api| (api.api_key, (api.min_version, api.max_version)))
            .collect();
        Ok(())
    }
}

/// A socket there.
pub(super) async fn open<A: ToSocketAddrs>(address: A) -> Result<TcpStream, KafkaError> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(KafkaError::Connect)?;
    stream.set_nodelay(true).map_err(KafkaError::Connect)?;
    Ok(stream)
}

/// Connects, but not for longer than this.
pub(super) async fn within<T>(
    wait: Duration,
    connect: impl Future<Output = Result<T, KafkaError>>,
) -> Result<T, KafkaError> {
    let api = ApiKey::ApiVersions;
    let connected = timeout(wait, connect).await;
    connected.unwrap_or(Err(KafkaError::Timeout { api, waited: wait }))
}

fn api_key<R: Request>() -> ApiKey {
    ApiKey::try_from(R::KEY).expect("the codec lists the keys of its own requests")
}

fn decode_answer<R: Answered>(version: i16, mut answer: Bytes) -> Result<R::Response, String> {
    if R::Response::header_version(version) >= 1 {
        skip_tagged_fields(&mut answer).ok_or("a header cut short")?;
    }
    // The answer to an ApiVersions version that the broker does not know comes in version 0.
    let refused = R::KEY == ApiKey::ApiVersions as i16
        && answer.first_chunk() == Some(&ErrorCode::UnsupportedVersion.code().to_be_bytes());
    let version = if refused { 0 } else { version };
    let shape = R::ANSWER.check(version, &answer);
    shape.map_err(|error| error.to_string())?;
    R::Response::decode(&mut answer, version).map_err(|error| error.to_string())
}

fn skip_tagged_fields(answer: &mut Bytes) -> Option<()> {
    for _ in 0..varint(answer)? {
        varint(answer)?;
        let size = usize::try_from(varint(answer)?).ok()?;
        (size <= answer.len()).then(|| answer.advance(size))?;
    }
    Some(())
}

fn varint(answer: &mut Bytes) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = answer.try_get_u8().ok()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::{FetchRequest, MetadataRequest};
    use tokio::net::TcpListener;

    const WAIT: Duration = Duration::from_secs(30);

    /// ApiVersions 3: no error, Metadata 0 to 1, no throttle.
    const OFFERED: [u8; 15] = [0, 0, 2, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];

    /// An answer in a frame, whatever the request was.
    async fn answer(stream: &mut TcpStream, frames: &mut FrameReader, body: &[u8]) {
        let mut request = frames.read(stream).await.unwrap().expect("a request");
        request.advance(4);
        let mut frame = BytesMut::from(request.split_to(4).as_ref());
        frame.extend_from_slice(body);
        let mut frame = Frame::new(vec![frame.freeze()]).unwrap();
        stream.write_all_buf(&mut frame).await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_that_promises_more_than_it_holds_is_refused_by_our_sentence() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut frames = FrameReader::new(1024);
            answer(&mut stream, &mut frames, &OFFERED).await;
            // Metadata 1: two brokers where one is.
            let brokers = b"\0\0\0\x02\0\0\0\x01\0\x01h\0\0\x23\x84\xff\xff";
            answer(&mut stream, &mut frames, brokers).await;
        };
        let ask = async {
            let mut connection = KafkaConnection::connect(address, "test", WAIT).await?;
            connection.ask(&MetadataRequest::default(), WAIT).await
        };
        let ((), answer) = tokio::join!(peer, ask);
        let error = answer.expect_err("the second broker is not there");
        assert_eq!(
            error.to_string(),
            "the answer to Metadata is not valid: a field needs 4 bytes and 0 are left"
        );
    }

    /// A connection and its other end, which answered these to the first questions for versions.
    async fn connected(answers: &[&[u8]]) -> (KafkaConnection, TcpStream, FrameReader) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut frames = FrameReader::new(1024);
            for body in answers {
                answer(&mut stream, &mut frames, body).await;
            }
            (stream, frames)
        };
        let connecting = KafkaConnection::connect(address, "test", WAIT);
        let ((stream, frames), connection) = tokio::join!(peer, connecting);
        (connection.expect("it answered"), stream, frames)
    }

    #[tokio::test]
    async fn a_request_that_was_given_up_leaves_a_connection_that_says_so() {
        let (mut connection, _peer, _) = connected(&[&OFFERED]).await;
        let request = MetadataRequest::default();
        let silent = connection.ask(&request, Duration::ZERO).await;
        assert!(matches!(silent, Err(KafkaError::Timeout { .. })));
        let late = connection.ask(&request, WAIT).await;
        assert!(matches!(late, Err(KafkaError::OutOfStep)));
    }

    #[tokio::test]
    async fn a_broker_that_closes_instead_of_answering_is_told_of_with_the_request() {
        let (mut connection, mut peer, mut frames) = connected(&[&OFFERED]).await;
        let closing = async {
            frames.read(&mut peer).await.unwrap().expect("a request");
            drop(peer);
        };
        let request = MetadataRequest::default();
        let ((), closed) = tokio::join!(closing, connection.ask(&request, WAIT));
        let api = ApiKey::Metadata;
        assert!(matches!(closed, Err(KafkaError::Closed { api: closed }) if closed == api));
    }

    #[tokio::test]
    async fn an_answer_to_another_request_is_not_taken() {
        let (mut connection, mut peer, mut frames) = connected(&[&OFFERED]).await;
        let answering = async {
            frames.read(&mut peer).await.unwrap().expect("a request");
            peer.write_all(&[0, 0, 0, 4, 0, 0, 0, 99]).await.unwrap();
        };
        let request = MetadataRequest::default();
        let ((), foreign) = tokio::join!(answering, connection.ask(&request, WAIT));
        let why = foreign.expect_err("not ours").to_string();
        assert!(why.contains("correlation id 99 instead of"), "{why}");
    }

    #[tokio::test]
    async fn an_old_broker_is_asked_again_in_the_oldest_version() {
        let unsupported = [0, 35, 0, 0, 0, 0];
        let offered = [0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 1];
        let (connection, ..) = connected(&[&unsupported, &offered]).await;
        let version = connection.version::<MetadataRequest>(i16::MAX);
        assert_eq!(version.expect("it offers it"), 1);
        let missing = connection.version::<FetchRequest>(i16::MAX);
        assert!(matches!(missing, Err(KafkaError::Version { .. })));
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_told_as_that() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let nobody = KafkaConnection::connect(address, "test", WAIT).await;
        assert!(matches!(nobody, Err(KafkaError::Connect(_))));
    }
}
