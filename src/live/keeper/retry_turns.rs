//! Which held entries are asked about again, and when.
//!
//! **Invariant:** however many entries of one part are held, those of each other part are asked about as often as if it held
//! no more than they.

use std::collections::{BTreeMap, HashMap, HashSet};

use nameplate_core::verification::changes::Target;
use nameplate_core::verification::held::HeldEntry;

/// Where the next retry begins.
#[derive(Default)]
pub(super) struct RetryTurns {
    /// The part whose turn it is.
    part: u16,
    /// And of each part, how many of its entries were asked about.
    asked: HashMap<u16, usize>,
}

impl RetryTurns {
    /// Takes the places of the entries whose turn it is, with `most` targets at most: one of each part, then a second one of
    /// each, and so on. They are in ascending order.
    pub(super) fn take(&mut self, held: &[HeldEntry], most: usize) -> Vec<usize> {
        let mut parts: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (at, entry) in held.iter().enumerate() {
            parts.entry(entry.change.next.part).or_default().push(at);
        }
        for (part, places) in &mut parts {
            let asked = self.asked.get(part).copied().unwrap_or_default();
            let count = places.len();
            places.rotate_left(asked % count);
        }
        let later = parts.split_off(&self.part);
        let parts: Vec<(u16, Vec<usize>)> = later.into_iter().chain(parts).collect();
        let longest = parts.iter().map(|(_, places)| places.len()).max().unwrap_or_default();
        let in_turn = (0..longest)
            .flat_map(|turn| parts.iter().filter_map(move |(part, places)| Some((*part, *places.get(turn)?))));
        let (mut targets, mut taken) = (HashSet::new(), Vec::new());
        for (part, at) in in_turn {
            targets.insert(Target::of(&held[at].change.next));
            if targets.len() > most {
                self.part = part;
                break;
            }
            *self.asked.entry(part).or_default() += 1;
            taken.push(at);
        }
        taken.sort_unstable();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::route::{Choices, Route};
    use nameplate_core::verification::changes::{Before, Change};
    use nameplate_core::verification::held::Reason;

    /// An entry of each of these parts, which are held.
    fn held(parts: &[u16]) -> Vec<HeldEntry> {
        let entry = |(at, part): (usize, &u16)| {
            let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/prod").expect("an API");
            let host = Host::parse(&format!("d{at}.example.com")).expect("a host");
            let next = Route::new(&host, &BasePath::default(), &api, Choices::default(), 1).of_part(*part);
            HeldEntry { change: Change { before: Before::Entry(next.clone()), next }, reason: Reason::Unverified }
        };
        parts.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn the_only_entry_of_a_part_is_asked_about_each_time_beside_many_of_another() {
        let held = held(&[1, 1, 1, 1, 1, 2]);
        let mut turns = RetryTurns::default();
        let taken: Vec<_> = (0..3).map(|_| turns.take(&held, 3)).collect();
        assert_eq!(taken, [[0, 1, 5], [2, 3, 5], [0, 4, 5]]);
    }

    #[test]
    fn more_parts_than_requests_take_turns() {
        let held = held(&[1, 2, 3]);
        let mut turns = RetryTurns::default();
        let taken: Vec<_> = (0..3).map(|_| turns.take(&held, 2)).collect();
        assert_eq!(taken, [[0, 1], [0, 2], [1, 2]]);
    }

    #[test]
    fn where_few_are_held_all_are_asked_about() {
        assert_eq!(RetryTurns::default().take(&held(&[0, 0]), 50), [0, 1]);
        assert!(RetryTurns::default().take(&[], 50).is_empty());
    }
}
