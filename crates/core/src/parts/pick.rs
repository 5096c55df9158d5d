//! What is decided for each part.

use std::sync::Arc;

use super::error::PartError;
use super::set::{Part, PartVersion};

/// What is used of a part.
#[derive(Clone, Debug)]
pub(super) enum Use {
    /// The version that is in use, or nothing where none is.
    Before,
    /// What the source has: this version, or nothing where the part was removed.
    Offered(Option<Arc<PartVersion>>),
}

/// What is decided for a part.
#[derive(Clone, Debug)]
pub(super) struct Pick<'p> {
    pub(super) part: &'p Part,
    pub(super) used: Use,
    pub(super) error: Option<PartError>,
}

impl Pick<'_> {
    /// The version that is used, whether before or from now on.
    pub(super) fn version(&self) -> Option<&Arc<PartVersion>> {
        match &self.used {
            Use::Before => self.part.used(),
            Use::Offered(version) => version.as_ref(),
        }
    }

    /// Whether something else is used than before.
    pub(super) fn is_change(&self) -> bool {
        matches!(self.used, Use::Offered(_))
    }

    /// Keeps what is in use, because of an error.
    pub(super) fn keep(&mut self, error: PartError) {
        self.used = Use::Before;
        self.error = Some(error);
    }
}
