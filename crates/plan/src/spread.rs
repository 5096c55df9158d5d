//! Where names go when there are more of them than certificates: the arithmetic of it.

/// The new names of one validation zone.
#[derive(Clone, Debug, Default)]
pub(super) struct Need {
    /// How many there are.
    pub names: usize,
    /// How many more names each existing certificate of the zone can take, most first, and its id.
    pub spare: Vec<(usize, String)>,
    /// The existing certificate that is extended only where it takes more others in its place.
    pub precious: Option<String>,
}

/// What each zone gets, zone by zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spread {
    /// New certificates.
    pub new: Vec<usize>,
    /// Existing certificates that get more names: how many, and its id.
    pub extended: Vec<Vec<(usize, String)>>,
}

/// Spreads the names over at most `free` new certificates of `most` names each, so that the fewest existing
/// ones are extended; of those ways, the one with the fewest new ones. Where there is none, the fewest
/// new certificates that it takes.
pub(super) fn spread(needs: &[Need], most: usize, free: usize) -> Result<Spread, usize> {
    let fewest: usize = needs.iter().map(|need| need.fewest(most)).sum();
    if fewest > free {
        return Err(fewest);
    }
    let wanted: usize = needs.iter().map(|need| need.names.div_ceil(most)).sum();
    // By new certificates used so far: how many are extended, and what each zone got.
    let mut ways: Vec<Option<(usize, Vec<usize>)>> = vec![None; wanted.min(free) + 1];
    ways[0] = Some((0, Vec::new()));
    for need in needs {
        let mut next = vec![None; ways.len()];
        for (used, way) in ways.iter().enumerate() {
            let Some((extended, got)) = way else { continue };
            for new in need.fewest(most)..=need.names.div_ceil(most).min(ways.len() - 1 - used) {
                let extended = extended + need.extended(new, most).len();
                let slot: &mut Option<(usize, Vec<usize>)> = &mut next[used + new];
                if slot.as_ref().is_none_or(|(least, _)| extended < *least) {
                    *slot = Some((extended, [&got[..], &[new]].concat()));
                }
            }
        }
        ways = next;
    }
    let best = ways.into_iter().flatten().min_by_key(|(extended, _)| *extended);
    let (_, new) = best.expect("the fewest new certificates are one way");
    let extended = needs.iter().zip(&new).map(|(need, new)| need.extended(*new, most)).collect();
    Ok(Spread { new, extended })
}

impl Need {
    /// The fewest new certificates it takes when every existing one is extended.
    fn fewest(&self, most: usize) -> usize {
        let spare: usize = self.spare.iter().map(|(spare, _)| spare).sum();
        self.names.saturating_sub(spare).div_ceil(most)
    }

    /// What is extended beside so many new ones: those with the most to spare, so the fewest; and not the
    /// precious one, if as few others will do. All that have room, where even that is not enough.
    pub(super) fn extended(&self, new: usize, most: usize) -> Vec<(usize, String)> {
        let left = self.names.saturating_sub(new * most);
        let all = largest(left, self.spare.iter());
        let others = self.spare.iter().filter(|(_, id)| Some(id) != self.precious.as_ref());
        let without = largest(left, others).filter(|without| all.as_ref().is_none_or(|all| without.len() <= all.len()));
        without.or(all).unwrap_or_else(|| self.spare.iter().filter(|(spare, _)| *spare > 0).cloned().collect())
    }
}

/// The first of these that have room for so many; none if all together have not.
fn largest<'s>(mut left: usize, spare: impl Iterator<Item = &'s (usize, String)>) -> Option<Vec<(usize, String)>> {
    let mut taken = Vec::new();
    for one in spare {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(one.0);
        taken.push(one.clone());
    }
    (left == 0).then_some(taken)
}
