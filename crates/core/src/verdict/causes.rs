//! What the evidence of one exchange says: one cause, or several.

use super::cause::Cause;
use super::class::Class;
use super::standing::Standing;

/// The causes that the evidence of one exchange fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    causes: Vec<Cause>,
}

impl Verdict {
    /// One cause: nothing else fits the evidence.
    pub(super) fn certain(cause: Cause) -> Verdict {
        Verdict { causes: vec![cause] }
    }

    /// A first cause and others that fit as well, the likeliest first; none is named twice.
    pub(super) fn of(first: Cause, others: &[Cause]) -> Verdict {
        let mut causes = vec![first];
        for cause in others {
            if !causes.contains(cause) {
                causes.push(*cause);
            }
        }
        Verdict { causes }
    }

    /// The causes that the evidence fits, at least one, the likeliest first.
    pub fn causes(&self) -> &[Cause] {
        &self.causes
    }

    /// Reports whether the evidence fits one cause alone.
    pub fn is_certain(&self) -> bool {
        self.causes.len() == 1
    }

    /// The class of the likeliest cause; [`Class::Unclear`] where causes differ in class and one of them means that the API
    /// is there and answers.
    pub fn class(&self) -> Class {
        let first = self.causes[0].class();
        let is_shared = self.causes.iter().all(|cause| cause.class() == first);
        let may_answer = self.causes.iter().any(|cause| cause.standing() == Standing::Answers);
        if may_answer && !is_shared { Class::Unclear } else { first }
    }

    /// How well the API answers: the worst that any of the causes means.
    pub fn standing(&self) -> Standing {
        self.causes.iter().map(|cause| cause.standing()).min().unwrap_or(Standing::DoesNotAnswer)
    }
}
