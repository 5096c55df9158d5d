//! How much of a mapping in parts is read: the limits on its bytes and on its number of parts.
//!
//! **Invariant:** a part that was read before keeps its place: new parts, and parts that grow, get what is left, and of what
//! is left each team gets as much as any other. `owners.yaml` takes from nobody.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::FetchError;
use nameplate_core::parts::OWNERS_FILE;
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

    /// Returns the most bytes and files that there are of all parts and `owners.yaml`.
    pub(super) fn with_owners(self) -> (u64, usize) {
        (self.most_bytes.saturating_add(self.most_of_part()), self.most_parts.saturating_add(1))
    }

    fn most_of_part(self) -> u64 {
        (self.most_bytes / SHARE).max(PART_ANYHOW)
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

/// Puts parts into the order in which they take from the budget: first those that were read before, then one new part of
/// each team, then a second one of each, and so on; small ones come first. A team is a folder below the root, or the file
/// that is called like it.
pub(super) fn in_turn<T>(
    parts: impl IntoIterator<Item = (Arc<str>, T)>,
    was_read: impl Fn(&str) -> bool,
    size: impl Fn(&T) -> u64,
) -> Vec<(Arc<str>, T)> {
    let mut parts: Vec<(Arc<str>, T)> = parts.into_iter().collect();
    parts.sort_by(|(one, a), (other, b)| size(a).cmp(&size(b)).then_with(|| one.cmp(other)));
    let mut turns: HashMap<String, usize> = HashMap::new();
    let turn_of = |(name, part): (Arc<str>, T)| {
        let turn = if was_read(&name) {
            0
        } else {
            let turn = turns.entry(team(&name).to_owned()).or_default();
            *turn += 1;
            *turn
        };
        (turn, (name, part))
    };
    let mut in_turn: Vec<(usize, (Arc<str>, T))> = parts.into_iter().map(turn_of).collect();
    in_turn.sort_by_key(|(turn, _)| *turn);
    in_turn.into_iter().map(|(_, part)| part).collect()
}

fn team(name: &str) -> &str {
    match name.split_once('/') {
        Some((folder, _)) => folder,
        None => name.rsplit_once('.').map_or(name, |(stem, _)| stem),
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
    /// A budget from which the parts that were read before, and still exist, have taken their share. `before` are
    /// their names, with their bytes as they were read.
    pub(super) fn new<'n>(limits: Limits, before: impl Iterator<Item = (&'n str, u64)>) -> Budget {
        let empty = Budget { limits, bytes: 0, parts: 0 };
        let of_parts = before.filter(|(name, _)| *name != OWNERS_FILE);
        of_parts.fold(empty, |used, (_, size)| Budget {
            bytes: used.bytes.saturating_add(size),
            parts: used.parts + 1,
            ..used
        })
    }

    /// Takes the bytes of the part of this name that is about to be read. `before` are the bytes it had when it was last
    /// read. An error leaves the budget as it was.
    pub(super) fn take(
        &mut self,
        part: &MappingSource,
        name: &str,
        before: Option<u64>,
        size: u64,
    ) -> Result<(), FetchError> {
        let Limits { most_bytes, most_parts } = self.limits;
        // Without it nobody knows who may map what: it is read however much the parts have.
        let is_part = name != OWNERS_FILE;
        if is_part && before.is_none() && self.parts >= most_parts {
            let cause = format!("the mapping has more parts than the {most_parts} of `max_parts`");
            return Err(FetchError::new(part, cause, "join small parts into one, or raise `reload: max_parts`"));
        }
        let most_of_part = self.limits.most_of_part();
        if size > most_of_part {
            let cause = format!("it has {size} bytes; {most_of_part} are the most of one part, a 16th of `max_bytes`");
            return Err(FetchError::new(part, cause, "split it into several parts, or raise `reload: max_bytes`"));
        }
        if !is_part {
            return Ok(());
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
        Budget::new(Limits { most_bytes, most_parts }, sizes.iter().map(|size| ("a.yaml", *size)))
    }

    #[test]
    fn no_part_takes_more_than_its_share() {
        let mut budget = budget(256 << 20, 10, &[]);
        let part: MappingSource = "s3://bucket/m/a.yaml".parse().expect("a source");
        let error = budget.take(&part, "a.yaml", None, (16 << 20) + 1).expect_err("too large").to_string();
        assert!(error.contains("16777216 are the most of one part"), "{error}");
        assert!(budget.take(&part, "a.yaml", None, 16 << 20).is_ok());
    }

    #[track_caller]
    fn refuses(budget: &mut Budget, before: Option<u64>, size: u64, says: &str) {
        let part: MappingSource = "conf/a.yaml".parse().expect("a source");
        let error = budget.take(&part, "a.yaml", before, size).expect_err("over the limit").to_string();
        assert!(error.starts_with("cannot read conf/a.yaml: ") && error.contains(says), "{error}");
    }

    #[track_caller]
    fn takes(budget: &mut Budget, before: Option<u64>, size: u64) {
        budget.take(&"conf/a.yaml".parse().expect("a source"), "a.yaml", before, size).expect("within the limits");
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
    fn owners_are_read_however_much_the_parts_have() {
        let mut budget = budget(100, 1, &[100]);
        let owners: MappingSource = "conf/owners.yaml".parse().expect("a source");
        budget.take(&owners, OWNERS_FILE, None, 50).expect("read");
        refuses(&mut budget, Some(100), 101, "`max_bytes`");
        budget.take(&owners, OWNERS_FILE, None, PART_ANYHOW + 1).expect_err("too large for any part");
    }

    #[test]
    fn owners_that_were_read_before_take_no_place_and_no_bytes() {
        let before = [(OWNERS_FILE, 100), ("a.yaml", 60)];
        let mut budget = Budget::new(Limits { most_bytes: 100, most_parts: 2 }, before.into_iter());
        takes(&mut budget, None, 40);
        refuses(&mut budget, None, 0, "more parts than the 2 of `max_parts`");
    }

    #[test]
    fn one_team_with_many_parts_waits_for_the_others() {
        let parts =
            [("a/1.yaml", 9), ("a/2.yaml", 9), ("a/3.yaml", 1), ("b/1.yaml", 20), ("b.yaml", 30), ("c.json", 5)];
        let parts = parts.map(|(name, size)| (Arc::from(name), size));
        let names = |was_read: &dyn Fn(&str) -> bool| {
            let order = in_turn(parts.clone(), was_read, |size| *size);
            order.into_iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&|_| false), "a/3.yaml c.json b/1.yaml a/1.yaml b.yaml a/2.yaml");
        assert_eq!(names(&|name| name == "a/2.yaml"), "a/2.yaml a/3.yaml c.json b/1.yaml a/1.yaml b.yaml");
    }

    #[test]
    fn a_listing_ends_at_four_times_the_parts() {
        let listed = |most_parts| Limits { most_bytes: 1, most_parts }.most_listed();
        assert_eq!((listed(5_000), listed(1), listed(usize::MAX)), (20_000, LISTED_ANYHOW, usize::MAX));
    }
}
