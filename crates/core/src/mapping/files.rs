//! What the files of a mapping are called.

use std::sync::Arc;

use crate::domain::route::Route;

/// The files of a mapping: one, or its parts.
#[derive(Clone, Debug)]
pub struct Files {
    source: String,
    /// By the marks of their routes; empty for a mapping of one document.
    parts: Arc<[Arc<str>]>,
}

impl Files {
    /// The parts of a folder or prefix, by the marks of their routes; none for a mapping of one document.
    pub fn new(source: &str, parts: Arc<[Arc<str>]>) -> Files {
        let end = if parts.is_empty() || source.ends_with('/') { "" } else { "/" };
        Files { source: format!("{source}{end}"), parts }
    }

    /// The one file of a mapping.
    pub fn one(source: &str) -> Files {
        Files::new(source, Arc::default())
    }

    /// The part that an entry is from; empty for a mapping of one document.
    pub fn part(&self, route: &Route) -> &str {
        self.parts.get(usize::from(route.part)).map_or("", |part| part)
    }

    /// The line that an entry stands on, with its part where the mapping has parts: `line 3 of pay.yaml`.
    pub fn line(&self, route: &Route) -> String {
        match self.part(route) {
            "" => format!("line {}", route.line),
            part => format!("line {} of {part}", route.line),
        }
    }

    /// The file that an entry stands in.
    pub fn of(&self, route: &Route) -> String {
        format!("{}{}", self.source, self.part(route))
    }
}
