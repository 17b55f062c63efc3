//! The hashes by which clients pick a key's partition. No stored record tells which one it was.

use super::murmur2::murmur2;

/// How a client's default partitioner turns a key into a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioner {
    /// `toPositive(murmur2(key)) % partitions`: Java's, and what most clients copy.
    Murmur2,
    /// `crc32(key) % partitions`: librdkafka's `consistent_random`.
    Crc32,
    /// `abs(int32(fnv1a(key)) % partitions)`: sarama's `NewHashPartitioner`.
    Fnv1a,
    /// `murmur2(key) % partitions` of the hash as an unsigned number.
    UnsignedMurmur2,
}

impl Partitioner {
    /// All that are known here, the most common first.
    pub const ALL: [Self; 4] = [
        Self::Murmur2,
        Self::Crc32,
        Self::Fnv1a,
        Self::UnsignedMurmur2,
    ];

    /// The hash by name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Murmur2 => "murmur2",
            Self::Crc32 => "CRC32",
            Self::Fnv1a => "FNV-1a",
            Self::UnsignedMurmur2 => "murmur2 unsigned",
        }
    }

    /// The clients that use it unless they are told otherwise.
    #[must_use]
    pub fn clients(self) -> &'static str {
        match self {
            Self::Murmur2 => "Java, franz-go, kafka-python, aiokafka, kafkajs 2",
            Self::Crc32 => "librdkafka, kcat",
            Self::Fnv1a => "sarama",
            Self::UnsignedMurmur2 => "@platformatic/kafka",
        }
    }

    /// The number that is divided by the number of partitions. `None` where these clients do not
    /// hash such a key: librdkafka sends an empty one anywhere.
    #[must_use]
    pub fn dividend(self, key: &[u8]) -> Option<u32> {
        match self {
            Self::Murmur2 => Some(murmur2(key) & 0x7fff_ffff),
            Self::Crc32 => (!key.is_empty()).then(|| crc32fast::hash(key)),
            Self::Fnv1a => Some(fnv1a(key).cast_signed().unsigned_abs()),
            Self::UnsignedMurmur2 => Some(murmur2(key)),
        }
    }
}

/// The 32 bits of Fowler, Noll and Vo's hash, in its variant 1a.
fn fnv1a(data: &[u8]) -> u32 {
    const OFFSET_BASIS: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    data.iter().fold(OFFSET_BASIS, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::{Partitioner, fnv1a};

    #[test]
    fn keys_go_where_real_clients_sent_them() {
        // Written with each client into a topic of three partitions, and read back.
        let keys = ["amy", "ben", "cleo", "dan", "eli", "fay"];
        for (partitioner, partitions) in [
            (Partitioner::Murmur2, [0, 1, 2, 0, 1, 2]),
            (Partitioner::Crc32, [2, 2, 1, 2, 2, 2]),
            (Partitioner::Fnv1a, [0, 1, 0, 2, 0, 1]),
            (Partitioner::UnsignedMurmur2, [0, 0, 1, 2, 0, 1]),
        ] {
            let picked = keys.map(|key| {
                let dividend = partitioner.dividend(key.as_bytes());
                dividend.expect("a key that is hashed") % 3
            });
            assert_eq!(picked, partitions, "{}", partitioner.name());
        }
    }

    #[test]
    fn fnv1a_is_that_of_its_authors() {
        // From the test vectors of draft-eastlake-fnv.
        assert_eq!(fnv1a(b""), 0x811c_9dc5);
        assert_eq!(fnv1a(b"a"), 0xe40c_292c);
        assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968);
    }

    #[test]
    fn librdkafka_hashes_no_empty_key() {
        assert_eq!(Partitioner::Crc32.dividend(b""), None);
        assert!(Partitioner::Murmur2.dividend(b"").is_some());
    }
}
