//! Writes a message anew where the codec cannot read it as it came, or write it as it is to go: in a version that is older
//! than the codec's first one or newer than its last, or with strings that are not UTF-8. Kafka reads them all.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};

use super::{ABSENT, Field, Kind, Shape, ShapeError, Walk};
use crate::fields::put_string;

impl Shape {
    /// A message of `version` as the codec reads it in version `to`. Fields that `to` does not have are left out, those
    /// that only `to` has get their defaults. Strings that are not UTF-8 get replacement characters, as in Kafka. Bytes
    /// that need no change are the same ones.
    ///
    /// # Errors
    /// The body is not of this shape: it must not be decoded.
    pub fn rewrite(&self, version: i16, to: i16, body: Bytes) -> Result<Bytes, ShapeError> {
        let mut walk = self.begin(version, &body);
        walk.structure(self.fields)?;
        if version == to && walk.is_utf8 {
            return Ok(body);
        }
        let mut rewriter = Rewriter {
            walk: self.begin(version, &body),
            to,
            to_flexible: self.is_flexible(to),
            out: BytesMut::with_capacity(body.len()),
        };
        rewriter.structure(self.fields)?;
        Ok(rewriter.out.freeze())
    }
}

struct Rewriter<'a> {
    walk: Walk<'a>,
    to: i16,
    to_flexible: bool,
    out: BytesMut,
}

