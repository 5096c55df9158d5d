//! The domain that somebody probably meant who asked for one that the mapping does not have.

use strsim::damerau_levenshtein;

use crate::domain::route::Route;
use crate::domain::table::MappingTable;

/// The entry of the domain that is nearest to a host: one with a slip of the pen in it, or a wildcard that covers one label
/// less or more.
pub(super) fn nearest_domain<'t>(table: &'t MappingTable, host: &str) -> Option<&'t Route> {
    let by_host = table.groups().filter_map(|places| places.map(|at| table.route(at)).min_by_key(|route| route.line));
    let slips = by_host.filter_map(|route| Some((slips(host, route.host())?, route)));
    slips.min_by_key(|(slips, _)| *slips).map(|(_, route)| route).or_else(|| wildcard_around(table, host))
}

/// Of the entries of a domain, the one that the mapping has first.
fn first_in_file(entries: &[Route]) -> Option<&Route> {
    entries.iter().min_by_key(|route| route.line)
}

/// The wildcard of the host itself, or of a domain that is two labels above it or more.
fn wildcard_around<'t>(table: &'t MappingTable, host: &str) -> Option<&'t Route> {
    // A host is found under a wildcard exactly if it has one label more.
    let under =
        |parent: &str| first_in_file(table.routes_of(&format!("x.{parent}"))).filter(|route| route.is_wildcard());
    std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, parent)| parent)).find_map(under)
}

/// How many slips lead from one name to another, if they may be slips: about one in three letters of what differs.
fn slips(asked: &str, known: &str) -> Option<usize> {
    let (asked, known) = differing_labels(asked, known);
    let most = (known.len().min(asked.len()) / 3).max(1);
    if asked.len().abs_diff(known.len()) > most || known.contains('*') {
        return None;
    }
    Some(damerau_levenshtein(asked, known)).filter(|slips| *slips <= most)
}

/// What is left of two names without the labels that both begin and end with.
fn differing_labels<'n>(mut one: &'n str, mut other: &'n str) -> (&'n str, &'n str) {
    while let (Some((a, one_rest)), Some((b, other_rest))) =
        (one.rsplit_once('.').map(flip), other.rsplit_once('.').map(flip))
        && a == b
    {
        (one, other) = (one_rest, other_rest);
    }
    while let (Some((a, one_rest)), Some((b, other_rest))) = (one.split_once('.'), other.split_once('.'))
        && a == b
    {
        (one, other) = (one_rest, other_rest);
    }
    (one, other)
}

fn flip<'n>((rest, last): (&'n str, &'n str)) -> (&'n str, &'n str) {
    (last, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::compile::compile;

    #[test]
    fn a_slip_is_seen_through_and_another_name_is_not_guessed() {
        let entry = |host: &str| {
            format!(
                "  - {{ CUSTOM_DOMAIN_URL: '{host}', PRIVATE_API_URL: 'https://abc.execute-api.eu-west-1.amazonaws.com/p' }}\n"
            )
        };
        let hosts = ["orders.internal.example.com", "pay.internal.example.com", "*.team.example.com"];
        let text = format!("APIS:\n{}", hosts.map(entry).concat());
        let table = compile(&text, "m.yaml", None).expect("a mapping");
        for (asked, want) in [
            ("order.internal.example.com", Some(hosts[0])),
            ("odrers.internal.example.com", Some(hosts[0])),
            ("orders.internal.exmaple.com", Some(hosts[0])),
            ("orders.interal.example.com", Some(hosts[0])),
            ("pai.internal.example.com", Some(hosts[1])),
            ("a.b.team.example.com", Some(hosts[2])),
            ("team.example.com", Some(hosts[2])),
            ("other.internal.example.com", None),
            ("nobody.example.net", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest_domain(&table, asked).map(Route::host), want, "{asked}");
        }
    }
}
