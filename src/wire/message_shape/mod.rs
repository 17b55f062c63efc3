//! Walks a message's bytes before they are decoded, so that no count in them can ask for memory
//! that its bytes do not pay for.
//!
//! The codec reserves room for as many elements as an array's count says. A frame of thirty bytes
//! that announces two thousand million topics would end the process, whether a client sends it as
//! a request or a peer as its answer. The walk knows where the counts are ([`requests`],
//! [`responses`]), and lets a message through only if every element is really there.

pub mod requests;
pub mod responses;
mod rewrite;

use thiserror::Error;

/// Elements of all arrays of one message together. One takes about a hundred bytes once decoded:
/// the largest decoded message stays near 100 MB, and nobody names a million partitions at once.
const ELEMENTS_MAX: usize = 1_000_000;

/// In the place of a structure that is not there: the byte -1.
const ABSENT: u8 = 0xff;

/// Why a message's bytes are not what its API and version say.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShapeError {
    /// A field begins or reaches behind the end of the frame.
    #[error("a field needs {needed} bytes and {left} are left")]
    Short { needed: usize, left: usize },
    /// A length that no encoder writes.
    #[error("a length of {0}")]
    Length(i64),
    /// More elements than are taken in one message.
    #[error("more than {ELEMENTS_MAX} array elements")]
    Elements,
    /// A tagged field whose size is not that of its content.
    #[error("tagged field {tag} does not fill its {size} bytes")]
    Tagged { tag: u32, size: usize },
}

/// The shape of one request, or of one answer, in all its versions.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The first version with compact lengths and tagged fields.
    flexible_from: i16,
    fields: &'static [Field],
}

/// One field of a message or of a structure in it.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    since: i16,
    until: i16,
    /// Tagged fields stand at the end of their structure, behind their number and size.
    tag: Option<u32>,
    /// What a number is where a version does not have it; a text is empty, or null where this is -1.
    default: i64,
    kind: Kind,
}

const I8: Field = Field::fixed(1);
const I16: Field = Field::fixed(2);
const I32: Field = Field::fixed(4);
const I64: Field = Field::fixed(8);
const UUID: Field = Field::fixed(16);
const TEXT: Field = Field::text();
const BYTES: Field = Field::bytes();

#[derive(Debug, Clone, Copy)]
enum Kind {
    Fixed(usize),
    Text,
    Bytes,
    Structure(&'static [Field]),
    /// A structure behind a byte that says whether it is there.
    Optional(&'static [Field]),
    /// An array of plain values.
    Values(&'static Field),
    /// An array of structures.
    List(&'static [Field]),
}

impl Shape {
    const fn flexible_from(version: i16) -> Self {
        Self {
            flexible_from: version,
            fields: &[],
        }
    }

    const fn fields(self, fields: &'static [Field]) -> Self {
        Self { fields, ..self }
    }

    /// Whether `version` has compact lengths and tagged fields, also in its header.
    #[must_use]
    pub const fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_from
    }

    /// Walks a message's body. Bytes behind its end are none of its business, as in Kafka.
    ///
    /// # Errors
    /// The body is not of this shape: it must not be decoded.
    pub fn check(&self, version: i16, body: &[u8]) -> Result<(), ShapeError> {
        self.walk(version, body).map(drop)
    }

    /// Walks a message's body and returns how many bytes it has.
    fn walk(&self, version: i16, body: &[u8]) -> Result<usize, ShapeError> {
        let mut walk = self.begin(version, body);
        walk.structure(self.fields)?;
        Ok(body.len() - walk.rest.len())
    }

    fn begin<'a>(&self, version: i16, body: &'a [u8]) -> Walk<'a> {
        Walk {
            rest: body,
            version,
            flexible: self.is_flexible(version),
            elements: 0,
            is_utf8: true,
        }
    }
}

impl Field {
    const fn new(kind: Kind) -> Self {
        Self {
            since: 0,
            until: i16::MAX,
            tag: None,
            default: 0,
            kind,
        }
    }

    const fn fixed(size: usize) -> Self {
        Self::new(Kind::Fixed(size))
    }

    const fn text() -> Self {
        Self::new(Kind::Text)
    }

    const fn bytes() -> Self {
        Self::new(Kind::Bytes)
    }

    const fn since(self, version: i16) -> Self {
        Self {
            since: version,
            ..self
        }
    }

    const fn until(self, version: i16) -> Self {
        Self {
            until: version,
            ..self
        }
    }

    const fn tagged(self, tag: u32) -> Self {
        Self {
            tag: Some(tag),
            ..self
        }
    }

