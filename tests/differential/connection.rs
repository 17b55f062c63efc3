//! Kafka's frames by the codec alone, without anything of the product's client.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::{
    messages::{RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long one answer may take. A JVM that has just started takes seconds.
const WAIT: Duration = Duration::from_secs(60);

pub struct Connection {
    stream: TcpStream,
    asked: i32,
}

impl Connection {
    pub async fn to(address: &str) -> Result<Self, String> {
        let connect = async {
            let stream = TcpStream::connect(address).await?;
            // Or each question waits for the acknowledgement of its length.
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connect
            .await
            .map_err(|error: std::io::Error| error.to_string())?;
        Ok(Self { stream, asked: 0 })
    }

    /// The answer, or what came instead; the connection is of no use after that.
    pub async fn ask<R: Request + HeaderVersion>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<R::Response, String> {
        self.asked += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_static_str("differential")));
        let mut body = BytesMut::new();
        header
            .encode(&mut body, R::header_version(version))
            .and_then(|()| request.encode(&mut body, version))
            .unwrap_or_else(|why| panic!("API {} version {version}: {why}", R::KEY));
        let exchanged = timeout(WAIT, self.exchange(&body)).await;
        let mut answer = exchanged
            .map_err(|_| "no answer in time".to_owned())?
            .map_err(|error| error.kind().to_string())?;
        ResponseHeader::decode(&mut answer, R::Response::header_version(version))
            .and_then(|_| R::Response::decode(&mut answer, version))
            .map_err(|error| format!("not to be decoded: {error}"))
            .and_then(|decoded| {
                let left = answer.remaining();
                (left == 0)
                    .then_some(decoded)
                    .ok_or_else(|| format!("{left} bytes more than its version has"))
            })
    }

    async fn exchange(&mut self, body: &[u8]) -> std::io::Result<Bytes> {
        let length = u32::try_from(body.len()).expect("a short request");
        self.stream.write_u32(length).await?;
        self.stream.write_all(body).await?;
        let length = self.stream.read_u32().await?;
        let mut answer = vec![0; usize::try_from(length).expect("32 bits")];
        self.stream.read_exact(&mut answer).await?;
        Ok(Bytes::from(answer))
    }
}
