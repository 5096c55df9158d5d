//! What entries allow: verbs at paths of stages, and how that is written as resources.
//!
//! **Invariant:** at [`Level::Exact`] the resources match the entries' requests and no others. `*` in a
//! resource stands for any characters, `/` among them, so `/dev/*/path1` would also match
//! `/dev/GET/other/path1`: an entry with a path has each of its verbs written out.

use std::collections::{BTreeMap, BTreeSet};

use super::document::WHOLE_API;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::verbs::VERBS;

/// Verbs, by name. Without VERBS an entry has all that API Gateway lets an API define.
type Verbs = BTreeSet<&'static str>;

/// A stage, and a path of it: empty for the whole stage, otherwise `/...` without a slash at the end.
pub(super) type Place = (String, String);

/// How much of what entries say is kept, from everything to the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// All.
    Exact,
    /// A path with every verb has `*` for its verbs.
    AnyVerb,
    /// Every path has.
    EveryVerb,
    /// A stage stands for all of its paths and verbs.
    Stage,
}

impl Level {
    pub(super) const LOSSY: [Level; 3] = [Level::AnyVerb, Level::EveryVerb, Level::Stage];
}

/// What somebody may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grants(BTreeMap<Place, Verbs>);

impl Grants {
    /// Adds what an entry allows.
    pub(super) fn add(&mut self, route: &Route) {
        let place = place_of(route);
        self.0.entry(place).or_default().extend(route.choices.verbs.names());
    }

    /// Without what these allow as well.
    pub(super) fn beyond(&self, others: &Grants) -> Grants {
        let rest = |place: &Place, verbs: &Verbs| -> Verbs {
            let allowed = others.reaching(place);
            verbs.iter().filter(|verb| !allowed.contains(*verb)).copied().collect()
        };
        let kept = self.0.iter().map(|(place, verbs)| (place.clone(), rest(place, verbs)));
        Grants(kept.filter(|(_, verbs)| !verbs.is_empty()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each place, and its verbs.
    pub(super) fn places(&self) -> impl Iterator<Item = (&Place, &BTreeSet<&'static str>)> {
        self.0.iter()
    }

    /// Reports whether entries name a place.
    pub(super) fn has_place(&self, place: &Place) -> bool {
        self.0.contains_key(place)
    }

    /// The verbs allowed at a place and at those above it.
    fn reaching(&self, place: &Place) -> Verbs {
        self.0.get(place).into_iter().flatten().copied().chain(self.above(place)).collect()
    }

    /// The verbs allowed at the places a place lies below, on segment boundaries.
    fn above(&self, (stage, path): &Place) -> Verbs {
        let above = path.match_indices('/').map(|(at, _)| (stage.clone(), path[..at].to_owned()));
        above.filter_map(|place| self.0.get(&place)).flatten().copied().collect()
    }

    /// Without verbs at a path that the same verbs at a path above, or at the stage, cover.
    pub(super) fn uncovered(&self) -> Grants {
        let mut kept = BTreeMap::new();
        for (place, verbs) in &self.0 {
            let rest: Verbs = verbs.difference(&self.above(place)).copied().collect();
            if !rest.is_empty() {
                kept.insert(place.clone(), rest);
            }
        }
        Grants(kept)
    }

    /// These, with what the level gives up given up.
    fn at(&self, level: Level) -> Grants {
        // What is covered from above is no reason to widen anything.
        let Grants(mut widened) = self.uncovered();
        if level == Level::Stage {
            let stages: BTreeSet<String> =
                widened.keys().filter(|(_, path)| !path.is_empty()).map(|(stage, _)| stage.clone()).collect();
            widened.extend(stages.into_iter().map(|stage| ((stage, String::new()), VERBS.into())));
        }
        if level >= Level::EveryVerb {
            widened.iter_mut().filter(|((_, path), _)| !path.is_empty()).for_each(|(_, verbs)| verbs.extend(VERBS));
        }
        Grants(widened).uncovered()
    }

    /// The resources of each place that needs any.
    fn by_place(&self, level: Level) -> impl Iterator<Item = (Place, Vec<String>)> {
        let grants = self.at(level);
        grants.0.into_iter().map(move |(place, verbs)| {
            let resources = resources_of(&place, &verbs, level);
            (place, resources)
        })
    }

    /// The resources, sorted.
    pub(super) fn resources(&self, level: Level) -> Vec<String> {
        let mut resources: Vec<String> = self.by_place(level).flat_map(|(_, resources)| resources).collect();
        resources.sort();
        resources
    }

    /// How many characters each place takes in a policy, most first.
    pub(super) fn sizes(&self, level: Level) -> Vec<(Place, usize)> {
        let size = |resources: Vec<String>| resources.iter().map(|text| text.chars().count() + 3).sum();
        let mut sizes: Vec<(Place, usize)> =
            self.by_place(level).map(|(place, resources)| (place, size(resources))).collect();
        sizes.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        sizes
    }

    /// What a level allows beyond the entries, a line for each place.
    pub(super) fn widened(&self, level: Level) -> Vec<String> {
        let exact = self.uncovered();
        let paths = exact.0.iter().filter(|((_, path), _)| !path.is_empty());
        let line = |((stage, path), verbs): (&Place, &Verbs)| match (level, is_all(verbs)) {
            (Level::Exact, _) => None,
            (Level::Stage, _) => Some(format!("/{stage}{path}: every verb and path of the stage `{stage}`")),
            (_, true) => Some(format!("/{stage}{path}: also paths of the stage that hold {path} further on")),
            (Level::AnyVerb, false) => None,
            (Level::EveryVerb, false) => {
                let had = verbs.iter().copied().collect::<Vec<_>>().join(", ");
                Some(format!("/{stage}{path}: every verb instead of {had}; also paths that hold {path} further on"))
            }
        };
        paths.filter_map(line).collect()
    }
}

fn place_of(route: &Route) -> Place {
    let prefix = route.prefix().trim_start_matches('/');
    let (stage, path) = prefix.split_at(prefix.find('/').unwrap_or(prefix.len()));
    (stage.to_owned(), path.to_owned())
}

/// The stage an entry's requests go to.
pub(super) fn stage_of(route: &Route) -> String {
    place_of(route).0
}

fn is_all(verbs: &Verbs) -> bool {
    verbs.len() == VERBS.len()
}

fn resources_of((stage, path): &Place, verbs: &Verbs, level: Level) -> Vec<String> {
    if path.is_empty() {
        return match is_all(verbs) {
            true => vec![format!("execute-api:/{stage}/*")],
            // `*` stands for nothing, too: this is the root, `/dev/GET/`, as well.
            false => verbs.iter().map(|verb| format!("execute-api:/{stage}/{verb}/*")).collect(),
        };
    }
    let path = escaped(path);
    let both = |verb: &str| {
        let whole = format!("execute-api:/{stage}/{verb}{path}");
        [format!("{whole}/*"), whole]
    };
    if level > Level::Exact && is_all(verbs) {
        return both("*").into();
    }
    verbs.iter().flat_map(|verb| both(verb)).collect()
}

/// A path as a resource spells it: `*` and `?` stand for themselves, and `${` begins no variable. Nor does a `$`
/// stand before what is written with one: AWS does not say how it reads `$${*}`.
pub(super) fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut rest = path.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => text.push_str("${*}"),
            '?' => text.push_str("${?}"),
            '$' if rest.clone().find(|next| *next != '$').is_some_and(|next| "{*?".contains(next)) => {
                text.push_str("${$}")
            }
            c => text.push(c),
        }
    }
    text
}

