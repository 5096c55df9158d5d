//! The few entries of a host that can decide about one path. A host may have thousands of base paths, and a lookup goes
//! through all of them: asked about each of its own base paths, it would take time that grows with their square.

use std::collections::HashMap;

use super::outcome::{Forwarded, Outcome};
use super::paths::plain_of;
use crate::domain::decide::{RequestLimits, RequestView, decide};
use crate::domain::host::HostBuffer;
use crate::domain::route::Route;
use crate::domain::table::MappingTable;

/// Limits that no witness meets.
pub(super) const NO_LIMITS: RequestLimits = RequestLimits { body: u64::MAX, headers: usize::MAX, url: usize::MAX };

/// A host with fewer entries is asked as it is.
const FEW: usize = 16;

/// A table, as it treats the requests of one host.
pub(super) struct OnHost<'t> {
    table: &'t MappingTable,
    host: String,
    routes: &'t [Route],
    /// Places of the routes, by the plain spelling of their base paths. Empty where they are few.
    by_plain: HashMap<String, Vec<usize>>,
}

/// What decides about a path: the whole table, or one of the entries of its host that can.
pub(super) struct OnPath<'h, 't> {
    on: &'h OnHost<'t>,
    pub(super) few: Option<MappingTable>,
}

impl<'t> OnHost<'t> {
    pub(super) fn new(table: &'t MappingTable, host: &str) -> OnHost<'t> {
        OnHost::picking(table, host, FEW)
    }

    /// As [`OnHost::new`]; entries are picked where there are more than `few`.
    pub(super) fn picking(table: &'t MappingTable, host: &str, few: usize) -> OnHost<'t> {
        let routes = table.routes_of(host);
        let mut by_plain: HashMap<String, Vec<usize>> = HashMap::new();
        if routes.len() > few {
            for (at, route) in routes.iter().enumerate() {
                by_plain.entry(plain_of(route.base())).or_default().push(at);
            }
        }
        OnHost { table, host: host.to_owned(), routes, by_plain }
    }

    /// Picks the entries that can decide about a target. A base path that the target is below, as it is or in its plain
    /// spelling, has a plain spelling that the target's is below.
    pub(super) fn on_path(&self, target: &str) -> OnPath<'_, 't> {
        if self.by_plain.is_empty() {
            return OnPath { on: self, few: None };
        }
        let plain = plain_of(target);
        let above = plain.match_indices('/').map(|(slash, _)| &plain[..slash]).chain([&*plain]);
        let places = above.filter_map(|base| self.by_plain.get(base)).flatten();
        let mut routes: Vec<Route> = places.map(|at| self.routes[*at].clone()).collect();
        if routes.is_empty() {
            // The host stays known: any of its entries says so, and none of them is met.
            routes.extend(self.routes.first().cloned());
        }
        OnPath { on: self, few: Some(MappingTable::new(routes)) }
    }
}

impl<'t> OnPath<'_, 't> {
    /// What happens to a request: the decision that the proxy acts on.
    pub(super) fn outcome(&self, method: &str, target: &str) -> Outcome<'t> {
        let OnHost { table: whole, host, .. } = self.on;
        let request = RequestView {
            method,
            target: target.as_bytes(),
            host: Some(host.as_bytes()),
            host_optional: false,
            header_bytes: 0,
            content_length: None,
        };
        let decision =
            match decide(self.few.as_ref().unwrap_or(whole), &NO_LIMITS, request, [], &mut HostBuffer::default()) {
                Ok(decision) => decision,
                Err(refused) => return Outcome::Refused(refused.refusal),
            };
        // Its place among the few is none of the whole table's.
        let place = whole.place_like(decision.route).expect("the few are entries of the whole table");
        let route = whole.route(place);
        // A target that passed is UTF-8.
        Outcome::Forwarded(Forwarded { route, target: String::from_utf8_lossy(&decision.target).into_owned() })
    }
}
