//! The id of a request: X-Request-Id, the client's or ours.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::config::settings::RequestId;

/// In requests and answers.
pub(super) const NAME: &str = "x-request-id";

/// The longest id of a client that is taken.
const LONGEST: usize = 128;

/// A request's id, and whether its header is yet to say it.
pub(super) struct Id {
    pub(super) value: HeaderValue,
    pub(super) is_new: bool,
}

impl Id {
    /// The id of a request with these headers.
    pub(super) fn of(headers: &HeaderMap, rule: RequestId) -> Id {
        if rule != RequestId::Replace {
            let mut sent = headers.get_all(NAME).iter();
            if let (Some(value), None) = (sent.next(), sent.next())
                && is_id(value.as_bytes())
            {
                return Id { value: value.clone(), is_new: false };
            }
        }
        Id { value: made(), is_new: true }
    }

    pub(super) fn as_str(&self) -> &str {
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
    HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&digits())).unwrap_or(HeaderValue::from_static("none"))
}

/// A new id.
pub(super) fn new() -> String {
    digits().map(char::from).iter().collect()
}

/// Shaped like API Gateway's request ids: unlike any other of this process or, with 64 random bits, of
/// the fleet.
fn digits() -> [u8; 36] {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let (high, low) = (SEED.hash_one((count, 0_u8)), SEED.hash_one((count, 1_u8)));
    let bits = u128::from(high) << 64 | u128::from(low);
    let mut out = [b'-'; 36];
    let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
    for (digit, place) in (0..32).rev().zip(places) {
        out[place] = b"0123456789abcdef"[(bits >> (digit * 4)) as usize & 0xf];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sent: &[&str], rule: RequestId, kept: bool) {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(NAME, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        let id = Id::of(&headers, rule);
        assert_eq!(id.is_new, !kept, "{sent:?}");
        if kept {
            assert_eq!(id.as_str(), sent[0]);
        } else {
            let parts: Vec<_> = id.as_str().split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{}", id.as_str());
            assert!(id.as_str().bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()), "{}", id.as_str());
        }
    }

    #[test]
    fn a_clients_id_is_kept_if_it_can_stand_anywhere() {
        for good in ["1", "a-b_c.d:e/f+g=@{}", &"x".repeat(128)] {
            check(&[good], RequestId::Accept, true);
            check(&[good], RequestId::Off, true);
            check(&[good], RequestId::Replace, false);
        }
        for bad in ["", "a b", "a\"b", "a\\b", "é", "a\tb", &"x".repeat(129)] {
            check(&[bad], RequestId::Accept, false);
        }
        check(&[], RequestId::Accept, false);
        check(&["1", "1"], RequestId::Accept, false);
    }

    #[test]
    fn ids_differ() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| new()).collect();
        assert_eq!(ids.len(), 1_000);
    }
}
