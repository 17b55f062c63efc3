//! The codecs of record batches, with a bound on what comes out of them.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use super::BatchError;

/// Bytes that one batch may decompress to. Producers fill a batch to `batch.size` before they
/// compress it, so real ones stay far below; a few crafted kilobytes could otherwise fill the memory.
const DECOMPRESSED_BYTES_MAX: usize = 128 * 1024 * 1024;

/// How snappy-java frames blocks: its magic, version and lowest compatible version.
const SNAPPY_JAVA_HEADER: &[u8; 16] = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
/// The block size that snappy-java writes.
const SNAPPY_JAVA_BLOCK_BYTES: usize = 32 * 1024;

/// A codec by Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    /// The codec that the lowest three bits of a batch's attributes name.
    ///
    /// # Errors
    /// No codec has this number.
    pub fn from_id(id: i16) -> Result<Self, BatchError> {
        match id {
            0 => Ok(Self::None),
            1 => Ok(Self::Gzip),
            2 => Ok(Self::Snappy),
            3 => Ok(Self::Lz4),
            4 => Ok(Self::Zstd),
            other => Err(BatchError::Compression(other)),
        }
    }

    /// The number in a batch's attributes.
    #[must_use]
    pub fn id(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The codec that `compression.type` names; `None` for `producer` and unknown names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "uncompressed" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "snappy" => Some(Self::Snappy),
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// What `stored` holds; bytes that no codec touched are lent as they are.
    pub(super) fn decompress(self, stored: &[u8]) -> Result<Cow<'_, [u8]>, BatchError> {
        let bytes = match self {
            Self::None => return Ok(Cow::Borrowed(stored)),
            Self::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(stored)),
            Self::Snappy => read_snappy(stored),
            Self::Lz4 => lz4::Decoder::new(stored).and_then(read_bounded),
            Self::Zstd => zstd::stream::read::Decoder::new(stored).and_then(read_bounded),
        };
        bytes
            .map(Cow::Owned)
            .map_err(|error| BatchError::Decompress(error.to_string()))
    }

    /// `plain` under this codec.
    pub(super) fn compress(self, plain: &[u8]) -> Vec<u8> {
        let written = match self {
            Self::None => Ok(plain.to_vec()),
            Self::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Self::Snappy => write_snappy(plain),
            Self::Lz4 => lz4::EncoderBuilder::new()
                .block_mode(lz4::BlockMode::Independent)
                .build(Vec::new())
                .and_then(|mut encoder| {
                    encoder.write_all(plain)?;
                    let (bytes, finished) = encoder.finish();
                    finished.map(|()| bytes)
                }),
            Self::Zstd => zstd::stream::encode_all(plain, zstd::DEFAULT_COMPRESSION_LEVEL),
        };
        written.expect("encoders fail only where their sink does, and a vector takes everything")
    }
}

fn too_large() -> io::Error {
    io::Error::other(format!("more than {DECOMPRESSED_BYTES_MAX} bytes"))
}

/// Reads to the end, or refuses at the bound.
fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(DECOMPRESSED_BYTES_MAX).expect("a constant far below 2^64");
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > DECOMPRESSED_BYTES_MAX {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Snappy as Kafka knows it: snappy-java's framing, or one raw block as librdkafka may send.
fn read_snappy(stored: &[u8]) -> io::Result<Vec<u8>> {
    let Some(mut blocks) = stored.strip_prefix(SNAPPY_JAVA_HEADER.as_slice()) else {
        let mut bytes = Vec::new();
        read_snappy_block(stored, &mut bytes)?;
        return Ok(bytes);
    };
    let mut bytes = Vec::new();
    while let Some((length, rest)) = blocks.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((block, rest)) = rest.split_at_checked(length) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        read_snappy_block(block, &mut bytes)?;
        blocks = rest;
    }
    if blocks.is_empty() {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Appends one block. It says its own length; snappy cannot grow a byte more than about 22-fold,
/// so a length beyond that is a lie and nothing is allocated for it.
fn read_snappy_block(block: &[u8], bytes: &mut Vec<u8>) -> io::Result<()> {
    let length = snap::raw::decompress_len(block).map_err(io::Error::other)?;
    if length > block.len().saturating_mul(64) || bytes.len() + length > DECOMPRESSED_BYTES_MAX {
        return Err(too_large());
    }
    let decoded = snap::raw::Decoder::new()
        .decompress_vec(block)
        .map_err(io::Error::other)?;
    bytes.extend_from_slice(&decoded);
    Ok(())
}

fn write_snappy(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = SNAPPY_JAVA_HEADER.to_vec();
    let mut encoder = snap::raw::Encoder::new();
    for block in plain.chunks(SNAPPY_JAVA_BLOCK_BYTES) {
        let block = encoder.compress_vec(block).map_err(io::Error::other)?;
        let length = u32::try_from(block.len()).map_err(io::Error::other)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&block);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];

    #[test]
    fn every_codec_gives_back_what_it_took() {
        let plain: Vec<u8> = (0..100_000u32)
            .flat_map(|n| (n / 7).to_be_bytes())
            .collect();
        for codec in ALL {
            let stored = codec.compress(&plain);
            let back = codec.decompress(&stored).expect("own bytes");
            assert_eq!(back.as_ref(), plain.as_slice(), "{codec:?}");
            assert_eq!(Compression::from_id(codec.id()), Ok(codec));
        }
    }

    #[test]
    fn cut_or_flipped_bytes_are_an_error_or_bytes_but_never_a_panic() {
        let plain = vec![42u8; 5_000];
        for codec in ALL {
            let stored = codec.compress(&plain);
            for at in 0..stored.len() {
                let _ = codec.decompress(&stored[..at]);
                let mut flipped = stored.clone();
                flipped[at] ^= 0x55;
                let _ = codec.decompress(&flipped);
            }
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = Compression::Zstd.compress(&vec![0; DECOMPRESSED_BYTES_MAX + 1]);
        assert!(bomb.len() < 100_000);
        assert!(matches!(
            Compression::Zstd.decompress(&bomb),
            Err(BatchError::Decompress(_))
        ));
        let lie = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
        assert!(Compression::Snappy.decompress(&lie).is_err());
    }
}
