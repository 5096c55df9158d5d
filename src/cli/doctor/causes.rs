//! A verdict and its causes, as JSON says them.

use serde::Serialize;

use nameplate_core::verdict::{Cause, Verdict};

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Judged {
    pub(super) class: &'static str,
    /// `answers`, `struggles` or `does_not_answer`.
    pub(super) standing: &'static str,
    /// One cause fits, and no other.
    pub(super) certain: bool,
    pub(super) causes: Vec<Named>,
}

/// A cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Named {
    pub(super) label: &'static str,
    pub(super) title: &'static str,
    pub(super) cure: &'static str,
    pub(super) document: &'static str,
}

/// A verdict.
pub(super) fn judged(verdict: &Verdict) -> Judged {
    Judged {
        class: verdict.class().label(),
        standing: verdict.standing().label(),
        certain: verdict.is_certain(),
        causes: verdict.causes().iter().map(|cause| named(*cause)).collect(),
    }
}

/// A cause.
pub(super) fn named(cause: Cause) -> Named {
    Named { label: cause.label(), title: cause.title(), cure: cause.cure(), document: cause.document() }
}
