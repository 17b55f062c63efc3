//! Decompressing what a batch stores, as Kafka's own readers take it, into a buffer that is used again.
//!
//! What they refuse is refused here too: a batch that a broker lets in and no reader can open ends every
//! consumer of its partition.

use std::io::{self, Read};

use twox_hash::XxHash32;
use zstd::zstd_safe;

use super::{BatchError, Compression};

/// Bytes that one batch may decompress to. Producers fill a batch to `batch.size` before they
/// compress it, so real ones stay far below; a few crafted kilobytes could otherwise fill the memory.
pub(super) const DECOMPRESSED_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Bytes that a buffer keeps for the next batch: most are smaller, and each thread that appends has a buffer.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes that a gzip stream is asked for at once.
const GZIP_STEP_BYTES: usize = 32 * 1024;

/// How snappy-java frames blocks: its magic, and two version words behind it that its reader does not look at.
const SNAPPY_JAVA_MAGIC: &[u8; 8] = b"\x82SNAPPY\x00";
const SNAPPY_JAVA_HEADER_BYTES: usize = 16;

/// How an LZ4 frame begins.
const LZ4_MAGIC: u32 = 0x184D_2204;

/// How a Zstandard frame begins.
const ZSTD_MAGIC: u32 = 0xFD2F_B528;
/// The largest window that its readers take unless they are told otherwise.
const ZSTD_WINDOW_BYTES_MAX: u64 = 1 << 27;

/// What one batch after the other is decompressed with.
#[derive(Debug, Default)]
pub struct Decompressor {
    /// As long as it ever had to be, so that it is zeroed once.
    bytes: Vec<u8>,
    end: usize,
    zstd: Option<Zstd>,
}

/// A context of the Zstandard library, which is large.
struct Zstd(zstd_safe::DCtx<'static>);

impl std::fmt::Debug for Zstd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Zstd")
    }
}

/// Why a codec did not give its bytes back.
#[derive(Debug)]
enum Failure {
    TooLarge,
    Unreadable(String),
}

