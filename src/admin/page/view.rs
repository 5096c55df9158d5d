//! What the page shows: one moment of the process.

use std::sync::Arc;
use std::time::Duration;

use super::super::endpoints::Now;
use super::super::sources::Admin;
use crate::live::Live;
use crate::live::snapshot::Snapshot;
use crate::live::status::Report;

/// What the page tells of: one moment of it.
pub(super) struct View<'v> {
    pub(super) admin: &'v Admin,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) report: Report,
    pub(super) now: Now,
}

impl View<'_> {
    pub(super) fn live(&self) -> &Live {
        &self.admin.live
    }

    pub(super) fn up(&self) -> Duration {
        self.now.time.duration_since(self.live().mapping.started()).unwrap_or_default()
    }
}
