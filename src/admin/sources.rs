//! What the pages tell of.

use std::sync::Arc;

use crate::downstream::clients::Clients;
use crate::live::Live;
use crate::live::probes::Probes;
use crate::upstream::endpoints::Endpoints;
use nameplate_core::settings::Settings;

/// The admin pages, to be served by a listener of their own.
pub(crate) struct Admin {
    /// What they tell of.
    pub live: Arc<Live>,
    /// The endpoints and their addresses.
    pub endpoints: Arc<Endpoints>,
    /// The connections of clients.
    pub clients: Arc<Clients>,
    /// What probes have found, where there are any.
    pub probes: Option<Arc<Probes>>,
    /// What the process was started with.
    pub settings: Arc<Settings>,
}
