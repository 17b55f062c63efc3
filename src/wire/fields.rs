//! Kafka's primitive types in the classic (not compact) encoding, for the formats that are stored
//! or nested in requests: <https://kafka.apache.org/protocol#protocol_types>.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

/// Bytes that are not the format they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FieldError {
    /// A field reaches beyond the bytes that are left.
    #[error("a field of {wanted} bytes does not fit in the {left} that are left")]
    Short { wanted: usize, left: usize },
    /// A length is negative where null is not allowed, or an array has more entries than bytes.
    #[error("length {0} is not possible here")]
    Length(i32),
    /// A version that this reader does not know.
    #[error("version {0} is not known")]
    Version(i16),
}

/// Takes fields off the front of a buffer. Nothing is allocated before its length is checked
/// against the bytes that are left.
#[derive(Debug)]
pub struct FieldReader {
    rest: Bytes,
}

impl FieldReader {
    /// Reads from the front of `bytes`.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, wanted: usize) -> Result<Bytes, FieldError> {
        let left = self.rest.len();
        if wanted > left {
            return Err(FieldError::Short { wanted, left });
        }
        Ok(self.rest.split_to(wanted))
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], FieldError> {
        let mut out = [0; N];
        out.copy_from_slice(&self.take(N)?);
        Ok(out)
    }

    /// An INT8.
    ///
    /// # Errors
    /// No byte is left.
    pub fn i8(&mut self) -> Result<i8, FieldError> {
        self.array_of().map(i8::from_be_bytes)
    }

    /// An `UNSIGNED_VARINT`.
    ///
    /// # Errors
    /// Too few bytes are left, or they go beyond 32 bits.
    pub fn unsigned_varint(&mut self) -> Result<u32, FieldError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array_of()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(FieldError::Length(-1))
    }

    /// A `COMPACT_STRING`.
    ///
    /// # Errors
    /// Too few bytes are left, or the string is null.
    pub fn compact_string(&mut self) -> Result<String, FieldError> {
        self.compact_nullable_string()?
            .ok_or(FieldError::Length(-1))
    }

    /// A `COMPACT_NULLABLE_STRING`.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn compact_nullable_string(&mut self) -> Result<Option<String>, FieldError> {
        let Some(length) = self.compact_length()? else {
            return Ok(None);
        };
        let bytes = self.take(length)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// `COMPACT_BYTES`; null reads as empty.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn compact_bytes(&mut self) -> Result<Bytes, FieldError> {
        let length = self.compact_length()?.unwrap_or_default();
        self.take(length)
    }

    /// A UUID.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn uuid(&mut self) -> Result<[u8; 16], FieldError> {
        self.array_of()
    }

    /// The entries of a `COMPACT_ARRAY` (null reads as empty), each read by `entry`.
    ///
    /// # Errors
    /// The count is larger than the bytes that are left, or an entry fails to read.
    pub fn compact_array<T>(
        &mut self,
        entry: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        let entries = self.compact_nullable_array(entry)?;
        Ok(entries.unwrap_or_default())
    }

    /// As [`Self::compact_array`], where null means something else than empty.
    ///
    /// # Errors
    /// The count is larger than the bytes that are left, or an entry fails to read.
    pub fn compact_nullable_array<T>(
        &mut self,
        mut entry: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Option<Vec<T>>, FieldError> {
        let Some(entries) = self.compact_length()? else {
            return Ok(None);
        };
        if entries > self.rest.len() {
            let count = i32::try_from(entries).unwrap_or(i32::MAX);
            return Err(FieldError::Length(count));
        }
        (0..entries)
            .map(|_| entry(self))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Tagged fields, each taken by `field` with its tag and its bytes.
    ///
    /// # Errors
    /// Too few bytes are left, or a field fails to read.
    pub fn tagged(
        &mut self,
        mut field: impl FnMut(u32, &mut Self) -> Result<(), FieldError>,
    ) -> Result<(), FieldError> {
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()?;
            let value = self.take(usize::try_from(size).unwrap_or(usize::MAX))?;
            field(tag, &mut Self::new(value))?;
        }
        Ok(())
    }

    /// One less than what is written; `None` is null.
    fn compact_length(&mut self) -> Result<Option<usize>, FieldError> {
        let written = self.unsigned_varint()?;
        let length = written.checked_sub(1).map(usize::try_from);
        Ok(length.map(|length| length.unwrap_or(usize::MAX)))
    }

    /// An INT16.
    ///
    /// # Errors
    /// Too few bytes are left; the same holds for every method here.
    pub fn i16(&mut self) -> Result<i16, FieldError> {
        self.array_of().map(i16::from_be_bytes)
    }

    /// The version that a value begins with, which must be one of those up to `newest`.
    ///
    /// # Errors
    /// It is another, or too few bytes are left.
    pub fn version(&mut self, newest: i16) -> Result<i16, FieldError> {
        let version = self.i16()?;
        if (0..=newest).contains(&version) {
            Ok(version)
        } else {
            Err(FieldError::Version(version))
        }
    }

    /// An INT32.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn i32(&mut self) -> Result<i32, FieldError> {
        self.array_of().map(i32::from_be_bytes)
    }

    /// An INT64.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn i64(&mut self) -> Result<i64, FieldError> {
        self.array_of().map(i64::from_be_bytes)
    }

    /// A `NULLABLE_STRING`. What is not UTF-8 gets replacement characters, as in Kafka.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn nullable_string(&mut self) -> Result<Option<String>, FieldError> {
        let length = self.i16()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| FieldError::Length(i32::from(length)))?;
        let bytes = self.take(length)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// A STRING.
    ///
    /// # Errors
    /// Too few bytes are left, or the string is null.
    pub fn string(&mut self) -> Result<String, FieldError> {
        self.nullable_string()?.ok_or(FieldError::Length(-1))
    }

    /// `NULLABLE_BYTES`; null reads as empty.
    ///
    /// # Errors
    /// Too few bytes are left.
    pub fn bytes(&mut self) -> Result<Bytes, FieldError> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(Bytes::new());
        }
        self.take(usize::try_from(length).map_err(|_| FieldError::Length(length))?)
    }

    /// The entries of an ARRAY (null reads as empty), each read by `entry`.
    ///
    /// # Errors
    /// The count is larger than the bytes that are left, or an entry fails to read.
    pub fn array<T>(
        &mut self,
        mut entry: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        let count = self.i32()?;
        if count == -1 {
            return Ok(Vec::new());
        }
        let entries = usize::try_from(count).map_err(|_| FieldError::Length(count))?;
        if entries > self.rest.len() {
            return Err(FieldError::Length(count));
        }
        (0..entries).map(|_| entry(self)).collect()
    }
}

