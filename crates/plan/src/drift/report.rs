//! Findings as they are collected.

use std::collections::BTreeSet;

use super::comparison::{Mapping, Options};
use super::finding::{Compared, Drift, Finding, Subject, Unseen};
use super::kind::{Kind, Severity};
use super::observed::Reason;
use crate::policy::Api;
use nameplate_core::diagnostic::printable_name;
use nameplate_core::domain::route::Route;

/// Collects findings and what could not be looked at.
pub(super) struct Report<'m> {
    pub(super) mapping: Mapping<'m>,
    pub(super) options: &'m Options,
    findings: Vec<Finding>,
    unknown: Vec<Unseen>,
}

/// The three lines of a finding.
pub(super) struct Lines {
    pub(super) has: String,
    pub(super) wants: String,
    pub(super) fix: String,
}

impl<'m> Report<'m> {
    pub(super) fn new(mapping: Mapping<'m>, options: &'m Options) -> Report<'m> {
        Report { mapping, options, findings: Vec::new(), unknown: Vec::new() }
    }

    /// Reports whether one of these kinds is wanted.
    pub(super) fn wants(&self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| !self.options.ignored.contains(kind))
    }

    pub(super) fn add(&mut self, kind: Kind, severity: Severity, subject: Subject, lines: Lines) {
        if self.wants(&[kind]) {
            // Names and policies are text that anybody with an account may have written.
            let [has, wants, fix] = [lines.has, lines.wants, lines.fix].map(|line| printable_name(&line));
            self.findings.push(Finding { kind, severity, subject: printable(subject), has, wants, fix });
        }
    }

    pub(super) fn add_unknown(&mut self, kinds: &[Kind], subject: Subject, reason: &Reason) {
        if self.wants(kinds) {
            let [why, fix] = [&reason.what, &reason.help].map(|line| printable_name(line));
            self.unknown.push(Unseen { kinds: kinds.to_vec(), subject: printable(subject), why, fix });
        }
    }

    /// The subject that an API is, or a stage of it.
    pub(super) fn of_api(&self, api: &Api<'_>, stage: Option<&str>) -> Subject {
        let routes = api.routes().iter().filter(|route| stage.is_none_or(|stage| stage_of(route) == stage));
        let named = stage.map(|stage| format!(", stage {stage}")).unwrap_or_default();
        Subject {
            api_id: Some(api.id.to_owned()),
            region: Some(api.region.to_owned()),
            stage: stage.map(str::to_owned),
            ..self.of_routes(format!("API {} in {}{named}", api.id, api.region), routes.copied())
        }
    }

    /// A subject that these entries depend on.
    pub(super) fn of_routes<'r>(&self, about: String, routes: impl Iterator<Item = &'r Route>) -> Subject {
        let (mut domains, mut owners) = (BTreeSet::new(), BTreeSet::new());
        for route in routes {
            domains.insert(format!("{}{}", route.host(), route.base()));
            owners.extend((self.mapping.owner_of)(route));
        }
        Subject {
            about,
            domains: domains.into_iter().collect(),
            owners: owners.into_iter().collect(),
            ..Subject::default()
        }
    }

    pub(super) fn finish(self, apis: usize) -> Drift {
        let Report { mapping, mut findings, mut unknown, .. } = self;
        findings.sort_by(|a, b| (a.severity, a.kind, &a.subject).cmp(&(b.severity, b.kind, &b.subject)));
        unknown.sort_by(|a, b| (&a.subject, &a.kinds).cmp(&(&b.subject, &b.kinds)));
        Drift { findings, unknown, compared: Compared { apis, domains: mapping.table.domains() } }
    }
}

fn printable(subject: Subject) -> Subject {
    Subject { about: printable_name(&subject.about), ..subject }
}

fn stage_of(route: &Route) -> &str {
    let prefix = route.prefix().trim_start_matches('/');
    prefix.split('/').next().unwrap_or(prefix)
}
