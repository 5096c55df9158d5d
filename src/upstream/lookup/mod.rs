//! What the questions about one name have brought: addresses, and why there are no new ones.
//!
//! A name has two questions, for A and for AAAA records. Each keeps its own last good answer and its own due time,
//! so that what one of them brings, or fails to, takes nothing from the other.
//!
//! **Invariant:** a name that ever had an address keeps one. An answer without a record takes the addresses of its
//! type away only if the other question's latest answer brought some.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A kind of address, and so a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// The record type that holds its addresses.
    pub(crate) fn record(self) -> &'static str {
        match self {
            Family::V4 => "A",
            Family::V6 => "AAAA",
        }
    }
}

/// What became of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Records, and how long they hold.
    Addresses(BTreeSet<IpAddr>, Duration),
    /// The name exists, and has no record of this type; for how long that holds, where the server says it.
    NoRecords(Option<Duration>),
    /// NXDOMAIN.
    NoName,
    /// Why there is no answer, in words that follow "the A query".
    Failed(String),
}

/// Why a question brought nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("endpoint `{name}`: {cause}")]
pub(crate) struct LookupFault {
    name: String,
    cause: String,
    /// When to ask again.
    pub retry_in: Duration,
    /// Whether the latest answer before it was another one.
    pub is_new: bool,
}

/// What no record means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// An error: the name should have addresses.
    Fault,
    /// An answer like any other. A zonal name that we made up has none where the endpoint is in other zones only.
    Answer,
}

/// The questions about one name.
#[derive(Debug)]
pub(crate) struct Answers {
    name: String,
    absence: Absence,
    min_ttl: Duration,
    max_ttl: Duration,
    questions: Vec<Question>,
}

#[derive(Debug)]
struct Question {
    family: Family,
    last_good: BTreeSet<IpAddr>,
    latest: Latest,
    due: Option<Instant>,
    /// Why its latest answer brought nothing, if that was an error.
    fault: Option<String>,
    /// Somebody waits for its answer.
    is_asked: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Latest {
    /// No answer yet.
    None,
    Good,
    Empty,
    Failed(String),
}

impl Answers {
    /// Nothing is asked yet. TTLs count as no less and no more than `limits`.
    pub(crate) fn new(name: String, families: &[Family], absence: Absence, limits: (Duration, Duration)) -> Answers {
        let question = |family: &Family| Question {
            family: *family,
            last_good: BTreeSet::new(),
            latest: Latest::None,
            due: None,
            fault: None,
            is_asked: false,
        };
        let (min_ttl, max_ttl) = limits;
        Answers { name, absence, min_ttl, max_ttl, questions: families.iter().map(question).collect() }
    }

    /// The name that the questions are about.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Claims the questions that are due and that nobody waits for.
    pub(crate) fn claim_due(&mut self, now: Instant) -> Vec<Family> {
        let due = self.questions.iter_mut().filter(|question| !question.is_asked && question.due <= Some(now));
        due.map(|question| {
            question.is_asked = true;
            question.family
        })
        .collect()
    }

    /// Takes what became of one question. Returns whether that ends an error.
    pub(crate) fn note(&mut self, family: Family, reply: Reply, now: Instant) -> Result<bool, LookupFault> {
        let (min_ttl, max_ttl) = (self.min_ttl, self.max_ttl);
        let (absence, without_records) = (self.absence, self.without_records());
        let others_may_have = self
            .questions
            .iter()
            .any(|other| other.family != family && matches!(other.latest, Latest::None | Latest::Good));
        let Some(question) = self.questions.iter_mut().find(|question| question.family == family) else {
            return Ok(false);
        };
        question.is_asked = false;
        let record = family.record();
        let (latest, ttl) = match (reply, absence) {
            (Reply::Addresses(found, ttl), _) if !found.is_empty() => {
                question.last_good = found;
                (Latest::Good, ttl)
            }
            (Reply::NoName, Absence::Answer) => (Latest::Empty, max_ttl),
            (Reply::Addresses(..), _) => (Latest::Empty, min_ttl),
            (Reply::NoRecords(ttl), _) => (Latest::Empty, ttl.unwrap_or(max_ttl)),
            (Reply::NoName, Absence::Fault) => {
                (Latest::Failed(format!("the {record} query was answered NXDOMAIN: the name does not exist")), min_ttl)
            }
            (Reply::Failed(why), _) => (Latest::Failed(format!("the {record} query {why}")), min_ttl),
        };
        let is_empty_handed = latest == Latest::Empty && absence == Absence::Fault && !others_may_have;
        let ttl = if is_empty_handed { min_ttl } else { ttl.clamp(min_ttl, max_ttl) };
        question.due = Some(now + ttl);
        question.latest = latest;
        let cause = match &question.latest {
            Latest::Failed(cause) => Some(cause.clone()),
            _ => is_empty_handed.then_some(without_records),
        };
        let before = std::mem::replace(&mut question.fault, cause.clone());
        self.forget_what_is_gone();
        match cause {
            Some(cause) => Err(LookupFault { is_new: before.as_ref() != Some(&cause), ..self.fault(cause) }),
            None => Ok(before.is_some()),
        }
    }

    /// Takes the addresses away whose records are gone, where others remain.
    fn forget_what_is_gone(&mut self) {
        let some_are_good = self.questions.iter().any(|question| question.latest == Latest::Good);
        if some_are_good || self.absence == Absence::Answer {
            let gone = self.questions.iter_mut().filter(|question| question.latest == Latest::Empty);
            gone.for_each(|question| question.last_good.clear());
        }
    }

    /// The addresses that are known.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.questions.iter().flat_map(|question| question.last_good.iter().copied())
    }

    /// Why there is nothing new, if there is not: of each question whose latest answer failed, or that no question
    /// has found a record.
    pub(crate) fn last_fault(&self) -> Option<LookupFault> {
        let failed: Vec<&str> = self.questions.iter().filter_map(Question::failure).collect();
        if !failed.is_empty() {
            return Some(self.fault(failed.join("; ")));
        }
        let none = self.absence == Absence::Fault
            && self.questions.iter().all(|question| question.latest == Latest::Empty)
            && !self.questions.is_empty();
        none.then(|| self.fault(self.without_records()))
    }

    /// How long until a question is due, at most `max_ttl`. One that somebody waits for counts as due in `min_ttl`.
    pub(crate) fn due_in(&self, now: Instant) -> Duration {
        let left = |question: &Question| match (question.is_asked, question.due) {
            (true, _) => self.min_ttl,
            (false, None) => Duration::ZERO,
            (false, Some(due)) => due.saturating_duration_since(now),
        };
        self.questions.iter().map(left).min().unwrap_or(self.max_ttl).min(self.max_ttl)
    }

    fn without_records(&self) -> String {
        let records: Vec<_> = self.questions.iter().map(|question| question.family.record()).collect();
        format!("the name exists and has no {} record", records.join(" and no "))
    }

    fn fault(&self, cause: String) -> LookupFault {
        LookupFault { name: self.name.clone(), cause, retry_in: self.min_ttl, is_new: false }
    }
}

impl Question {
    fn failure(&self) -> Option<&str> {
        match &self.latest {
            Latest::Failed(cause) => Some(cause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
