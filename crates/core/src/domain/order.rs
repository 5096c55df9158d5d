//! The order of routes in which a mapping is shown, and in which a shard holds them.

use std::cmp::Ordering;

use super::pace::Pace;
use super::route::Route;

/// Routes compared between two offers of the core.
const COMPARED: u32 = 2_048;

/// Compares routes by host, then with the longest base path first.
pub fn by_domain(a: &Route, b: &Route) -> Ordering {
    a.host_ref()
        .cmp(b.host_ref())
        .then_with(|| b.base_ref().len().cmp(&a.base_ref().len()))
        .then_with(|| a.base_ref().cmp(b.base_ref()))
}

/// Sorts routes by [`by_domain`], in short steps.
pub fn sort_routes(routes: &mut [Route], pace: Pace) {
    let mut compared = pace.every(COMPARED);
    routes.sort_unstable_by(|a, b| {
        compared.step();
        by_domain(a, b)
    });
}
