//! Which names share a certificate.
//!
//! A certificate whose names change is another certificate: AWS replaces it. So what a previous plan
//! has is left as it is, while there is room for more beside it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::certificate::{Certificate, DIGITS};
use super::owners::{is_public, is_within, registrable_of};
use super::spread::{Need, Spread, spread};
use super::state::State;
use super::warning::{About, Warning, and_more};

/// The longest name that ACM takes for a certificate's first, its common name (ACM API reference,
/// "RequestCertificate"); the others may be as long as DNS allows.
const LONGEST_FIRST: usize = 64;

/// Certificates that a warning lists; the rest is counted.
const LISTED: usize = 3;

/// How much there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Names of one certificate.
    pub names: usize,
    /// Certificates.
    pub certificates: usize,
}

/// Names by the public hosted zone that they are validated in.
pub type ByZone = BTreeMap<String, BTreeSet<String>>;

/// Every name in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// In the order of their names.
    pub certificates: Vec<Certificate>,
    /// The id of the listener's default certificate; none where there are no certificates.
    pub default: Option<String>,
    /// Names with which no certificate can begin, because ACM takes no first name so long, and which have no
    /// shorter one of their validation zone to stand behind. By that zone.
    pub too_long: ByZone,
    /// What is replaced, what goes, and what is not needed.
    pub warnings: Vec<Warning>,
}

/// More certificates than there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// The fewest that hold all names, those of the previous plan kept.
    pub needed: usize,
    /// The fewest that hold all names, planned anew.
    pub anew: usize,
}

/// Names that ACM can validate, by zone, and those whose certificates are imported. Of the `given` zones
/// the longest counts that a name is within; without one it is the registrable domain.
pub fn sorted_out(names: &BTreeSet<String>, given: &BTreeSet<String>) -> (ByZone, BTreeSet<String>) {
    let (mut by_zone, mut imported) = (ByZone::new(), BTreeSet::new());
    for name in names {
        if is_public(name) {
            by_zone.entry(validation_zone(name, given).to_owned()).or_default().insert(name.clone());
        } else {
            imported.insert(name.clone());
        }
    }
    (by_zone, imported)
}

fn validation_zone<'n>(name: &'n str, given: &'n BTreeSet<String>) -> &'n str {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let zones = given.iter().filter(|zone| is_within(name, zone));
    zones.max_by_key(|zone| zone.len()).map_or_else(|| registrable_of(name), String::as_str)
}

/// Puts each name into one certificate. `needed` is what [`sorted_out`] made with the same `given` zones.
/// `state` is what there is; with `repack` only the default certificate, and ids of certificates that come
/// out with the same names, are taken from it.
pub fn assign(
    needed: &ByZone,
    given: &BTreeSet<String>,
    room: Room,
    state: Option<&State>,
    repack: bool,
) -> Result<Assigned, TooMany> {
    let default = state.and_then(|state| state.default_certificate.as_ref());
    let mut draft = Draft { default: default.cloned(), ..Draft::default() };
    let before = state.map(|state| &state.certificates[..]).unwrap_or_default();
    let mut rest = needed.clone();
    if !repack {
        for certificate in before {
            draft.keep(certificate, given, needed, &mut rest);
        }
    }
    let anew = || needed.values().map(|names| names.len().div_ceil(room.names)).sum();
    draft.place(rest, needed, room).map_err(|needed| TooMany { needed, anew: anew() })?;
    let dropped = std::mem::take(&mut draft.dropped);
    let kept = draft.kept.len();
    let mut assigned = draft.finish(before, needed);
    assigned.warnings.extend(gone(&dropped, kept));
    Ok(assigned)
}

/// Certificates on the way.
#[derive(Default)]
struct Draft {
    /// As they were.
    kept: Vec<Certificate>,
    new: Vec<New>,
    /// The ids of those with no name in use.
    dropped: Vec<String>,
    /// The id of the default certificate of the previous plan.
    default: Option<String>,
    warnings: Vec<Warning>,
}

/// A new certificate: its names, their zone, and the id of the one whose names it takes over.
struct New {
    names: BTreeSet<String>,
    zone: String,
    replaces: Option<String>,
}

impl Draft {
    /// Keeps a certificate that still has a name in use, and takes its names off the rest.
    fn keep(&mut self, certificate: &Certificate, given: &BTreeSet<String>, needed: &ByZone, rest: &mut ByZone) {
        if !needed.values().any(|names| certificate.names.iter().any(|name| names.contains(name))) {
            self.dropped.push(certificate.id.clone());
            return;
        }
        // ACM never made such a one.
        if certificate.names.first().is_some_and(|first| is_long(first)) {
            return;
        }
        // ACM validates all names again for each renewal, so those not in use count, too.
        let zones: BTreeSet<_> = certificate.names.iter().map(|name| validation_zone(name, given)).collect();
        let mut zones = zones.into_iter();
        let Some(zone) = zones.next() else { return };
        if let Some(other) = zones.next() {
            self.warnings.push(Warning {
                about: About::Certificate,
                name: certificate.id.clone(),
                what: format!(
                    "certificate {} is replaced: its names are now validated in {zone} and in {other}, and one \
                     certificate has one validation zone",
                    certificate.id
                ),
                help: "leave out the --validation-zone that parts them, if that is not meant".into(),
            });
            return;
        }
        rest.entry(zone.to_owned()).or_default().retain(|name| !certificate.names.contains(name));
        self.kept.push(Certificate { validation_zone: zone.to_owned(), ..certificate.clone() });
    }

