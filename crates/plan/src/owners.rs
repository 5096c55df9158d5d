//! Whose a name is, by the Public Suffix List.

use nameplate_core::domain::host::is_public_suffix;

/// Whether a name is no public suffix, and no last label.
pub fn has_owner(name: &str) -> bool {
    name.contains('.') && !is_public_suffix(name)
}

/// Whether a name stands directly under a suffix that belongs to many: `example.com` under `com`,
/// `orders.corp` under `corp`, `acme.uk.com` under `uk.com`. Its owner most likely has other names
/// under it than those of a mapping. Suffixes of either part of the list count, and so does a last
/// label that is on no list.
pub fn is_registrable(name: &str) -> bool {
    let above = name.split_once('.').map(|(_, above)| above);
    has_owner(name) && (!above.is_some_and(has_owner) || psl::domain_str(name) == Some(name))
}

/// The registrable domain that a name is or stands under: the public hosted zone one would expect.
/// Where the name itself is a suffix with an owner, `github.io`, it is what stands under the suffix above.
pub fn registrable_of(name: &str) -> &str {
    if let Some(domain) = psl::domain_str(name) {
        return domain;
    }
    let mut domain = name;
    while let Some((_, above)) = domain.split_once('.').filter(|_| !is_registrable(domain)) {
        domain = above;
    }
    domain
}

/// Suffixes on the list whose names no public zone has (RFC 7686, and RFC 8375); of `arpa` nobody has
/// names of hosts (RFC 3172).
const SPECIAL: [&str; 2] = ["onion", "arpa"];

/// Whether public DNS has such names: the last label is on the list, and not for a special use. ACM
/// validates no others.
pub fn is_public(name: &str) -> bool {
    let special = SPECIAL.iter().any(|suffix| is_within(name, suffix));
    !special && psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// Whether a name is another one or stands under it.
pub fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrable_name_stands_directly_under_a_suffix() {
        for name in ["example.com", "example.co.uk", "orders.corp", "orders.internal", "github.io", "acme.uk.com"] {
            assert!(is_registrable(name), "{name}");
        }
        for name in ["com", "co.uk", "corp", "team.example.com", "a.orders.corp", "a.example.co.uk", "a.acme.uk.com"] {
            assert!(!is_registrable(name), "{name}");
        }
    }

    #[test]
    fn the_zone_one_would_expect_is_the_registrable_domain() {
        for (name, want) in [
            ("a.b.example.com", "example.com"),
            ("example.com", "example.com"),
            ("a.example.co.uk", "example.co.uk"),
            ("a.acme.uk.com", "acme.uk.com"),
            ("github.io", "github.io"),
        ] {
            assert_eq!(registrable_of(name), want, "{name}");
        }
    }

    #[test]
    fn a_last_label_on_no_list_is_not_public() {
        for (name, want) in
            [("a.example.com", true), ("a.orders.corp", false), ("db.internal", false), ("x.local", false)]
        {
            assert_eq!(is_public(name), want, "{name}");
        }
    }

    #[test]
    fn nor_is_one_on_the_list_for_a_special_use() {
        for name in ["nas.home.arpa", "*.home.arpa", "x.onion", "*.a.onion"] {
            assert!(!is_public(name), "{name}");
        }
        assert!(is_public("a.myonion.com"));
    }

    #[test]
    fn a_name_is_within_itself_and_by_whole_labels() {
        assert!(is_within("example.com", "example.com") && is_within("a.example.com", "example.com"));
        assert!(!is_within("notexample.com", "example.com") && !is_within("com", "example.com"));
    }
}