/// Appends a STRING. Kafka's strings end at 32,767 bytes; a longer one is cut at a character.
///
/// # Panics
/// Never: the text is cut to fit.
pub fn put_string(out: &mut BytesMut, text: &str) {
    let text = prefix_within(text, usize::from(i16::MAX.unsigned_abs()));
    out.put_i16(i16::try_from(text.len()).expect("cut to fit"));
    out.put_slice(text.as_bytes());
}

/// Appends a `NULLABLE_STRING`.
pub fn put_nullable_string(out: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_string(out, text),
        None => out.put_i16(-1),
    }
}

/// Appends BYTES.
///
/// # Panics
/// The value is larger than 2 GiB: no frame that is accepted holds so much.
pub fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_i32(i32::try_from(bytes.len()).expect("a frame is smaller than 2 GiB"));
    out.put_slice(bytes);
}

/// Appends an `UNSIGNED_VARINT`.
pub fn put_unsigned_varint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        out.put_u8(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    out.put_u8(low);
}

/// Appends the length of a `COMPACT_STRING` or `COMPACT_ARRAY`.
///
/// # Panics
/// There are more than 2 ^ 32 entries: no frame that is accepted holds so many.
pub fn put_compact_length(out: &mut BytesMut, length: usize) {
    let length = u32::try_from(length).expect("a frame is smaller than 2 GiB");
    put_unsigned_varint(out, length.saturating_add(1));
}