    /// Finds a certificate for each name of the rest: one of its own while there is room for that; then
    /// shared ones; then the fewest kept ones get more names. Or says how many it would take.
    fn place(&mut self, mut rest: ByZone, needed: &ByZone, room: Room) -> Result<(), usize> {
        rest.retain(|_, names| !names.is_empty());
        let free = room.certificates.saturating_sub(self.kept.len());
        let count: usize = rest.values().map(BTreeSet::len).sum();
        if count <= free && self.kept.len() <= room.certificates {
            for (zone, names) in rest {
                self.place_alone(&zone, names, &needed[&zone], room.names);
            }
            return Ok(());
        }
        let needs: Vec<_> =
            rest.iter().map(|(zone, names)| self.need(zone, names.len(), &needed[zone], room.names)).collect();
        if self.kept.len() > room.certificates {
            return Err(self.kept.len() + spread(&needs, room.names, 0).err().unwrap_or(0));
        }
        let Spread { new, extended } = spread(&needs, room.names, free).map_err(|fewest| self.kept.len() + fewest)?;
        for (((zone, mut names), fresh), extended) in rest.into_iter().zip(new).zip(extended) {
            for group in dealt(&mut names, fresh, room.names) {
                self.new.push(New { names: group, zone: zone.clone(), replaces: None });
            }
            self.extend(&zone, &mut names, extended, &needed[&zone]);
        }
        Ok(())
    }

    /// Each name of a zone by itself; but those that cannot be the first of a certificate stand behind
    /// others, of new certificates or, if there are none, of kept ones.
    fn place_alone(&mut self, zone: &str, mut names: BTreeSet<String>, needed: &BTreeSet<String>, most: usize) {
        let mut long: BTreeSet<_> = names.iter().filter(|name| is_long(name)).cloned().collect();
        names.retain(|name| !long.contains(name));
        for name in names {
            let behind: Vec<_> = long.iter().take(most.saturating_sub(1)).cloned().collect();
            long.retain(|name| !behind.contains(name));
            let names = [name].into_iter().chain(behind).collect();
            self.new.push(New { names, zone: zone.into(), replaces: None });
        }
        let extended = self.need(zone, long.len(), needed, most).extended(0, most);
        self.extend(zone, &mut long, extended, needed);
        self.new.extend(long.into_iter().map(|name| New { names: [name].into(), zone: zone.into(), replaces: None }));
    }

    /// So many new names of a zone, and the room that its kept certificates have for them.
    fn need(&self, zone: &str, names: usize, needed: &BTreeSet<String>, most: usize) -> Need {
        let of_zone = self.kept.iter().filter(|kept| kept.validation_zone == zone);
        let spare = of_zone.map(|kept| (most.saturating_sub(used(kept, needed).len()), kept.id.clone()));
        let mut spare: Vec<_> = spare.collect();
        spare.sort_by_key(|(spare, id)| (Reverse(*spare), id.clone()));
        Need { names, spare, precious: self.default.clone() }
    }

    /// Puts names into kept certificates, so many into each, which makes others of them.
    fn extend(
        &mut self,
        zone: &str,
        names: &mut BTreeSet<String>,
        extended: Vec<(usize, String)>,
        needed: &BTreeSet<String>,
    ) {
        for (spare, id) in extended {
            let at = self.kept.iter().position(|kept| kept.id == id).expect("it came from the kept ones");
            let mut all = used(&self.kept.remove(at), needed);
            all.extend(std::iter::from_fn(|| names.pop_first()).take(spare));
            self.new.push(New { names: all, zone: zone.into(), replaces: Some(id) });
        }
    }

