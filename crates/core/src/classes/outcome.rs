//! What happens to the requests of a class.

use crate::domain::overrides::Overrides;
use crate::domain::refusal::Refusal;
use crate::domain::route::Route;

/// What happens to the requests of a class.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'t> {
    /// An API receives them.
    Forwarded(Forwarded<'t>),
    /// They are refused.
    Refused(Refusal),
}

/// A request on its way to an API. Two are equal if the API receives the same from the same domain and base path, by the
/// same endpoint and in the same time, and the client gets the response in the same terms.
#[derive(Clone, Debug)]
pub struct Forwarded<'t> {
    /// The entry.
    pub route: &'t Route,
    /// The target that the API receives.
    pub target: String,
}

impl<'t> Forwarded<'t> {
    /// The stage of the API.
    pub fn stage(&self) -> &'t str {
        self.route.prefix()[1..].split('/').next().unwrap_or_default()
    }

    /// Reports whether both reach the same API.
    pub(super) fn is_same_api(&self, other: &Forwarded<'_>) -> bool {
        self.route.api_id() == other.route.api_id() && self.route.region() == other.route.region()
    }

    /// Reports whether both go the same way, beside the API and the target: name, endpoint, timeouts, rate, headers.
    pub(super) fn is_same_way(&self, other: &Forwarded<'_>) -> bool {
        let (one, two) = (&self.route.choices, &other.route.choices);
        self.route.api_host() == other.route.api_host()
            && (one.host, one.referer, one.response) == (two.host, two.referer, two.response)
            && Overrides::are_same_for_requests(self.route.overrides(), other.route.overrides())
    }

    fn is_same_entry(&self, other: &Forwarded<'_>) -> bool {
        self.route.host_ref() == other.route.host_ref() && self.route.base_ref() == other.route.base_ref()
    }
}

impl PartialEq for Forwarded<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target && self.is_same_api(other) && self.is_same_way(other) && self.is_same_entry(other)
    }
}
