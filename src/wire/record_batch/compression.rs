//! The codecs of record batches, and compressing with them.

use std::borrow::Cow;
use std::io::{self, Write};

use super::{BatchError, Decompressor};

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
        if self == Self::None {
            return Ok(Cow::Borrowed(stored));
        }
        let mut decompressor = Decompressor::default();
        decompressor.decompress(self, stored)?;
        Ok(Cow::Owned(decompressor.into_bytes()))
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
}
