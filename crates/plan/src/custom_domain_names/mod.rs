//! Entries for API Gateway's private custom domain names: their base path mappings and routing rules.
//!
//! **Invariant:** each base path mapping and each routing rule makes an entry, or is named with the reason why it makes
//! none. An entry answers as API Gateway does: of two that match a request, the mapping takes the longer base path, so one
//! that API Gateway never reaches is left out.

#[cfg(test)]
mod tests;

use nameplate_core::diagnostic::printable_name;
use nameplate_core::domain::api::{ApiFault, PrivateApi};
use nameplate_core::domain::region::suffix_of;
use nameplate_core::domain::rewrite::rest_after;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::check_custom_domain;
use nameplate_core::mapping::insert::NewEntry;

/// A private custom domain name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomDomainName {
    /// The name.
    pub name: String,
    /// Its account, by name and id, as people read it.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The kinds of routes that it uses.
    pub mode: RoutingMode,
    /// Its base path mappings.
    pub mappings: Vec<BasePathTarget>,
    /// Its routing rules, in the order in which they are tried.
    pub rules: Vec<Rule>,
    /// Its certificate, policies and VPC endpoints, each in a few words.
    pub surroundings: Vec<String>,
    /// True if it asks for a client's certificate.
    pub has_mutual_tls: bool,
}

/// The kinds of routes that a custom domain name uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RoutingMode {
    /// Base path mappings only.
    #[default]
    Mappings,
    /// Routing rules only.
    Rules,
    /// Routing rules, then base path mappings.
    RulesThenMappings,
    /// A mode that Nameplate does not know.
    Other(String),
}

impl RoutingMode {
    /// Reads the name of one, as AWS writes it; without a name it is the default.
    pub fn named(name: Option<&str>) -> RoutingMode {
        match name {
            None | Some("BASE_PATH_MAPPING_ONLY" | "API_MAPPING_ONLY") => RoutingMode::Mappings,
            Some("ROUTING_RULE_ONLY") => RoutingMode::Rules,
            Some("ROUTING_RULE_THEN_BASE_PATH_MAPPING" | "ROUTING_RULE_THEN_API_MAPPING") => {
                RoutingMode::RulesThenMappings
            }
            Some(other) => RoutingMode::Other(other.to_owned()),
        }
    }
}

/// A base path mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BasePathTarget {
    /// The base path, without slashes at its ends; `None` for all that no other one takes.
    pub base_path: Option<String>,
    /// The API's id.
    pub api_id: String,
    /// The stage. Without one, callers name it in the path.
    pub stage: Option<String>,
}

/// A routing rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Its priority.
    pub priority: i64,
    /// The base paths of which one must match. Empty where it does not ask.
    pub base_paths: Vec<String>,
    /// The headers that it asks for, each as `name: value`.
    pub headers: Vec<String>,
    /// The API's id; `None` where it invokes none.
    pub api_id: Option<String>,
    /// The stage.
    pub stage: String,
    /// True if the base path is removed from the path.
    pub strips_base_path: bool,
    /// True if it has conditions or actions that Nameplate does not know.
    pub is_unknown: bool,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The entries that the mapping does not have yet.
    pub entries: Vec<NewEntry>,
    /// The number of entries that it has already.
    pub known: usize,
    /// The parts without an entry.
    pub left: Vec<Left>,
    /// The surroundings of custom domain names, which have no place in a mapping.
    pub notes: Vec<Left>,
}

/// A part of a custom domain name that is not carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The custom domain name, with its account and region.
    pub domain: String,
    /// The part.
    pub what: String,
    /// The reason, and what to do.
    pub why: String,
}

/// A way through a custom domain name, from a base path to an API.
struct Way {
    what: String,
    /// Empty, or `/...`.
    base: String,
    api_id: String,
    stage: String,
    /// The path behind the stage.
    target: String,
}

/// Turns custom domain names into entries that a mapping does not have.
pub fn import(domains: &[CustomDomainName], mapping: &MappingTable) -> Imported {
    let mut importer = Importer { imported: Imported::default(), mapping, taken: Vec::new() };
    domains.iter().for_each(|domain| importer.domain(domain));
    importer.imported
}

struct Importer<'m> {
    imported: Imported,
    mapping: &'m MappingTable,
    /// The domains with base paths of the entries so far, and where they lead.
    taken: Vec<(String, String)>,
}