    /// Gives ids to the new ones, and puts all in order.
    fn finish(self, before: &[Certificate], needed: &ByZone) -> Assigned {
        let Draft { kept, new, default: was, mut warnings, .. } = self;
        for certificate in &kept {
            warnings.extend(unused(certificate, &needed[&certificate.validation_zone]));
        }
        let mut certificates = kept;
        let mut successor = None;
        for New { names, zone, replaces } in new {
            let names = short_first(names);
            let same = before.iter().find(|certificate| certificate.names == names);
            let id = same.map_or_else(|| id_of(&names, before, &certificates), |same| same.id.clone());
            if let Some(old) = replaces {
                warnings.push(replaced(&old, &id));
                successor = successor.or_else(|| (was.as_ref() == Some(&old)).then(|| id.clone()));
            }
            certificates.push(Certificate { id, names, validation_zone: zone });
        }
        certificates.sort_by(|a, b| a.names.cmp(&b.names));
        let stays = was.clone().filter(|id| certificates.iter().any(|certificate| certificate.id == *id));
        let default = stays.or(successor).or_else(|| certificates.first().map(|first| first.id.clone()));
        warnings.extend(
            was.filter(|was| default.as_ref() != Some(was)).map(|was| another_default(&was, default.as_deref())),
        );
        let mut too_long = ByZone::new();
        for Certificate { names, validation_zone, .. } in &certificates {
            if names.first().is_some_and(|first| is_long(first)) {
                too_long.entry(validation_zone.clone()).or_default().extend(names.iter().cloned());
            }
        }
        Assigned { certificates, default, too_long, warnings }
    }
}

/// Whether ACM takes a name only behind another one.
fn is_long(name: &str) -> bool {
    name.len() > LONGEST_FIRST
}

/// A certificate's names that are needed.
fn used(certificate: &Certificate, needed: &BTreeSet<String>) -> BTreeSet<String> {
    certificate.names.iter().filter(|name| needed.contains(*name)).cloned().collect()
}

/// Takes so many groups from the names, in order; but where there are long ones, each group gets a shorter
/// one first, as far as there are any.
fn dealt(names: &mut BTreeSet<String>, groups: usize, most: usize) -> Vec<BTreeSet<String>> {
    let mut dealt = vec![BTreeSet::new(); groups];
    if names.iter().any(|name| is_long(name)) {
        let short: Vec<_> = names.iter().filter(|name| !is_long(name)).take(groups).cloned().collect();
        for (group, name) in dealt.iter_mut().zip(short) {
            names.remove(&name);
            group.insert(name);
        }
    }
    for group in &mut dealt {
        while let Some(name) = (group.len() < most).then(|| names.pop_first()).flatten() {
            group.insert(name);
        }
    }
    dealt
}

/// In order, but for a name in front that ACM would not take there.
fn short_first(names: BTreeSet<String>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().collect();
    let short = names.iter().position(|name| !is_long(name)).unwrap_or(0);
    names[..=short].rotate_right(1);
    names
}

fn gone(ids: &[String], kept: usize) -> Option<Warning> {
    let first = ids.first()?;
    let more = and_more(ids.len().saturating_sub(LISTED));
    let listed = ids.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let (noun, verb) = if ids.len() == 1 { ("certificate", "goes") } else { ("certificates", "go") };
    let none = if kept == 0 { "; none of the previous plan stays as it is" } else { "" };
    Some(Warning {
        about: About::Certificate,
        name: first.clone(),
        what: format!("{noun} {listed}{more} {verb}: no domain has a name in use there any more{none}"),
        help:
            "check that --state names the previous plan of this mapping; if so, upload the mapping first, then deploy"
                .into(),
    })
}

fn another_default(was: &str, now: Option<&str>) -> Warning {
    let now = now.map_or_else(|| "there is none now".to_owned(), |now| format!("now it is {now}"));
    Warning {
        about: About::Certificate,
        name: was.into(),
        what: format!("the listener's default certificate is another one: it was {was}, and {now}"),
        help: "clients that send no server name (SNI) get the default certificate; the others notice nothing".into(),
    }
}

fn unused(certificate: &Certificate, needed: &BTreeSet<String>) -> Option<Warning> {
    let unused: Vec<_> = certificate.names.iter().filter(|name| !needed.contains(*name)).map(String::as_str).collect();
    (!unused.is_empty()).then(|| Warning {
        about: About::Certificate,
        name: certificate.id.clone(),
        what: format!("certificate {} has names that no domain uses: {}", certificate.id, unused.join(", ")),
        help: "they stay, since a certificate without them would be another one; `--repack` plans all anew".into(),
    })
}

fn replaced(old: &str, new: &str) -> Warning {
    Warning {
        about: About::Certificate,
        name: old.into(),
        what: format!("certificate {old} is replaced by {new}, which has more names: no certificate is left for them"),
        help: "the listener is full, and holds both until the old one goes: have its quota raised first, by as many as are \
               replaced; with `--quota certificates-per-listener` saying so, none is replaced"
            .into(),
    }
}

/// An id made of the names, that no other certificate has or had.
fn id_of(names: &[String], before: &[Certificate], others: &[Certificate]) -> String {
    let taken = |id: &String| before.iter().chain(others).any(|other| other.id == *id);
    let salted = |salt: u32| if salt == 0 { names.join("\n") } else { format!("{}\n{salt}", names.join("\n")) };
    let mut ids = (0..).map(|salt| {
        let hash = ring::digest::digest(&ring::digest::SHA256, salted(salt).as_bytes());
        let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("c-{}", &hex[..DIGITS])
    });
    ids.find(|id| !taken(id)).expect("there are more hashes than certificates")
}