/// The partition of AWS that a region is in, as ARNs name it.
pub fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ => "aws",
    }
}

/// How long a resource is as AWS keeps it: API Gateway writes the short form out when it saves a policy.
pub(super) fn expanded_len(resource: &str, region: &str, api_id: &str) -> usize {
    let short = WHOLE_API.len() - 2;
    let partition = partition_of(region);
    let arn = "arn:".len() + partition.len() + ":execute-api:".len() + region.len() + 1 + 12 + 1 + api_id.len();
    resource.chars().count() - short + arn
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::route::Choices;
    use nameplate_core::domain::verbs::VerbSet;

    fn grants(entries: &[(&str, &str)]) -> Grants {
        let mut grants = Grants::default();
        for (path, verbs) in entries {
            let api = PrivateApi::parse(&format!("https://abc.execute-api.eu-west-1.amazonaws.com{path}"));
            let verbs = match *verbs {
                "" => VerbSet::ALL,
                listed => listed.split(' ').fold(VerbSet::NONE, |set, verb| set.with(verb).expect("a verb")),
            };
            let choices = Choices { verbs, ..Choices::default() };
            let host = Host::parse("a.example.com").expect("a host");
            grants.add(&Route::new(&host, &BasePath::default(), &api.expect("an api"), choices, 1));
        }
        grants
    }

    #[track_caller]
    fn exact(entries: &[(&str, &str)], want: &[&str]) {
        let got = grants(entries).resources(Level::Exact);
        let want: Vec<String> = want.iter().map(|resource| format!("execute-api:{resource}")).collect();
        assert_eq!(got, want, "{entries:?}");
    }

    #[test]
    fn a_path_is_itself_and_what_is_below_it() {
        exact(&[("/dev/path1", "GET")], &["/dev/GET/path1", "/dev/GET/path1/*"]);
    }

    #[test]
    fn a_stage_is_all_of_its_paths_its_root_included() {
        exact(&[("/dev", "GET POST")], &["/dev/GET/*", "/dev/POST/*"]);
        exact(&[("/dev", "")], &["/dev/*"]);
    }

    #[test]
    fn all_verbs_at_a_path_are_written_out_because_a_star_crosses_slashes() {
        let resources = grants(&[("/dev/a", "")]).resources(Level::Exact);
        assert_eq!(resources.len(), 14, "{resources:?}");
        assert!(resources.iter().all(|resource| !resource.contains("/*/")), "{resources:?}");
    }

    #[test]
    fn verbs_of_one_path_are_merged_and_all_seven_of_a_stage_are_a_star() {
        exact(&[("/dev/a", "GET"), ("/dev/a", "PUT")], &["/dev/GET/a", "/dev/GET/a/*", "/dev/PUT/a", "/dev/PUT/a/*"]);
        exact(&[("/dev", "DELETE GET HEAD OPTIONS"), ("/dev", "PATCH POST PUT")], &["/dev/*"]);
    }

    #[test]
    fn what_a_broader_path_covers_is_dropped_verb_by_verb() {
        exact(&[("/dev/a", "GET"), ("/dev/a/b", "GET")], &["/dev/GET/a", "/dev/GET/a/*"]);
        exact(&[("/dev", "GET"), ("/dev/a/b", "GET PUT")], &["/dev/GET/*", "/dev/PUT/a/b", "/dev/PUT/a/b/*"]);
        let apart = ["/dev/GET/a", "/dev/GET/a/*", "/dev/GET/ab", "/dev/GET/ab/*", "/tst/GET/a/b", "/tst/GET/a/b/*"];
        exact(&[("/dev/a", "GET"), ("/dev/ab", "GET"), ("/tst/a/b", "GET")], &apart);
    }

    #[test]
    fn what_means_something_in_a_policy_stands_for_itself() {
        exact(&[("/dev/a*b", "GET")], &["/dev/GET/a${*}b", "/dev/GET/a${*}b/*"]);
        exact(&[("/dev/$x%2A", "GET")], &["/dev/GET/$x%2A", "/dev/GET/$x%2A/*"]);
        assert_eq!(escaped("/${a}?$"), "/${$}{a}${?}$");
        assert_eq!(escaped("/a$*b$?$$*"), "/a${$}${*}b${$}${?}${$}${$}${*}");
        assert_eq!(escaped("/$$a$"), "/$$a$");
    }

    #[test]
    fn each_level_gives_up_more() {
        let grants = grants(&[("/dev/a", ""), ("/dev/b", "GET"), ("/tst", "GET")]);
        let at = |level| grants.resources(level).join(" ").replace("execute-api:", "");
        assert_eq!(at(Level::AnyVerb), "/dev/*/a /dev/*/a/* /dev/GET/b /dev/GET/b/* /tst/GET/*");
        assert_eq!(at(Level::EveryVerb), "/dev/*/a /dev/*/a/* /dev/*/b /dev/*/b/* /tst/GET/*");
        assert_eq!(at(Level::Stage), "/dev/* /tst/GET/*");
        assert_eq!(grants.widened(Level::Exact), [""; 0]);
        assert_eq!(grants.widened(Level::AnyVerb), ["/dev/a: also paths of the stage that hold /a further on"]);
        assert_eq!(grants.widened(Level::Stage).len(), 2);
    }

    #[test]
    fn a_path_that_is_covered_widens_nothing() {
        let grants = grants(&[("/dev", "GET"), ("/dev/a", "GET")]);
        for level in Level::LOSSY {
            assert_eq!(grants.resources(level), ["execute-api:/dev/GET/*"], "{level:?}");
            assert_eq!(grants.widened(level), [""; 0], "{level:?}");
        }
    }

    #[test]
    fn what_others_allow_is_taken_away_from_above() {
        let all = grants(&[("/dev", "GET"), ("/dev/x", "PUT")]);
        let some = grants(&[("/dev/a", "GET PUT"), ("/dev/x", "PUT")]);
        assert_eq!(some.beyond(&all), grants(&[("/dev/a", "PUT")]));
        assert!(all.beyond(&all).is_empty());
    }

    #[test]
    fn an_expanded_resource_is_counted_to_the_character() {
        let arn = "arn:aws:execute-api:us-east-2:123456789012:aabbccddee/dev/GET/pets";
        assert_eq!(expanded_len("execute-api:/dev/GET/pets", "us-east-2", "aabbccddee"), arn.len());
    }
}
