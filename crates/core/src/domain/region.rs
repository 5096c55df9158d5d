//! The names of AWS regions: their form, their partitions, and those that AWS has announced.

use crate::diagnostic::nearest::nearest;

/// The DNS suffix of each AWS partition that has API Gateway (AWS General Reference, "Partitions").
pub const SUFFIXES: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// What the regions of each partition begin with, where its suffix is not the first one (the AWS SDKs'
/// `partitions.json`, `regionRegex` and `dnsSuffix`).
const PREFIXES: [(&str, &str); 6] = [
    ("cn-", SUFFIXES[1]),
    ("eusc-", SUFFIXES[2]),
    ("us-iso-", SUFFIXES[3]),
    ("us-isob-", SUFFIXES[4]),
    ("eu-isoe-", SUFFIXES[5]),
    ("us-isof-", SUFFIXES[6]),
];

/// Every region that AWS has opened or announced (botocore 1.44.8, `partitions.json`). One that is not in here may be
/// newer than this list, so its name is a warning and no error.
const ANNOUNCED: [&str; 48] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "me-west-1",
    "mx-central-1",
    "sa-east-1",
    "sa-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "eu-isoe-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
];

/// The directions that regions are named after.
const DIRECTIONS: [&str; 9] =
    ["north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest"];

/// Why a text is not the name of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionFault {
    /// A zone of the region that it holds.
    Zone(Box<str>),
    /// Another text; the region that was probably meant.
    Other(Option<&'static str>),
}

/// Checks that a name has a region's form: `eu-west-1`, `us-gov-east-1`. Whether AWS has such a region is another
/// question: see [`is_announced`].
pub fn check_form(name: &str) -> Result<(), RegionFault> {
    if has_form(name) { Ok(()) } else { Err(misformed(name)) }
}

fn has_form(name: &str) -> bool {
    let mut back = name.rsplit('-');
    let (Some(number), Some(direction), Some(area)) = (back.next(), back.next(), back.next()) else { return false };
    let is_number = matches!(number.as_bytes(), [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']);
    let is_word = |word: &str| (2..=4).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
    let (country, end) = (back.next(), back.next());
    is_number && DIRECTIONS.contains(&direction) && is_word(area) && country.is_none_or(is_word) && end.is_none()
}

fn misformed(name: &str) -> RegionFault {
    let of_zone = name.strip_suffix(|c: char| c.is_ascii_lowercase()).filter(|region| has_form(region));
    // A Local Zone is called after its region and a city: `us-west-2-lax-1a`.
    let of_local =
        || ANNOUNCED.iter().find(|region| name.strip_prefix(**region).is_some_and(|rest| rest.starts_with('-')));
    match of_zone.or_else(|| of_local().copied()) {
        Some(region) => RegionFault::Zone(region.into()),
        None => RegionFault::Other(nearest_to(name)),
    }
}

/// Whether AWS has opened or announced this region.
pub fn is_announced(name: &str) -> bool {
    ANNOUNCED.contains(&name)
}

/// The announced region that a name was probably meant to be.
pub fn nearest_to(name: &str) -> Option<&'static str> {
    nearest(name, &ANNOUNCED)
}

/// The DNS suffix of the partition that a region of this name belongs to.
pub fn suffix_of(region: &str) -> &'static str {
    let partition = PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix));
    partition.map_or(SUFFIXES[0], |(_, suffix)| suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_announced_region_has_the_form_and_a_partition() {
        for region in ANNOUNCED.iter() {
            assert_eq!(check_form(region), Ok(()), "{region}");
            assert!(is_announced(region) && SUFFIXES.contains(&suffix_of(region)), "{region}");
        }
    }

    #[test]
    fn a_region_that_is_not_announced_yet_has_the_form() {
        for region in ["eu-west-9", "xx-central-1", "us-isoz-northeast-12", "eusc-fr-west-1"] {
            assert_eq!(check_form(region), Ok(()), "{region}");
            assert!(!is_announced(region), "{region}");
        }
    }

    #[track_caller]
    fn refused(name: &str, want: RegionFault) {
        assert_eq!(check_form(name), Err(want), "{name}");
    }

    #[test]
    fn a_zone_says_its_region() {
        refused("us-east-1a", RegionFault::Zone("us-east-1".into()));
        refused("us-gov-west-1c", RegionFault::Zone("us-gov-west-1".into()));
        refused("us-west-2-lax-1a", RegionFault::Zone("us-west-2".into()));
    }

    #[test]
    fn a_slip_says_what_was_meant() {
        refused("us-east", RegionFault::Other(Some("us-east-1")));
        refused("useast1", RegionFault::Other(Some("us-east-1")));
        refused("eu-wset-1", RegionFault::Other(Some("eu-west-1")));
        refused("eu_west_1", RegionFault::Other(Some("eu-west-1")));
        refused("virginia", RegionFault::Other(None));
        for name in ["", "-", "eu-west-", "eu-west-01", "eu-west-1-", "a-b-c-east-1", "eu-west-100"] {
            assert!(check_form(name).is_err(), "{name}");
        }
    }

    #[test]
    fn prefixes_tell_the_partition() {
        for (region, suffix) in [
            ("us-east-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("eu-isoe-west-1", "cloud.adc-e.uk"),
            ("us-isof-south-1", "csp.hci.ic.gov"),
        ] {
            assert_eq!(suffix_of(region), suffix, "{region}");
        }
    }
}
