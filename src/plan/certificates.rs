//! Which names share a certificate.
//!
//! A certificate whose names change is another certificate: AWS replaces it. So what a previous plan
//! has is left as it is, while there is room for more beside it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::owners::{is_public, is_within, registrable_of};
use super::spread::{Need, Spread, spread};
use super::state::State;
use super::warning::{About, Warning};

/// Hexadecimal digits of a hash in an id.
const DIGITS: usize = 10;

/// The longest name that ACM takes for a certificate's first, its common name (ACM API reference,
/// "RequestCertificate"); the others may be as long as DNS allows.
const LONGEST_FIRST: usize = 64;

/// An ACM certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Stays while the names do.
    pub id: String,
    /// The domain name, then the alternative names; at least one.
    pub names: Vec<String>,
    /// The public hosted zone that ACM's validation records go into.
    pub validation_zone: String,
}

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
    /// What is replaced, and what is not needed.
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
    let mut draft = Draft::default();
    let before = state.map(|state| &state.certificates[..]).unwrap_or_default();
    let mut rest = needed.clone();
    if !repack {
        for certificate in before {
            draft.keep(certificate, given, needed, &mut rest);
        }
    }
    let anew = || needed.values().map(|names| names.len().div_ceil(room.names)).sum();
    draft.place(rest, needed, room).map_err(|needed| TooMany { needed, anew: anew() })?;
    let mut assigned = draft.finish(before, needed);
    let default = state.and_then(|state| state.default_certificate.as_ref());
    let stays = default.filter(|id| assigned.certificates.iter().any(|certificate| certificate.id == **id));
    assigned.default = stays.or(assigned.certificates.first().map(|first| &first.id)).cloned();
    Ok(assigned)
}

/// Certificates on the way.
#[derive(Default)]
struct Draft {
    /// As they were.
    kept: Vec<Certificate>,
    /// New ones, by names and zone, each with the ids of the certificates whose names it takes over.
    new: Vec<(BTreeSet<String>, String, Option<String>)>,
    warnings: Vec<Warning>,
}

impl Draft {
    /// Keeps a certificate that still has a name in use, and takes its names off the rest.
    fn keep(&mut self, certificate: &Certificate, given: &BTreeSet<String>, needed: &ByZone, rest: &mut ByZone) {
        if !needed.values().any(|names| certificate.names.iter().any(|name| names.contains(name))) {
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
            let alone = |(zone, names): (String, BTreeSet<String>)| {
                names.into_iter().map(move |name| ([name].into(), zone.clone(), None))
            };
            self.new.extend(rest.into_iter().flat_map(alone));
            return Ok(());
        }
        let used = |certificate: &Certificate| {
            let names = &needed[&certificate.validation_zone];
            certificate.names.iter().filter(|name| names.contains(*name)).cloned().collect::<BTreeSet<_>>()
        };
        let mut needs = Vec::new();
        for (zone, names) in &rest {
            let of_zone = self.kept.iter().filter(|certificate| certificate.validation_zone == *zone);
            let mut spare: Vec<_> =
                of_zone.map(|kept| (room.names.saturating_sub(used(kept).len()), &kept.id)).collect();
            spare.sort_by_key(|(spare, id)| (std::cmp::Reverse(*spare), (*id).clone()));
            needs.push(Need { names: names.len(), spare: spare.into_iter().map(|(n, id)| (n, id.clone())).collect() });
        }
        if self.kept.len() > room.certificates {
            return Err(self.kept.len() + spread(&needs, room.names, 0).err().unwrap_or(0));
        }
        let Spread { new, extended } = spread(&needs, room.names, free).map_err(|fewest| self.kept.len() + fewest)?;
        for (((zone, names), fresh), extended) in rest.into_iter().zip(new).zip(extended) {
            let mut names = names.into_iter();
            for _ in 0..fresh {
                self.new.push((names.by_ref().take(room.names).collect(), zone.clone(), None));
            }
            for (spare, id) in extended {
                let at = self.kept.iter().position(|kept| kept.id == id).expect("it came from the kept ones");
                let old = self.kept.remove(at);
                let mut all = used(&old);
                all.extend(names.by_ref().take(spare));
                self.new.push((all, zone.clone(), Some(id)));
            }
        }
        Ok(())
    }

    /// Gives ids to the new ones, and puts all in order.
    fn finish(self, before: &[Certificate], needed: &ByZone) -> Assigned {
        let Draft { kept, new, mut warnings } = self;
        for certificate in &kept {
            warnings.extend(unused(certificate, &needed[&certificate.validation_zone]));
        }
        let mut certificates = kept;
        for (names, zone, replaces) in new {
            let names = short_first(names);
            let same = before.iter().find(|certificate| certificate.names == names);
            let id = same.map_or_else(|| id_of(&names, before, &certificates), |same| same.id.clone());
            warnings.extend(replaces.map(|old| replaced(&old, &id)));
            certificates.push(Certificate { id, names, validation_zone: zone });
        }
        certificates.sort_by(|a, b| a.names.cmp(&b.names));
        warnings.extend(certificates.iter().filter_map(too_long));
        Assigned { certificates, default: None, warnings }
    }
}

/// In order, but for a name in front that ACM would not take there.
fn short_first(names: BTreeSet<String>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().collect();
    let short = names.iter().position(|name| name.len() <= LONGEST_FIRST).unwrap_or(0);
    names[..=short].rotate_right(1);
    names
}

fn too_long(certificate: &Certificate) -> Option<Warning> {
    let name = certificate.names.first().filter(|name| name.len() > LONGEST_FIRST)?;
    Some(Warning {
        about: About::Certificate,
        name: certificate.id.clone(),
        what: format!(
            "ACM refuses certificate {}: its first name has over {LONGEST_FIRST} characters: {name}",
            certificate.id
        ),
        help: "give these domains a shorter parent, of 62 characters at most".into(),
    })
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
        help: "it is made and validated before the old one goes; to avoid it, raise `certificates-per-listener`".into(),
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
