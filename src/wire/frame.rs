//! Kafka's frames: four bytes of length, then a request or a response.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Room to read into for a connection that sends small requests.
const BUFFER_BYTES: usize = 8 * 1024;

/// What is reserved at once for a large frame: a peer that announces more has to send it first.
const RESERVE_BYTES_MAX: usize = 1024 * 1024;

/// The bytes in front of a frame.
pub const LENGTH_BYTES: usize = 4;

/// A response's correlation id and an empty list of tagged fields.
const HEADER_BYTES_MAX: usize = 5;

/// Why no further frame can be read from, or written to, a connection.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The peer announces a frame that is not taken.
    #[error("a frame of {announced} bytes, with {max} as the limit")]
    Length { announced: i32, max: usize },
    /// The peer closed in the middle of a frame.
    #[error("the connection closed inside a frame of {announced} bytes after {received}")]
    Cut { announced: usize, received: usize },
    /// A request without a whole header.
    #[error("a request header cut short")]
    Header,
    /// Our own answer does not fit its version.
    #[error("an answer that cannot be encoded in version {version}: {why}")]
    Encode { version: i16, why: String },
    /// Our own frame is longer than its length can say.
    #[error("a frame of {size} bytes")]
    TooLong { size: usize },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reads frames from a stream. It may be dropped between polls without losing bytes.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    frame_bytes_max: usize,
}

impl FrameReader {
    /// A reader that refuses frames of more than `frame_bytes_max`.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            frame_bytes_max,
        }
    }

    /// The length of the next frame, as soon as the peer has announced it, or `None` when the peer closed between two
    /// frames. Nothing of the frame is taken.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub async fn announced<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> Result<Option<usize>, FrameError> {
        loop {
            if let Some(length) = self.length()? {
                return Ok(Some(length));
            }
            self.buffer.reserve(BUFFER_BYTES / 2);
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return self.closed(0).map(|()| None);
            }
        }
    }

    /// Whether a peer may close here.
    fn closed(&self, announced: usize) -> Result<(), FrameError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        Err(FrameError::Cut {
            announced,
            received: self.buffer.len().saturating_sub(LENGTH_BYTES),
        })
    }

    /// The next frame without its length, or `None` when the peer closed between two frames.
    ///
    /// # Errors
    /// The stream failed, or what came is not a frame: nothing more can be read.
    pub async fn read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> Result<Option<Bytes>, FrameError> {
        loop {
            let length = self.length()?;
            let wanted = LENGTH_BYTES + length.unwrap_or(0);
            if length.is_some() && self.buffer.len() >= wanted {
                let mut frame = self.buffer.split_to(wanted);
                frame.advance(LENGTH_BYTES);
                return Ok(Some(frame.freeze()));
            }
            if self.buffer.capacity() - self.buffer.len() < BUFFER_BYTES / 2 {
                let missing = wanted - self.buffer.len().min(wanted);
                self.buffer
                    .reserve(missing.clamp(BUFFER_BYTES, RESERVE_BYTES_MAX));
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return self.closed(length.unwrap_or(0)).map(|()| None);
            }
        }
    }

    fn length(&self) -> Result<Option<usize>, FrameError> {
        let Some(bytes) = self.buffer.first_chunk() else {
            return Ok(None);
        };
        let announced = i32::from_be_bytes(*bytes);
        usize::try_from(announced)
            .ok()
            .filter(|length| *length <= self.frame_bytes_max)
            .map(Some)
            .ok_or(FrameError::Length {
                announced,
                max: self.frame_bytes_max,
            })
    }
}

/// What stands in front of every request, in all versions of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    pub api_key: i16,
    pub api_version: i16,
    pub correlation_id: i32,
}

impl RequestHead {
    /// Takes the fixed part off a request.
    ///
    /// # Errors
    /// The frame is shorter than that.
    pub fn read(frame: &mut Bytes) -> Result<Self, FrameError> {
        let mut read = || -> Option<Self> {
            Some(Self {
                api_key: frame.try_get_i16().ok()?,
                api_version: frame.try_get_i16().ok()?,
                correlation_id: frame.try_get_i32().ok()?,
            })
        };
        read().ok_or(FrameError::Header)
    }
}

/// Takes the rest of the header off a request: the client id and, if `flexible`, the tagged fields,
/// of which Kafka has none yet. A client id that is not UTF-8 gets replacement characters, as in Kafka.
///
/// # Errors
/// It is cut short.
pub fn read_client_id(frame: &mut Bytes, flexible: bool) -> Result<Option<StrBytes>, FrameError> {
    let length = frame.try_get_i16().map_err(|_| FrameError::Header)?;
    let client_id = match usize::try_from(length) {
        Ok(length) if length <= frame.len() => {
            let bytes = frame.split_to(length);
            let text = StrBytes::from_utf8(bytes.clone());
            let lossy = |_| StrBytes::from_string(String::from_utf8_lossy(&bytes).into_owned());
            Some(text.unwrap_or_else(lossy))
        }
        Err(_) if length == -1 => None,
        _ => return Err(FrameError::Header),
    };
    if flexible {
        for _ in 0..read_varint(frame)? {
            let _tag = read_varint(frame)?;
            let size = read_varint(frame)? as usize;
            if size > frame.len() {
                return Err(FrameError::Header);
            }
            frame.advance(size);
        }
    }
    Ok(client_id)
}

