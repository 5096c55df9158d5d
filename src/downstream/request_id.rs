//! The id of a request: X-Request-Id, the client's or ours.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use uuid::fmt::Hyphenated;
use uuid::{Builder, Uuid, Variant, Version};

use nameplate_core::settings::RequestId;

/// In requests and answers.
pub(crate) const NAME: &str = "x-request-id";

/// The longest id of a client that is taken.
const LONGEST: usize = 128;

/// A request's id, and whether its header is yet to say it.
pub(crate) struct Id {
    pub(crate) value: HeaderValue,
    pub(crate) is_new: bool,
}

impl Id {
    /// The id of a request that says this one, or none, or several.
    pub(crate) fn of(sent: Option<&HeaderValue>, rule: RequestId) -> Id {
        match sent.filter(|sent| rule != RequestId::Replace && is_id(sent.as_bytes())) {
            Some(sent) => Id { value: sent.clone(), is_new: false },
            None => Id { value: made(), is_new: true },
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Both kinds are ASCII.
        self.value.to_str().unwrap_or_default()
    }
}

/// Whether it can stand in a log and in JSON as it is.
fn is_id(bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(is_plain)
}

/// A new id as a header.
fn made() -> HeaderValue {
    let mut text = [0; Hyphenated::LENGTH];
    let id = next().hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("none"))
}

/// A new id.
pub(super) fn new() -> String {
    next().hyphenated().to_string()
}

/// A UUID of version 4, as API Gateway's request ids are. Its 122 random bits start anew with each process, so that
/// no two of a fleet are alike. Ids are unique, not secret.
fn next() -> Uuid {
    static KEYS: LazyLock<[u64; 2]> = LazyLock::new(|| [0_u8, 1].map(|half| RandomState::new().hash_one(half)));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = KEYS.map(|key| u128::from(scatter(key.wrapping_add(count))));
    Builder::from_u128(high << 64 | low).with_variant(Variant::RFC4122).with_version(Version::Random).into_uuid()
}

/// The last step of SplitMix64: another number for each number, and none that looks like its neighbour.
fn scatter(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sent: Option<&str>, rule: RequestId, kept: bool) {
        let value = sent.map(|sent| HeaderValue::from_bytes(sent.as_bytes()).expect("a value"));
        let id = Id::of(value.as_ref(), rule);
        assert_eq!(id.is_new, !kept, "{sent:?}");
        if kept {
            assert_eq!(Some(id.as_str()), sent);
        } else {
            let uuid = Uuid::try_parse(id.as_str()).expect("a UUID");
            assert_eq!((uuid.get_version(), uuid.get_variant()), (Some(Version::Random), Variant::RFC4122), "{uuid}");
            assert_eq!(uuid.hyphenated().to_string(), id.as_str(), "in its usual form");
        }
    }

    #[test]
    fn a_clients_id_is_kept_if_it_can_stand_anywhere() {
        for good in ["1", "a-b_c.d:e/f+g=@{}", &"x".repeat(128)] {
            check(Some(good), RequestId::Accept, true);
            check(Some(good), RequestId::Off, true);
            check(Some(good), RequestId::Replace, false);
        }
        for bad in ["", "a b", "a\"b", "a\\b", "é", "a\tb", &"x".repeat(129)] {
            check(Some(bad), RequestId::Accept, false);
        }
        check(None, RequestId::Accept, false);
    }

    #[test]
    fn ids_differ() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| new()).collect();
        assert_eq!(ids.len(), 1_000);
    }
}
