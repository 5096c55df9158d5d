//! How much a change may remove and how far it may grow a mapping: each part for itself, and all together.

use std::collections::HashSet;

use super::error::{Grown, PartError, Shrunk};
use super::pick::{Pick, Use};
use super::set::PartVersion;
use crate::domain::table::{MappingTable, grows_beyond, removes_too_many};

/// A part with fewer domains may lose all of them: what that is of the whole mapping is what counts. Of few domains, each
/// is many percent.
const SMALL_PART: usize = 10;

/// How much a change may remove, and how far it may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `max_removed`, in percent.
    pub max_removed: u8,
    /// `allow_shrink`.
    pub allow_shrink: bool,
    /// `hold_entries`: of the whole mapping.
    pub entries: u64,
    /// `hold_bytes`: of the whole mapping.
    pub bytes: u64,
    /// `hold_part_entries`: of one part.
    pub part_entries: u64,
}

impl Limits {
    /// Holds nothing: for where there is nothing yet that could be lost.
    pub const NONE: Limits =
        Limits { max_removed: 100, allow_shrink: true, entries: u64::MAX, bytes: u64::MAX, part_entries: u64::MAX };
}

/// Holds parts that remove or grow too much by themselves. The first mapping is taken as it comes.
pub(super) fn each(picks: &mut [Pick<'_>], active: &MappingTable, limits: &Limits, consent: bool) {
    for pick in picks.iter_mut() {
        let Use::Offered(Some(version)) = &pick.used else { continue };
        if was_held(pick) && consent {
            continue;
        }
        let before = pick.part.used();
        let (entries, had) = (version.routes.len() as u64, before.map_or(0, |used| used.routes.len() as u64));
        let grown = grows_beyond(entries, had, limits.part_entries).then(|| {
            let (size, most, setting) = (entries, limits.part_entries, "hold_part_entries");
            PartError::Grown(Grown { version: version.version, size, most, setting })
        });
        let grown = grown.filter(|_| !active.is_empty());
        let shrunk = before.and_then(|before| {
            let (removed, domains) = removed(before, version);
            let is_held = domains >= SMALL_PART && removes_too_many(removed, domains, limits.max_removed);
            (is_held && !limits.allow_shrink).then(|| {
                let version = Some(version.version);
                PartError::Shrunk(Shrunk { version, removed, domains, of_all: false, most: limits.max_removed })
            })
        });
        if let Some(error) = shrunk.or(grown) {
            pick.keep(error);
        }
    }
}

/// Holds parts where all changes together remove or grow too much: those first that do most. Returns whether it did.
pub(super) fn all(picks: &mut [Pick<'_>], active: &MappingTable, limits: &Limits, consent: bool) -> bool {
    if active.is_empty() {
        return false;
    }
    let mut held = too_much_removed(picks, active, limits, consent);
    if held.is_empty() {
        held = too_much_grown(picks, active, limits, consent);
    }
    let is_held = !held.is_empty();
    for (at, error) in held {
        picks[at].keep(error);
    }
    is_held
}

/// The parts to hold: as few as it takes, as far as one look tells. What they have in common may make it more.
fn too_much_removed(
    picks: &[Pick<'_>],
    active: &MappingTable,
    limits: &Limits,
    consent: bool,
) -> Vec<(usize, PartError)> {
    if limits.allow_shrink {
        return Vec::new();
    }
    let changes: Vec<usize> = (0..picks.len()).filter(|at| picks[*at].is_change()).collect();
    let kept: HashSet<&[u8]> =
        changes.iter().filter_map(|at| picks[*at].version()).flat_map(|version| version.hosts()).collect();
    let marks: HashSet<u16> =
        changes.iter().filter_map(|at| picks[*at].part.in_use.as_ref().map(|used| used.mark)).collect();
    let mut all_lost: HashSet<&[u8]> = HashSet::new();
    let mut by_part: Vec<(usize, usize)> = Vec::new();
    // What somebody has consented to is removed, and holds up nobody else.
    for at in changes.into_iter().filter(|at| !(consent && was_held(&picks[*at]))) {
        let Some(before) = picks[at].part.used() else { continue };
        let is_lost = |host: &&[u8]| {
            !kept.contains(host) && active.routes_named(host).iter().all(|route| marks.contains(&route.part))
        };
        let lost: Vec<&[u8]> = before.hosts().filter(is_lost).collect();
        by_part.push((at, lost.len()));
        all_lost.extend(lost);
    }
    let (removed, domains, most) = (all_lost.len(), active.domains(), limits.max_removed);
    by_part.sort_by_key(|(at, lost)| (std::cmp::Reverse(*lost), *at));
    let (mut left, mut held) = (removed, Vec::new());
    for (at, lost) in by_part {
        if lost == 0 || !removes_too_many(left, domains, most) {
            break;
        }
        left = left.saturating_sub(lost);
        let version = match &picks[at].used {
            Use::Offered(version) => version.as_ref().map(|version| version.version),
            Use::Before => None,
        };
        held.push((at, PartError::Shrunk(Shrunk { version, removed, domains, of_all: true, most })));
    }
    held
}

fn too_much_grown(
    picks: &[Pick<'_>],
    active: &MappingTable,
    limits: &Limits,
    consent: bool,
) -> Vec<(usize, PartError)> {
    let entries: fn(&PartVersion) -> u64 = |version| version.routes.len() as u64;
    let bytes: fn(&PartVersion) -> u64 = |version| version.size;
    let total =
        |size: fn(&PartVersion) -> u64| -> u64 { picks.iter().filter_map(Pick::version).map(|v| size(v)).sum() };
    let bytes_before: u64 = picks.iter().filter_map(|pick| pick.part.used()).map(|used| used.size).sum();
    let (size, most, setting) = if grows_beyond(total(entries), active.len() as u64, limits.entries) {
        (entries, limits.entries, "hold_entries")
    } else if grows_beyond(total(bytes), bytes_before, limits.bytes) {
        (bytes, limits.bytes, "hold_bytes")
    } else {
        return Vec::new();
    };
    let growth = |pick: &Pick<'_>| {
        let before = pick.part.used().map_or(0, |used| size(used));
        pick.version().map_or(0, |version| size(version).saturating_sub(before))
    };
    let may_be_held = |at: &usize| picks[*at].is_change() && !(consent && was_held(&picks[*at]));
    let mut growing: Vec<(usize, u64)> =
        (0..picks.len()).filter(may_be_held).map(|at| (at, growth(&picks[at]))).filter(|(_, by)| *by > 0).collect();
    growing.sort_by_key(|(at, by)| (std::cmp::Reverse(*by), *at));
    let (all, mut left, mut held) = (total(size), total(size), Vec::new());
    for (at, by) in growing {
        if left <= most {
            break;
        }
        left -= by;
        let Some(version) = picks[at].version().map(|version| version.version) else { continue };
        held.push((at, PartError::Grown(Grown { version, size: all, most, setting })));
    }
    held
}

/// Reports whether what is offered is what was held.
fn was_held(pick: &Pick<'_>) -> bool {
    let offered = match &pick.used {
        Use::Offered(version) => version.as_ref().map(|version| version.version),
        Use::Before => return false,
    };
    pick.part.error.as_ref().is_some_and(|(error, _)| error.is_held() && error.version() == offered)
}

/// How many domains of a version another one does not have, and how many it has.
fn removed(before: &PartVersion, after: &PartVersion) -> (usize, usize) {
    let kept: HashSet<&[u8]> = after.hosts().collect();
    let had: Vec<&[u8]> = before.hosts().collect();
    (had.iter().filter(|host| !kept.contains(*host)).count(), had.len())
}