    const fn default(self, value: i64) -> Self {
        Self {
            default: value,
            ..self
        }
    }

    fn is_in(&self, version: i16) -> bool {
        (self.since..=self.until).contains(&version)
    }
}

const fn structure(fields: &'static [Field]) -> Field {
    Field::new(Kind::Structure(fields))
}

const fn optional(fields: &'static [Field]) -> Field {
    Field::new(Kind::Optional(fields))
}

const fn values(field: &'static Field) -> Field {
    Field::new(Kind::Values(field))
}

const fn list(fields: &'static [Field]) -> Field {
    Field::new(Kind::List(fields))
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
    /// Whether every string so far is one that the codec takes.
    is_utf8: bool,
}

impl<'a> Walk<'a> {
    fn structure(&mut self, fields: &'static [Field]) -> Result<(), ShapeError> {
        for field in fields {
            if field.tag.is_none() && field.is_in(self.version) {
                self.field(field)?;
            }
        }
        if self.flexible {
            self.tagged_fields(fields)?;
        }
        Ok(())
    }

    fn tagged_fields(&mut self, fields: &'static [Field]) -> Result<(), ShapeError> {
        for _ in 0..self.varint()? {
            self.count_element()?;
            let tag = self.varint()?;
            let size = self.varint()? as usize;
            let known = fields
                .iter()
                .find(|field| field.tag == Some(tag) && field.is_in(self.version));
            match known {
                // The codec reads a field it knows by its type, whatever the size says.
                Some(field) => {
                    let before = self.rest.len();
                    self.field(field)?;
                    if before - self.rest.len() != size {
                        return Err(ShapeError::Tagged { tag, size });
                    }
                }
                None => self.skip(size)?,
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &'static Field) -> Result<(), ShapeError> {
        match field.kind {
            Kind::Fixed(size) => self.skip(size),
            Kind::Text => {
                let text = self.text()?;
                self.is_utf8 &= text.is_none_or(|text| std::str::from_utf8(text).is_ok());
                Ok(())
            }
            Kind::Bytes => {
                let length = self.length()?;
                self.skip_length(length)
            }
            Kind::Structure(fields) => self.structure(fields),
            Kind::Optional(fields) => match self.take()? {
                [ABSENT] => Ok(()),
                _ => self.structure(fields),
            },
            Kind::Values(value) => {
                for _ in 0..self.length()? {
                    self.count_element()?;
                    self.field(value)?;
                }
                Ok(())
            }
            Kind::List(fields) => {
                for _ in 0..self.length()? {
                    self.count_element()?;
                    self.structure(fields)?;
                }
                Ok(())
            }
        }
    }

    /// The bytes of a string, or `None` for null.
    fn text(&mut self) -> Result<Option<&'a [u8]>, ShapeError> {
        let length = if self.flexible {
            self.compact_length()?
        } else {
            i64::from(i16::from_be_bytes(self.take()?))
        };
        match length {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| ShapeError::Length(length))?;
                self.bytes(length).map(Some)
            }
        }
    }

    /// The length of bytes or of an array; `-1` is null.
    fn length(&mut self) -> Result<i64, ShapeError> {
        let length = if self.flexible {
            self.compact_length()?
        } else {
            i64::from(i32::from_be_bytes(self.take()?))
        };
        if length < -1 {
            return Err(ShapeError::Length(length));
        }
        Ok(length)
    }

    fn compact_length(&mut self) -> Result<i64, ShapeError> {
        Ok(i64::from(self.varint()?) - 1)
    }

    /// An unsigned varint of at most five bytes, read exactly as the codec reads it.
    fn varint(&mut self) -> Result<u32, ShapeError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    fn count_element(&mut self) -> Result<(), ShapeError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(ShapeError::Elements);
        }
        Ok(())
    }

    fn skip_length(&mut self, length: i64) -> Result<(), ShapeError> {
        match length {
            -1 => Ok(()),
            length => self.skip(usize::try_from(length).map_err(|_| ShapeError::Length(length))?),
        }
    }

    fn skip(&mut self, size: usize) -> Result<(), ShapeError> {
        self.bytes(size).map(drop)
    }

    fn bytes(&mut self, size: usize) -> Result<&'a [u8], ShapeError> {
        let (bytes, rest) = self.rest.split_at_checked(size).ok_or(ShapeError::Short {
            needed: size,
            left: self.rest.len(),
        })?;
        self.rest = rest;
        Ok(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ShapeError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(ShapeError::Short {
            needed: N,
            left: self.rest.len(),
        })?;
        self.rest = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests;