fn read_varint(frame: &mut Bytes) -> Result<u32, FrameError> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = frame.try_get_u8().map_err(|_| FrameError::Header)?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Ok(value)
}

/// A whole frame in parts that lie apart in memory, so that records are not copied to stand behind
/// their headers.
#[derive(Debug, Default)]
pub struct Frame {
    /// None of them is empty.
    parts: VecDeque<Bytes>,
}

impl Frame {
    /// A frame of `body`, with the length in front of it.
    ///
    /// # Errors
    /// It is longer than a length can say.
    pub fn new(body: Vec<Bytes>) -> Result<Self, FrameError> {
        let size = body.iter().map(Bytes::len).sum();
        let mut head = BytesMut::with_capacity(LENGTH_BYTES);
        head.put_i32(frame_length(size)?);
        let mut parts = VecDeque::with_capacity(body.len() + 1);
        parts.push_back(head.freeze());
        parts.extend(body.into_iter().filter(|part| !part.is_empty()));
        Ok(Self { parts })
    }
}

impl Buf for Frame {
    fn remaining(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&[], Bytes::as_ref)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(&self.parts) {
            *slice = IoSlice::new(part);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(part) = self.parts.front_mut()
            && count > 0
        {
            let step = count.min(part.len());
            part.advance(step);
            count -= step;
            if part.is_empty() {
                self.parts.pop_front();
            }
        }
    }
}

/// A whole response frame, length included.
///
/// # Errors
/// A field of `response` is not in this version.
pub fn encode_response<R: Encodable + HeaderVersion>(
    correlation_id: i32,
    version: i16,
    response: &R,
) -> Result<Frame, FrameError> {
    let failed = |why: String| FrameError::Encode { version, why };
    let size = response
        .compute_size(version)
        .map_err(|error| failed(error.to_string()))?;
    let mut body = begin_response(correlation_id, R::header_version(version) >= 1, size);
    response
        .encode(&mut body, version)
        .map_err(|error| failed(error.to_string()))?;
    Frame::new(vec![body.freeze()])
}

/// The header of a response, with room for `body_bytes` behind it.
#[must_use]
pub fn begin_response(correlation_id: i32, flexible: bool, body_bytes: usize) -> BytesMut {
    let mut body = BytesMut::with_capacity(HEADER_BYTES_MAX + body_bytes);
    body.put_i32(correlation_id);
    if flexible {
        body.put_u8(0);
    }
    body
}

fn frame_length(size: usize) -> Result<i32, FrameError> {
    i32::try_from(size).map_err(|_| FrameError::TooLong { size })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use bytes::Buf;

    use super::{Frame, FrameError, FrameReader, RequestHead, read_client_id};

    #[tokio::test]
    async fn frames_come_out_one_by_one() {
        let mut stream: &[u8] = &[0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 9];
        let mut reader = FrameReader::new(10);
        for expected in [&[7, 8][..], &[], &[9]] {
            let frame = reader.read(&mut stream).await.expect("a frame");
            assert_eq!(frame.as_deref(), Some(expected));
        }
        assert_eq!(reader.read(&mut stream).await.expect("the end"), None);
    }

    #[tokio::test]
    async fn a_frame_over_the_limit_or_cut_ends_the_stream() {
        for (bytes, limit) in [
            (&[0, 0, 0, 11][..], true),
            (&[0xff, 0xff, 0xff, 0xff], true),
            (b"GET / HTTP/1.1\r\n\r\n", true),
            (&[0, 0, 0, 5, 1], false),
        ] {
            let mut stream = bytes;
            match FrameReader::new(10).read(&mut stream).await {
                Err(FrameError::Length { .. }) => assert!(limit),
                Err(FrameError::Cut { .. }) => assert!(!limit),
                other => unreachable!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_parts_of_a_frame_are_written_one_after_the_other() {
        let parts = [&b"ab"[..], b"", b"cde"].map(Bytes::from_static);
        let mut frame = Frame::new(parts.to_vec()).expect("short");
        assert_eq!(frame.remaining(), 9);
        frame.advance(5);
        assert_eq!(frame.chunk(), b"b");
        assert_eq!(frame.copy_to_bytes(4).as_ref(), b"bcde");
        assert!(!frame.has_remaining());
    }

    #[test]
    fn a_header_is_read_or_refused() {
        let mut frame = Bytes::from_static(&[0, 3, 0, 9, 0, 0, 0, 5, 0, 1, b'c', 1, 4, 1, 0, 42]);
        let head = RequestHead::read(&mut frame).expect("a head");
        assert_eq!(
            (head.api_key, head.api_version, head.correlation_id),
            (3, 9, 5)
        );
        let client_id = read_client_id(&mut frame, true).expect("a client id");
        assert_eq!(client_id.as_deref(), Some("c"));
        assert_eq!(frame.as_ref(), [42]);

        let mut latin = Bytes::from_static(b"\0\x04caf\xe9");
        let client_id = read_client_id(&mut latin, false).expect("a client id");
        assert_eq!(client_id.as_deref(), Some("caf\u{fffd}"));

        assert!(RequestHead::read(&mut Bytes::from_static(&[0, 3])).is_err());
        for wrong in [&[0, 9, b'c'][..], &[0xff, 0xfe], &[0xff, 0xff, 1, 1, 9]] {
            assert!(read_client_id(&mut Bytes::copy_from_slice(wrong), true).is_err());
        }
    }
}
