//! Who may do what: schemes `world`, `digest` and `ip`, as in the original.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use sha1::{Digest, Sha1};

use wire::jute::{Acl, Id, KeeperCode, perms};

/// Whether a connection with these identities may do one of the things in `wanted`.
pub(super) fn allows(acl: &[Acl], wanted: i32, identities: &[Id]) -> bool {
    acl.is_empty()
        || acl
            .iter()
            .filter(|entry| entry.perms & wanted != 0)
            .any(|entry| {
                is_world(&entry.id)
                    || identities
                        .iter()
                        .any(|identity| is_same(&entry.id, identity))
            })
}

/// The ACL as it is stored: without doubles, with `auth` replaced by who asks.
///
/// # Errors
/// It is empty or names nobody, or a scheme is unknown.
pub(super) fn stored_form(acl: Vec<Acl>, identities: &[Id]) -> Result<Vec<Acl>, KeeperCode> {
    let mut settled: Vec<Acl> = Vec::new();
    let mut add = |entry: Acl| {
        if !settled.contains(&entry) {
            settled.push(entry);
        }
    };
    for entry in acl {
        match entry.id.scheme.as_str() {
            "auth" => {
                let before = identities.iter().filter(|id| id.scheme == "digest");
                let mut anybody = false;
                for id in before {
                    anybody = true;
                    add(Acl {
                        perms: entry.perms,
                        id: id.clone(),
                    });
                }
                if !anybody {
                    return Err(KeeperCode::InvalidAcl);
                }
            }
            "world" if is_world(&entry.id) => add(entry),
            "digest" if entry.id.id.split(':').count() == 2 => add(entry),
            "ip" if Network::parse(&entry.id.id).is_some() => add(entry),
            _ => return Err(KeeperCode::InvalidAcl),
        }
    }
    if settled.is_empty() {
        return Err(KeeperCode::InvalidAcl);
    }
    Ok(settled)
}

/// The identity that an authentication of scheme `digest` with `user:password` gives.
pub(super) fn digest_identity(user_password: &[u8]) -> Option<Id> {
    let text = std::str::from_utf8(user_password).ok()?;
    let user = text.split(':').next()?;
    let hash = BASE64_STANDARD.encode(Sha1::digest(user_password));
    Some(Id {
        scheme: "digest".into(),
        id: format!("{user}:{hash}"),
    })
}

/// The identity that every connection has by its address.
pub(super) fn ip_identity(address: IpAddr) -> Id {
    Id {
        scheme: "ip".into(),
        id: address.to_string(),
    }
}

/// What somebody may see of an ACL who may not change it: no password hashes.
pub(super) fn masked(acl: &[Acl], identities: &[Id]) -> Vec<Acl> {
    let mut shown = acl.to_vec();
    if !allows(acl, perms::ADMIN, identities) {
        for entry in shown.iter_mut().filter(|entry| entry.id.scheme == "digest") {
            if let Some((user, _)) = entry.id.id.split_once(':') {
                entry.id.id = format!("{user}:x");
            }
        }
    }
    shown
}

fn is_world(id: &Id) -> bool {
    id.scheme == "world" && id.id == "anyone"
}

fn is_same(entry: &Id, identity: &Id) -> bool {
    if entry.scheme != identity.scheme {
        return false;
    }
    match (
        entry.scheme.as_str(),
        Network::parse(&entry.id),
        identity.id.parse(),
    ) {
        ("ip", Some(network), Ok(address)) => network.contains(address),
        _ => entry.id == identity.id,
    }
}

/// An address with how many of its first bits count.
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Self { address, bits })
    }

    fn contains(&self, other: IpAddr) -> bool {
        let differing = match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        differing >= self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::{allows, digest_identity, ip_identity, masked, stored_form};
    use wire::jute::{Acl, Id, KeeperCode, open_acl, perms};

    fn entry(scheme: &str, id: &str, perms: i32) -> Acl {
        Acl {
            perms,
            id: Id {
                scheme: scheme.into(),
                id: id.into(),
            },
        }
    }

    #[test]
    fn a_digest_is_the_one_of_the_original() {
        let id = digest_identity(b"super:admin").expect("text");
        assert_eq!(id.id, "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
    }

    #[test]
    fn permissions_go_by_identity() {
        let bob = digest_identity(b"bob:secret").expect("text");
        let acl = [
            entry("digest", &bob.id, perms::ALL),
            entry("world", "anyone", perms::READ),
        ];
        assert!(allows(&acl, perms::READ, &[]));
        assert!(!allows(&acl, perms::WRITE, &[]));
        assert!(allows(&acl, perms::WRITE, std::slice::from_ref(&bob)));
        assert_eq!(masked(&acl, &[])[0].id.id, "bob:x");
        assert_eq!(masked(&acl, &[bob]), acl);
    }

    #[test]
    fn addresses_match_by_their_first_bits() {
        let here = [ip_identity([127, 0, 0, 1].into())];
        for (id, matches) in [
            ("127.0.0.1", true),
            ("127.0.0.0/8", true),
            ("0.0.0.0/0", true),
            ("127.0.0.2", false),
            ("::1", false),
        ] {
            let acl = [entry("ip", id, perms::ALL)];
            assert_eq!(allows(&acl, perms::READ, &here), matches, "{id}");
        }
    }

    #[test]
    fn an_acl_names_somebody() {
        let bob = digest_identity(b"bob:secret").expect("text");
        assert_eq!(stored_form(open_acl(), &[]), Ok(open_acl()));
        for acl in [
            vec![],
            vec![entry("auth", "", perms::ALL)],
            vec![entry("world", "nobody", perms::ALL)],
            vec![entry("digest", "bob", perms::ALL)],
            vec![entry("ip", "300.0.0.1", perms::ALL)],
            vec![entry("magic", "x", perms::ALL)],
        ] {
            assert_eq!(stored_form(acl, &[]), Err(KeeperCode::InvalidAcl));
        }
        let settled = stored_form(
            vec![entry("auth", "", perms::ALL)],
            std::slice::from_ref(&bob),
        );
        assert_eq!(settled, Ok(vec![entry("digest", &bob.id, perms::ALL)]));
    }
}