impl Rewriter<'_> {
    fn structure(&mut self, fields: &'static [Field]) -> Result<(), ShapeError> {
        for field in fields.iter().filter(|field| field.tag.is_none()) {
            match (field.is_in(self.walk.version), field.is_in(self.to)) {
                (true, true) => self.field(field)?,
                (true, false) => self.walk.field(field)?,
                (false, true) => self.default(field),
                (false, false) => {}
            }
        }
        match (self.walk.flexible, self.to_flexible) {
            (true, true) => self.tagged_fields(fields)?,
            (true, false) => self.walk.tagged_fields(fields)?,
            (false, true) => self.varint(0),
            (false, false) => {}
        }
        Ok(())
    }

    fn tagged_fields(&mut self, fields: &'static [Field]) -> Result<(), ShapeError> {
        let count = self.walk.varint()?;
        self.varint(count);
        for _ in 0..count {
            let tag = self.walk.varint()?;
            let size = self.walk.varint()?;
            let known = fields
                .iter()
                .find(|field| field.tag == Some(tag) && field.is_in(self.to));
            let before = std::mem::take(&mut self.out);
            match known {
                Some(field) => self.field(field)?,
                None => self.copy(size as usize)?,
            }
            let content = std::mem::replace(&mut self.out, before);
            self.varint(tag);
            self.varint(u32::try_from(content.len()).unwrap_or(u32::MAX));
            self.out.put_slice(&content);
        }
        Ok(())
    }

    fn field(&mut self, field: &'static Field) -> Result<(), ShapeError> {
        match field.kind {
            Kind::Fixed(size) => self.copy(size),
            Kind::Text => {
                let text = self.walk.text()?.map(String::from_utf8_lossy);
                self.text(text);
                Ok(())
            }
            Kind::Bytes => {
                let length = self.count()?;
                self.copy(length)
            }
            Kind::Structure(fields) => self.structure(fields),
            Kind::Optional(fields) => {
                let [presence] = self.walk.take()?;
                self.out.put_u8(presence);
                if presence == ABSENT {
                    return Ok(());
                }
                self.structure(fields)
            }
            Kind::Values(value) => {
                for _ in 0..self.count()? {
                    self.field(value)?;
                }
                Ok(())
            }
            Kind::List(fields) => {
                for _ in 0..self.count()? {
                    self.structure(fields)?;
                }
                Ok(())
            }
        }
    }

    /// A field that the message does not have.
    fn default(&mut self, field: &Field) {
        match field.kind {
            Kind::Fixed(size) => {
                let sign = if field.default < 0 { 0xff } else { 0 };
                let bytes = field.default.to_be_bytes();
                let kept = bytes.get(bytes.len().saturating_sub(size)..);
                let kept = kept.unwrap_or(&bytes);
                self.out.put_bytes(sign, size - kept.len());
                self.out.put_slice(kept);
            }
            Kind::Text => self.text((field.default != -1).then_some(Cow::Borrowed(""))),
            Kind::Bytes | Kind::Values(_) | Kind::List(_) => self.length(Some(0)),
            Kind::Structure(fields) => {
                for field in fields.iter().filter(|field| field.tag.is_none()) {
                    if field.is_in(self.to) {
                        self.default(field);
                    }
                }
                if self.to_flexible {
                    self.varint(0);
                }
            }
            Kind::Optional(_) => self.out.put_u8(ABSENT),
        }
    }

    /// Takes the length of bytes or of an array over, and returns it; null has none.
    fn count(&mut self) -> Result<usize, ShapeError> {
        let count = usize::try_from(self.walk.length()?).ok();
        self.length(count);
        Ok(count.unwrap_or(0))
    }

    fn copy(&mut self, size: usize) -> Result<(), ShapeError> {
        let bytes = self.walk.bytes(size)?;
        self.out.put_slice(bytes);
        Ok(())
    }

    fn text(&mut self, text: Option<Cow<'_, str>>) {
        match text {
            Some(text) if self.to_flexible => {
                self.length(Some(text.len()));
                self.out.put_slice(text.as_bytes());
            }
            Some(text) => put_string(&mut self.out, &text),
            None if self.to_flexible => self.length(None),
            None => self.out.put_i16(-1),
        }
    }

    /// The length of bytes or of an array, `None` for null.
    fn length(&mut self, length: Option<usize>) {
        if self.to_flexible {
            let compact = length.map_or(0, |length| length + 1);
            self.varint(u32::try_from(compact).unwrap_or(u32::MAX));
        } else {
            let length = length.map_or(-1, |length| i32::try_from(length).unwrap_or(i32::MAX));
            self.out.put_i32(length);
        }
    }

    fn varint(&mut self, mut value: u32) {
        while let [low, ..] = value.to_le_bytes()
            && value >= 0x80
        {
            self.out.put_u8(low | 0x80);
            value >>= 7;
        }
        let [low, ..] = value.to_le_bytes();
        self.out.put_u8(low);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{I8, I16, I32, I64, Shape, TEXT, list};

    static MESSAGE: Shape = Shape::flexible_from(3).fields(&[
        TEXT,
        I32.since(1).default(-1),
        I64.until(0),
        list(&[TEXT, I16.since(2).default(7)]),
        I8.since(1),
        TEXT.since(3).tagged(0),
    ]);

    #[test]
    fn a_message_is_written_in_another_version() {
        let old = b"\0\x01a\0\0\0\0\0\0\0\x09\0\0\0\x01\0\x01b";
        let new = b"\0\x01a\xff\xff\xff\xff\0\0\0\x01\0\x01b\0\x07\0";
        let body = Bytes::from_static(old);
        let rewritten = MESSAGE.rewrite(0, 2, body).expect("it has this shape");
        assert_eq!(rewritten.as_ref(), new);
        let back = MESSAGE.rewrite(2, 0, rewritten).expect("own");
        assert_eq!(back.as_ref(), b"\0\x01a\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01b");
        assert!(
            MESSAGE
                .rewrite(0, 2, Bytes::from_static(b"\0\x05a"))
                .is_err()
        );
    }

    #[test]
    fn a_text_that_an_older_version_does_not_have_is_null_where_that_is_its_default() {
        static ANSWER: Shape =
            Shape::flexible_from(2).fields(&[I16, TEXT.since(3).default(-1), TEXT.since(3)]);
        let old = Bytes::from_static(b"\0\x44\0");
        let new = ANSWER.rewrite(2, 3, old).expect("sound");
        assert_eq!(new.as_ref(), b"\0\x44\0\x01\0");
    }

    #[test]
    fn a_string_that_is_not_utf_8_gets_replacement_characters() {
        let plain = Bytes::from_static(b"\0\x01a\0\0\0\0\0\0\0\0\0");
        let same = MESSAGE.rewrite(1, 1, plain.clone()).expect("sound");
        assert_eq!(same.as_ptr(), plain.as_ptr(), "nothing is copied");
        let latin = Bytes::from_static(b"\0\x04caf\xe9\0\0\0\0\0\0\0\0\0");
        let read = MESSAGE.rewrite(1, 1, latin).expect("sound");
        assert_eq!(read.as_ref(), b"\0\x06caf\xef\xbf\xbd\0\0\0\0\0\0\0\0\0");
        let tagged = b"\x01\0\0\0\0\x02\x03\xc3(\0\0\0\0\x02\0\x02\x02\xff\x63\x01!";
        let read = MESSAGE.rewrite(3, 3, Bytes::from_static(tagged));
        assert_eq!(
            read.expect("sound").as_ref(),
            b"\x01\0\0\0\0\x02\x05\xef\xbf\xbd(\0\0\0\0\x02\0\x04\x04\xef\xbf\xbd\x63\x01!"
        );
        let long = [&b"\x75\x30"[..], &vec![0xff; 30_000], &[0; 9]].concat();
        let read = MESSAGE.rewrite(1, 1, long.into()).expect("sound");
        assert_eq!(read.first_chunk(), Some(&32_766_i16.to_be_bytes()), "cut");
    }
}