impl Importer<'_> {
    fn domain(&mut self, of: &CustomDomainName) {
        let before = self.imported.entries.len() + self.imported.known;
        let mut ways: Vec<Way> = Vec::new();
        for way in self.ways(of) {
            let covers = |first: &&Way| rest_after(first.base.as_bytes(), way.base.as_bytes()).is_some();
            match ways.iter().find(covers) {
                Some(first) => {
                    let why = format!("API Gateway never reaches it: {} takes its requests first", first.what);
                    self.leave(of, &way.what, &why);
                }
                None => ways.push(way),
            }
        }
        ways.into_iter().for_each(|way| self.enter(of, way));
        if of.has_mutual_tls {
            let why =
                "no listener of Nameplate asks for a client's certificate; put a load balancer that does before it";
            self.leave(of, "mutual TLS", why);
        }
        for what in &of.surroundings {
            let (what, why) = what.split_once("; ").unwrap_or((what, "a mapping says nothing of it"));
            self.imported.notes.push(left(of, what, why));
        }
        if before == self.imported.entries.len() + self.imported.known {
            let why = "it leads nowhere that a mapping can lead to; the mapping has no entry of it";
            self.leave(of, "the name itself", why);
        }
    }

    fn leave(&mut self, of: &CustomDomainName, what: &str, why: &str) {
        self.imported.left.push(left(of, what, why));
    }

    /// The ways through a custom domain name, those that API Gateway tries first at the front.
    fn ways(&mut self, of: &CustomDomainName) -> Vec<Way> {
        let (has_rules, has_mappings) = match &of.mode {
            RoutingMode::Mappings => (false, true),
            RoutingMode::Rules => (true, false),
            RoutingMode::RulesThenMappings => (true, true),
            RoutingMode::Other(mode) => {
                let mode = printable_name(mode);
                self.leave(
                    of,
                    "its routing mode",
                    &format!("Nameplate does not know `{mode}`; write its entries by hand"),
                );
                (false, false)
            }
        };
        let mut ways = Vec::new();
        for rule in &of.rules {
            let what = format!("routing rule {} (priority {})", printable_name(&rule.id), rule.priority);
            match has_rules {
                true => ways.extend(self.ways_of_rule(of, rule, &what)),
                false => self.leave(of, &what, "the routing mode ignores routing rules"),
            }
        }
        // Longer base paths first, as API Gateway takes them.
        let mut mappings: Vec<&BasePathTarget> = of.mappings.iter().collect();
        mappings.sort_by_key(|of| (std::cmp::Reverse(of.base_path.as_deref().map_or(0, str::len)), (*of).clone()));
        for mapping in mappings {
            let what = match &mapping.base_path {
                Some(path) => format!("base path mapping `{}`", printable_name(path)),
                None => "the base path mapping without a base path".to_owned(),
            };
            match has_mappings {
                true => ways.extend(self.way_of_mapping(of, mapping, what)),
                false => self.leave(of, &what, "the routing mode ignores base path mappings"),
            }
        }
        ways
    }

    fn ways_of_rule(&mut self, of: &CustomDomainName, rule: &Rule, what: &str) -> Vec<Way> {
        let to = rule.api_id.as_deref().unwrap_or("nothing");
        let why = match rule {
            Rule { is_unknown: true, .. } => {
                Some("it has a condition or an action that Nameplate does not know".to_owned())
            }
            Rule { api_id: None, .. } => Some("it invokes no API".to_owned()),
            Rule { headers, .. } if !headers.is_empty() => {
                let headers: Vec<_> = headers.iter().map(|header| format!("`{}`", printable_name(header))).collect();
                let headers = headers.join(" and ");
                Some(format!(
                    "it sends requests with the header {headers} to {to}; a mapping routes by host and path only"
                ))
            }
            _ => None,
        };
        if let Some(why) = why {
            self.leave(of, what, &why);
            return Vec::new();
        }
        let any = [String::new()];
        let paths = if rule.base_paths.is_empty() { &any[..] } else { &rule.base_paths };
        let way = |path: &String| {
            let base = based(path);
            let target = if rule.strips_base_path { String::new() } else { base.clone() };
            Way { what: what.to_owned(), base, api_id: to.to_owned(), stage: rule.stage.clone(), target }
        };
        paths.iter().map(way).collect()
    }

    fn way_of_mapping(&mut self, of: &CustomDomainName, mapping: &BasePathTarget, what: String) -> Option<Way> {
        let Some(stage) = &mapping.stage else {
            let why = format!(
                "it has no stage, so that callers name one in the path; write an entry for each stage of API {}",
                printable_name(&mapping.api_id)
            );
            self.leave(of, &what, &why);
            return None;
        };
        let base = mapping.base_path.as_deref().map(based).unwrap_or_default();
        Some(Way { what, base, api_id: mapping.api_id.clone(), stage: stage.clone(), target: String::new() })
    }

    /// Makes the entry of a way, or says why there is none.
    fn enter(&mut self, of: &CustomDomainName, way: Way) {
        let Way { what, base, api_id, stage, target } = way;
        let api = format!("https://{api_id}.execute-api.{}.{}/{stage}{target}", of.region, suffix_of(&of.region));
        let domain = format!("{}{base}", of.name);
        if let Err((_, why, _)) = check_custom_domain(&domain) {
            return self.leave(of, &what, &why.replace("CUSTOM_DOMAIN_URL", "the domain"));
        }
        if let Err(why) = check_target(&api) {
            return self.leave(of, &what, &why);
        }
        if let Some((_, other)) = self.taken.iter().find(|(taken, _)| *taken == domain) {
            let why = format!("`{domain}` leads to {other} already; one domain of a mapping leads to one API");
            return self.leave(of, &what, &why);
        }
        let here = self.mapping.routes_of(&of.name).iter().find(|route| route.base() == base);
        if let Some(route) = here {
            let leads = format!("https://{}{}", route.api_host(), route.prefix());
            if leads == api {
                self.imported.known += 1;
                self.taken.push((domain, api));
                return;
            }
            let why = format!("`{domain}` is in the mapping, and leads to {leads}; AWS has {api}");
            return self.leave(of, &what, &why);
        }
        self.taken.push((domain.clone(), api.clone()));
        let comments = vec![format!("{what}, of account {}", printable_name(&of.account))];
        self.imported.entries.push(NewEntry { comments, domain, api });
    }
}

/// A base path as a mapping has it: empty, or `/...`.
fn based(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

fn left(of: &CustomDomainName, what: &str, why: &str) -> Left {
    let domain = format!("{} ({}, {})", printable_name(&of.name), printable_name(&of.account), of.region);
    Left { domain, what: what.to_owned(), why: why.to_owned() }
}

/// Checks that a mapping can lead there. Returns why it cannot.
fn check_target(url: &str) -> Result<(), String> {
    let why = |error: ApiFault| format!("{}: {}", printable_name(url), error.kind);
    PrivateApi::parse(url).map(drop).map_err(why)
}
