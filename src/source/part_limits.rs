//! How much of a mapping in parts is read: the limits on its bytes and on its number of parts.
//!
//! **Invariant:** a part that was read before keeps its place: new parts, and parts that grow, get what is left.

use super::error::FetchError;
use nameplate_core::settings::{MappingSource, ReloadRules};

/// Names that a listing may have in any case, whatever `max_parts` is: a folder also has files that are not parts.
pub(super) const LISTED_ANYHOW: usize = 1_000;

/// A part may have this share of the bytes that all parts may have, so that no single one takes what belongs to all.
const SHARE: u64 = 16;
/// And this many bytes in any case: about 7,000 entries.
const PART_ANYHOW: u64 = 1024 * 1024;

/// The limits on a mapping in parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    most_bytes: u64,
    most_parts: usize,
}

impl Limits {
    pub(super) fn of(rules: &ReloadRules) -> Limits {
        Limits { most_bytes: rules.max_bytes, most_parts: rules.max_parts }
    }

    /// Returns after how many names a listing is given up.
    pub(super) fn most_listed(self) -> usize {
        self.most_parts.saturating_mul(4).max(LISTED_ANYHOW)
    }

    /// The error for a listing with more names than that.
    pub(super) fn too_many_names(self, source: &MappingSource) -> FetchError {
        let cause = format!("it has more than {} names, four times `max_parts`", self.most_listed());
        FetchError::new(source, cause, "check that it is the mapping's; else raise `reload: max_parts`")
    }
}

/// What is left of the limits during one reading.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    bytes: u64,
    parts: usize,
}

impl Budget {
    /// A budget from which the parts that were read before, and still exist, have taken their share. `sizes` are
    /// their bytes as they were read.
    pub(super) fn new(limits: Limits, sizes: impl Iterator<Item = u64>) -> Budget {
        let empty = Budget { limits, bytes: 0, parts: 0 };
        sizes.fold(empty, |used, size| Budget { bytes: used.bytes.saturating_add(size), parts: used.parts + 1, ..used })
    }

    /// Takes the bytes of a part that is about to be read. `before` are the bytes it had when it was last read. An
    /// error leaves the budget as it was.
    pub(super) fn take(&mut self, part: &MappingSource, before: Option<u64>, size: u64) -> Result<(), FetchError> {
        let Limits { most_bytes, most_parts } = self.limits;
        if before.is_none() && self.parts >= most_parts {
            let cause = format!("the mapping has more parts than the {most_parts} of `max_parts`");
            return Err(FetchError::new(part, cause, "join small parts into one, or raise `reload: max_parts`"));
        }
        let most_of_part = (most_bytes / SHARE).max(PART_ANYHOW);
        if size > most_of_part {
            let cause = format!("it has {size} bytes; {most_of_part} are the most of one part, a 16th of `max_bytes`");
            return Err(FetchError::new(part, cause, "split it into several parts, or raise `reload: max_bytes`"));
        }
        let bytes = self.bytes.saturating_sub(before.unwrap_or(0)).saturating_add(size);
        if bytes > most_bytes {
            let cause =
                format!("with its {size} bytes, all parts have more than the {most_bytes} bytes of `max_bytes`");
            let help = "check that it is a mapping: 100,000 entries have about 15 MB; else raise `reload: max_bytes`";
            return Err(FetchError::new(part, cause, help));
        }
        self.bytes = bytes;
        self.parts += usize::from(before.is_none());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(most_bytes: u64, most_parts: usize, sizes: &[u64]) -> Budget {
        Budget::new(Limits { most_bytes, most_parts }, sizes.iter().copied())
    }

    #[test]
    fn no_part_takes_more_than_its_share() {
        let mut budget = budget(256 << 20, 10, &[]);
        let part: MappingSource = "s3://bucket/m/a.yaml".parse().expect("a source");
        let error = budget.take(&part, None, (16 << 20) + 1).expect_err("too large").to_string();
        assert!(error.contains("16777216 are the most of one part"), "{error}");
        assert!(budget.take(&part, None, 16 << 20).is_ok());
    }

    #[track_caller]
    fn refuses(budget: &mut Budget, before: Option<u64>, size: u64, says: &str) {
        let part: MappingSource = "conf/a.yaml".parse().expect("a source");
        let error = budget.take(&part, before, size).expect_err("over the limit").to_string();
        assert!(error.starts_with("cannot read conf/a.yaml: ") && error.contains(says), "{error}");
    }

    #[track_caller]
    fn takes(budget: &mut Budget, before: Option<u64>, size: u64) {
        budget.take(&"conf/a.yaml".parse().expect("a source"), before, size).expect("within the limits");
    }

    #[test]
    fn what_was_read_before_counts_first() {
        let mut budget = budget(100, 9, &[40, 40]);
        refuses(&mut budget, None, 21, "with its 21 bytes, all parts have more than the 100 bytes");
        takes(&mut budget, None, 20);
        refuses(&mut budget, None, 1, "`max_bytes`");
        takes(&mut budget, None, 0);
    }

    #[test]
    fn a_part_that_changes_gives_its_old_bytes_back() {
        let mut budget = budget(100, 2, &[60, 40]);
        refuses(&mut budget, Some(60), 61, "`max_bytes`");
        takes(&mut budget, Some(60), 10);
        takes(&mut budget, Some(40), 90);
    }

    #[test]
    fn a_new_part_needs_a_place_and_an_old_one_has_it() {
        let mut budget = budget(100, 2, &[1]);
        takes(&mut budget, None, 1);
        refuses(&mut budget, None, 1, "more parts than the 2 of `max_parts`");
        takes(&mut budget, Some(1), 2);
    }

    #[test]
    fn a_listing_ends_at_four_times_the_parts() {
        let listed = |most_parts| Limits { most_bytes: 1, most_parts }.most_listed();
        assert_eq!((listed(5_000), listed(1), listed(usize::MAX)), (20_000, LISTED_ANYHOW, usize::MAX));
    }
}