impl Decompressor {
    /// What `stored` holds under `codec`; bytes that no codec touched are lent as they are.
    ///
    /// # Errors
    /// The codec refuses the bytes, or yields more than a batch may hold.
    pub(super) fn decompress<'a>(
        &'a mut self,
        codec: Compression,
        stored: &'a [u8],
    ) -> Result<&'a [u8], BatchError> {
        if self.bytes.len() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
        self.end = 0;
        let read = match codec {
            Compression::None => return Ok(stored),
            Compression::Gzip => self.gzip(stored),
            Compression::Snappy => self.snappy(stored),
            Compression::Lz4 => self.lz4(stored),
            Compression::Zstd => self.zstd(stored),
        };
        read.map_err(|failure| match failure {
            Failure::TooLarge => BatchError::TooLarge {
                bytes_max: DECOMPRESSED_BYTES_MAX,
            },
            Failure::Unreadable(reason) => BatchError::Decompress(reason),
        })?;
        Ok(self.bytes.get(..self.end).unwrap_or_default())
    }

    /// The bytes of the last call, for keeps.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.truncate(self.end);
        self.bytes
    }

    /// Room for `wanted` more bytes.
    fn room(&mut self, wanted: usize) -> Result<&mut [u8], Failure> {
        let needed = self.end.saturating_add(wanted);
        if needed > DECOMPRESSED_BYTES_MAX {
            return Err(Failure::TooLarge);
        }
        if self.bytes.len() < needed {
            let doubled = (self.bytes.len() * 2).min(DECOMPRESSED_BYTES_MAX);
            self.bytes.resize(needed.max(doubled), 0);
        }
        Ok(self.bytes.get_mut(self.end..).unwrap_or_default())
    }

    /// One member after the other. What follows the last one and is none is passed over, as Java does.
    fn gzip(&mut self, stored: &[u8]) -> Result<(), Failure> {
        let mut left = stored;
        loop {
            let mut member = flate2::bufread::GzDecoder::new(left);
            loop {
                let step = GZIP_STEP_BYTES.min((DECOMPRESSED_BYTES_MAX - self.end).max(1));
                match member.read(self.room(step)?) {
                    Ok(0) => break,
                    Ok(read) => self.end += read,
                    Err(_) if member.header().is_none() && left.len() < stored.len() => {
                        return Ok(());
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            left = member.into_inner();
            if left.is_empty() {
                return Ok(());
            }
        }
    }

    /// Snappy-java's framing, or one raw block as librdkafka may send.
    fn snappy(&mut self, stored: &[u8]) -> Result<(), Failure> {
        if !is_snappy_java(stored) {
            return self.snappy_block(stored);
        }
        let mut left = stored;
        while let Some((length, rest)) = left.split_first_chunk::<4>() {
            // Streams may lie one behind the other, each with a header of its own.
            if is_snappy_java(left) {
                left = left.get(SNAPPY_JAVA_HEADER_BYTES..).unwrap_or_default();
                continue;
            }
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let block = rest.split_at_checked(length);
            let (block, rest) = block.ok_or_else(|| unreadable("a block longer than the batch"))?;
            self.snappy_block(block)?;
            left = rest;
        }
        Ok(())
    }

    /// One block. It says its own length; snappy cannot grow a byte more than about 22-fold,
    /// so a length beyond that is a lie and nothing is allocated for it.
    fn snappy_block(&mut self, block: &[u8]) -> Result<(), Failure> {
        let length = snap::raw::decompress_len(block).map_err(|it| unreadable(&it.to_string()))?;
        if block.is_empty() || length > block.len().saturating_mul(64) {
            return Err(unreadable("a length that its bytes cannot hold"));
        }
        let room = self.room(length)?;
        let room = room.get_mut(..length).unwrap_or_default();
        let decoded = snap::raw::Decoder::new().decompress(block, room);
        self.end += decoded.map_err(|it| unreadable(&it.to_string()))?;
        Ok(())
    }

    /// One frame of blocks that do not depend on each other. What follows it is not looked at.
    fn lz4(&mut self, stored: &[u8]) -> Result<(), Failure> {
        let (frame, mut left) = Lz4Frame::parse(stored)?;
        let start = self.end;
        loop {
            let word = take_u32(&mut left)?;
            if word == 0 {
                break;
            }
            let length = usize::try_from(word & 0x7FFF_FFFF).unwrap_or(usize::MAX);
            if length > frame.block_bytes_max {
                return Err(unreadable("a block above the frame's block size"));
            }
            let block = take(&mut left, length)?;
            if frame.has_block_checksums && take_u32(&mut left)? != xxh32(block) {
                return Err(unreadable("the checksum of a block is wrong"));
            }
            if word == u32::try_from(length).unwrap_or_default() {
                let most = frame.block_bytes_max;
                let most = most.min((DECOMPRESSED_BYTES_MAX - self.end).max(1));
                let room = self.room(most)?;
                let room = room.get_mut(..most).unwrap_or_default();
                let size = i32::try_from(most).unwrap_or(i32::MAX);
                self.end += lz4::block::decompress_to_buffer(block, Some(size), room)?;
            } else {
                let room = self.room(length)?;
                room.get_mut(..length)
                    .unwrap_or_default()
                    .copy_from_slice(block);
                self.end += length;
            }
        }
        if frame.has_content_checksum {
            let content = self.bytes.get(start..self.end).unwrap_or_default();
            if take_u32(&mut left)? != xxh32(content) {
                return Err(unreadable("the checksum of the content is wrong"));
            }
        }
        Ok(())
    }

    /// One frame after the other, to the last byte.
    fn zstd(&mut self, stored: &[u8]) -> Result<(), Failure> {
        let mut left = stored;
        while !left.is_empty() {
            let size = zstd_safe::find_frame_compressed_size(left).map_err(zstd_failure)?;
            let (frame, rest) = left.split_at_checked(size).ok_or_else(ends_early)?;
            if zstd_window_bytes(frame) > ZSTD_WINDOW_BYTES_MAX {
                return Err(unreadable("a window above what readers take"));
            }
            self.zstd_frame(frame)?;
            left = rest;
        }
        Ok(())
    }

    fn zstd_frame(&mut self, frame: &[u8]) -> Result<(), Failure> {
        let known = zstd_safe::get_frame_content_size(frame).ok().flatten();
        // Where the frame does not say it, a guess that is doubled as long as it is too small.
        let mut wanted = match known {
            Some(size) => usize::try_from(size).map_err(|_| Failure::TooLarge)?,
            None => frame.len().saturating_mul(8).max(GZIP_STEP_BYTES),
        };
        loop {
            let most = DECOMPRESSED_BYTES_MAX - self.end;
            let wanted_now = if known.is_some() {
                wanted
            } else {
                wanted.min(most)
            };
            self.room(wanted_now)?;
            let room = self.bytes.get_mut(self.end..).unwrap_or_default();
            let context = self
                .zstd
                .get_or_insert_with(|| Zstd(zstd_safe::DCtx::create()));
            match context.0.decompress(room, frame) {
                Ok(size) => {
                    self.end += size;
                    return Ok(());
                }
                Err(code) if is_zstd_room_too_small(code) && known.is_none() => {
                    let had = room.len();
                    if had >= most {
                        return Err(Failure::TooLarge);
                    }
                    wanted = had.saturating_mul(2);
                }
                Err(code) => return Err(zstd_failure(code)),
            }
        }
    }
}

/// The descriptor at the beginning of an LZ4 frame.
struct Lz4Frame {
    block_bytes_max: usize,
    has_block_checksums: bool,
    has_content_checksum: bool,
}

impl Lz4Frame {
    /// Reads it, and returns what follows. Kafka's readers take version 1, independent blocks and no dictionary.
    fn parse(stored: &[u8]) -> Result<(Self, &[u8]), Failure> {
        let mut left = stored;
        if take_u32(&mut left)? != LZ4_MAGIC {
            return Err(unreadable("no LZ4 frame"));
        }
        let descriptor = left;
        let flags = take_byte(&mut left)?;
        let block_size = take_byte(&mut left)?;
        let has = |bit: u8| flags & bit != 0;
        if has(0x08) {
            take(&mut left, 8)?;
        }
        let checked = descriptor.len() - left.len();
        let checksum = take_byte(&mut left)?;
        if flags >> 6 != 1 || has(0x03) || block_size & 0x8F != 0 {
            return Err(unreadable("another version of LZ4 frames, or a dictionary"));
        }
        if !has(0x20) {
            return Err(unreadable("LZ4 blocks that depend on each other"));
        }
        let block_bytes_max = match block_size >> 4 {
            4 => 64 * 1024,
            5 => 256 * 1024,
            6 => 1024 * 1024,
            7 => 4 * 1024 * 1024,
            _ => return Err(unreadable("an LZ4 block size that does not exist")),
        };
        let [_, _, computed, _] =
            xxh32(descriptor.get(..checked).unwrap_or_default()).to_be_bytes();
        if checksum != computed {
            return Err(unreadable("the checksum of the LZ4 frame's head is wrong"));
        }
        let frame = Self {
            block_bytes_max,
            has_block_checksums: has(0x10),
            has_content_checksum: has(0x04),
        };
        Ok((frame, left))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        unreadable(&error.to_string())
    }
}

fn unreadable(reason: &str) -> Failure {
    Failure::Unreadable(reason.to_owned())
}

fn ends_early() -> Failure {
    unreadable("the bytes end too early")
}

fn zstd_failure(code: zstd_safe::ErrorCode) -> Failure {
    unreadable(zstd_safe::get_error_name(code))
}

/// Whether the library asks for more room. Its codes are its enum's numbers below zero.
fn is_zstd_room_too_small(code: zstd_safe::ErrorCode) -> bool {
    let too_small = zstd_safe::zstd_sys::ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall as usize;
    code == 0_usize.wrapping_sub(too_small)
}

/// How far back a frame refers; 0 where it is held as a whole, or is to be skipped.
fn zstd_window_bytes(frame: &[u8]) -> u64 {
    const SINGLE_SEGMENT: u8 = 0x20;
    let Some(&[a, b, c, d, flags, window]) = frame.first_chunk::<6>() else {
        return 0;
    };
    if u32::from_le_bytes([a, b, c, d]) != ZSTD_MAGIC || flags & SINGLE_SEGMENT != 0 {
        return 0;
    }
    let base = 1u64 << (10 + (window >> 3));
    base + base / 8 * u64::from(window & 7)
}

fn is_snappy_java(bytes: &[u8]) -> bool {
    bytes.len() >= SNAPPY_JAVA_HEADER_BYTES && bytes.starts_with(SNAPPY_JAVA_MAGIC)
}

fn xxh32(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Failure> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(ends_early)?;
    *bytes = rest;
    Ok(taken)
}

fn take_byte(bytes: &mut &[u8]) -> Result<u8, Failure> {
    let (first, rest) = bytes.split_first().ok_or_else(ends_early)?;
    *bytes = rest;
    Ok(*first)
}

fn take_u32(bytes: &mut &[u8]) -> Result<u32, Failure> {
    let (word, rest) = bytes.split_first_chunk::<4>().ok_or_else(ends_early)?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out, with what was in the buffer before.
    fn read(codec: Compression, stored: &[u8]) -> Result<Vec<u8>, BatchError> {
        let mut decompressor = Decompressor::default();
        let before = Compression::Gzip.compress(&[7; 100]);
        decompressor
            .decompress(Compression::Gzip, &before)
            .expect("own bytes");
        decompressor.decompress(codec, stored).map(<[u8]>::to_vec)
    }

    #[track_caller]
    fn refuses(codec: Compression, stored: &[u8]) {
        let outcome = read(codec, stored);
        assert!(
            matches!(outcome, Err(BatchError::Decompress(_))),
            "{outcome:?}"
        );
    }

    const PLAIN: &[u8] = b"records, records, records, and records";

    #[test]
    fn gzip_is_read_as_java_reads_it() {
        let one = Compression::Gzip.compress(PLAIN);
        let twice = [one.as_slice(), &one].concat();
        assert_eq!(read(Compression::Gzip, &twice), Ok([PLAIN, PLAIN].concat()));
        for behind in [&[0][..], b"junkjunkjunkjunkjunkjunk"] {
            let stored = [one.as_slice(), behind].concat();
            assert_eq!(read(Compression::Gzip, &stored), Ok(PLAIN.to_vec()));
        }
        refuses(Compression::Gzip, b"");
        refuses(Compression::Gzip, PLAIN);
        for cut in 1..one.len() {
            refuses(Compression::Gzip, &one[..cut]);
        }
        let mut wrong_checksum = one.clone();
        let at = one.len() - 8;
        wrong_checksum[at] ^= 1;
        refuses(Compression::Gzip, &wrong_checksum);
    }

    #[test]
    fn snappy_is_read_whatever_version_its_frame_says() {
        let framed = Compression::Snappy.compress(PLAIN);
        let blocks = &framed[16..];
        let versions: [[u8; 8]; 5] = [
            [0, 0, 0, 1, 0, 0, 0, 1],
            // Little-endian, as some writers have it.
            [1, 0, 0, 0, 1, 0, 0, 0],
            [1, 0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 7, 0, 0, 0, 7],
            [0xff; 8],
        ];
        for version in versions {
            let stored = [b"\x82SNAPPY\x00", &version[..], blocks].concat();
            assert_eq!(read(Compression::Snappy, &stored), Ok(PLAIN.to_vec()));
        }
        let raw = &blocks[4..];
        assert_eq!(read(Compression::Snappy, raw), Ok(PLAIN.to_vec()));
        let twice = [framed.as_slice(), &framed].concat();
        assert_eq!(
            read(Compression::Snappy, &twice),
            Ok([PLAIN, PLAIN].concat())
        );
        let with_tail = [framed.as_slice(), &[0]].concat();
        assert_eq!(read(Compression::Snappy, &with_tail), Ok(PLAIN.to_vec()));
        refuses(Compression::Snappy, b"");
        refuses(Compression::Snappy, &[raw, &[0]].concat());
        refuses(Compression::Snappy, &[framed.as_slice(), &[0; 4]].concat());
        refuses(Compression::Snappy, &framed[..framed.len() - 1]);
        refuses(Compression::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    }

    /// One frame, its content not compressed, with a head of these flags.
    fn lz4_frame(flags: u8, block_size: u8) -> Vec<u8> {
        let mut frame = LZ4_MAGIC.to_le_bytes().to_vec();
        let descriptor = [flags, block_size];
        frame.extend_from_slice(&descriptor);
        frame.push(xxh32(&descriptor).to_be_bytes()[2]);
        let length = u32::try_from(PLAIN.len()).expect("small") | 0x8000_0000;
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(PLAIN);
        if flags & 0x10 != 0 {
            frame.extend_from_slice(&xxh32(PLAIN).to_le_bytes());
        }
        frame.extend_from_slice(&[0; 4]);
        if flags & 0x04 != 0 {
            frame.extend_from_slice(&xxh32(PLAIN).to_le_bytes());
        }
        frame
    }

    #[test]
    fn lz4_is_one_frame_of_independent_blocks() {
        for (flags, block_size) in [
            (0x60, 0x40),
            (0x60, 0x70),
            (0x64, 0x50),
            (0x70, 0x60),
            (0x74, 0x40),
        ] {
            let frame = lz4_frame(flags, block_size);
            assert_eq!(read(Compression::Lz4, &frame), Ok(PLAIN.to_vec()));
            let followed = [frame.as_slice(), b"anything"].concat();
            assert_eq!(read(Compression::Lz4, &followed), Ok(PLAIN.to_vec()));
            for cut in 0..frame.len() {
                refuses(Compression::Lz4, &frame[..cut]);
            }
        }
        for (flags, block_size) in [
            (0x40, 0x40),
            (0x61, 0x40),
            (0x20, 0x40),
            (0x60, 0x30),
            (0x60, 0x41),
        ] {
            refuses(Compression::Lz4, &lz4_frame(flags, block_size));
        }
        let frame = lz4_frame(0x74, 0x40);
        for at in [6, 15, frame.len() - 1] {
            let mut flipped = frame.clone();
            flipped[at] ^= 1;
            refuses(Compression::Lz4, &flipped);
        }
    }

    #[test]
    fn zstd_is_frames_to_the_last_byte() {
        let one = Compression::Zstd.compress(PLAIN);
        let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0abcd".as_slice();
        for stored in [[skipped, &one].concat(), [&one, skipped].concat()] {
            assert_eq!(read(Compression::Zstd, &stored), Ok(PLAIN.to_vec()));
        }
        let twice = [one.as_slice(), &one].concat();
        assert_eq!(read(Compression::Zstd, &twice), Ok([PLAIN, PLAIN].concat()));
        refuses(Compression::Zstd, &[one.as_slice(), &[0]].concat());
        for cut in 1..one.len() {
            refuses(Compression::Zstd, &one[..cut]);
        }
        // A frame of one raw byte that could be 2^31 long.
        let window = |exponent: u8| {
            [
                &ZSTD_MAGIC.to_le_bytes()[..],
                &[0, exponent << 3, 0x09, 0, 0, b'a'],
            ]
            .concat()
        };
        assert_eq!(read(Compression::Zstd, &window(17)), Ok(b"a".to_vec()));
        refuses(Compression::Zstd, &window(18));
    }

    #[test]
    fn a_bomb_is_refused_and_leaves_no_large_buffer() {
        let plain = vec![0; DECOMPRESSED_BYTES_MAX - 1];
        let mut decompressor = Decompressor::default();
        for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
            let bomb = codec.compress(&plain);
            let whole = decompressor.decompress(codec, &bomb).map(<[u8]>::len);
            assert_eq!(whole, Ok(plain.len()), "{codec:?}");
        }
        let more = vec![0; DECOMPRESSED_BYTES_MAX + 1];
        for codec in [
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ] {
            let bomb = codec.compress(&more);
            assert!(
                matches!(
                    decompressor.decompress(codec, &bomb),
                    Err(BatchError::TooLarge { .. })
                ),
                "{codec:?}"
            );
        }
        // Frames that do not say how much they hold, as Java writes them.
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("an encoder");
        std::io::Write::write_all(&mut encoder, &more).expect("a vector takes everything");
        let bomb = encoder.finish().expect("a vector takes everything");
        let outcome = decompressor.decompress(Compression::Zstd, &bomb);
        assert!(matches!(outcome, Err(BatchError::TooLarge { .. })));
        let small = Compression::Zstd.compress(PLAIN);
        assert_eq!(
            decompressor.decompress(Compression::Zstd, &small),
            Ok(PLAIN)
        );
        assert!(decompressor.bytes.len() <= KEPT_BYTES_MAX);
    }
}