/// Appends a `COMPACT_STRING`.
pub fn put_compact_string(out: &mut BytesMut, text: &str) {
    put_compact_length(out, text.len());
    out.put_slice(text.as_bytes());
}

/// Appends a `COMPACT_NULLABLE_STRING`.
pub fn put_compact_nullable_string(out: &mut BytesMut, text: Option<&str>) {
    match text {
        Some(text) => put_compact_string(out, text),
        None => put_unsigned_varint(out, 0),
    }
}

/// The longest prefix of at most `most` bytes that ends at a character.
fn prefix_within(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};

    use super::{
        FieldError, FieldReader, put_bytes, put_compact_length, put_compact_nullable_string,
        put_compact_string, put_nullable_string, put_string, put_unsigned_varint,
    };

    #[test]
    fn compact_fields_read_back_as_written() {
        let mut out = BytesMut::new();
        put_compact_string(&mut out, &"käse".repeat(100));
        put_compact_nullable_string(&mut out, None);
        put_compact_length(&mut out, 2);
        out.put_i32(7);
        out.put_i32(8);
        put_unsigned_varint(&mut out, 2);
        out.put_slice(&[0, 2, 0, 9, 3, 1, 5]);
        put_unsigned_varint(&mut out, u32::MAX);
        let mut fields = FieldReader::new(out.freeze());
        assert_eq!(fields.compact_string(), Ok("käse".repeat(100)));
        assert_eq!(fields.compact_nullable_string(), Ok(None));
        assert_eq!(fields.compact_array(FieldReader::i32), Ok(vec![7, 8]));
        let mut tagged = Vec::new();
        let read = fields.tagged(|tag, field| {
            tagged.push((tag, field.rest.clone()));
            Ok(())
        });
        assert_eq!(read, Ok(()));
        let expected = [
            (0, Bytes::from_static(&[0, 9])),
            (3, Bytes::from_static(&[5])),
        ];
        assert_eq!(tagged, expected);
        assert_eq!(fields.unsigned_varint(), Ok(u32::MAX));
        assert_eq!(fields.i8(), Err(FieldError::Short { wanted: 1, left: 0 }));
    }

    #[test]
    fn fields_read_back_as_written() {
        let mut out = BytesMut::new();
        put_string(&mut out, "käse");
        put_nullable_string(&mut out, None);
        put_bytes(&mut out, b"abc");
        out.put_i32(2);
        out.put_i32(7);
        out.put_i32(8);
        let mut fields = FieldReader::new(out.freeze());
        assert_eq!(fields.string(), Ok("käse".to_owned()));
        assert_eq!(fields.nullable_string(), Ok(None));
        assert_eq!(fields.bytes().as_deref(), Ok(b"abc".as_slice()));
        assert_eq!(fields.array(FieldReader::i32), Ok(vec![7, 8]));
        assert_eq!(fields.i16(), Err(FieldError::Short { wanted: 2, left: 0 }));
        let mut latin = FieldReader::new(Bytes::from_static(b"\0\x04caf\xe9"));
        assert_eq!(latin.string(), Ok("caf\u{fffd}".to_owned()));
    }

    #[test]
    fn a_count_beyond_the_buffer_is_refused_before_it_allocates() {
        let mut out = BytesMut::new();
        out.put_i32(i32::MAX);
        let mut fields = FieldReader::new(out.freeze());
        assert_eq!(
            fields.array(FieldReader::i32),
            Err(FieldError::Length(i32::MAX))
        );
    }

    #[test]
    fn a_string_over_kafkas_limit_is_cut_at_a_character() {
        let mut out = BytesMut::new();
        put_string(&mut out, &"ä".repeat(20_000));
        let read = FieldReader::new(out.freeze()).string().expect("valid");
        assert_eq!(read.len(), 32_766);
    }
}
