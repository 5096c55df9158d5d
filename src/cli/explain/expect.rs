//! What a pipeline expects of a request: `--expect 200`.

use nameplate_core::domain::refusal::Refusal;
use nameplate_core::explain::Verdict;

/// The refusals that a mapping and its settings alone can bring about.
const DECIDED: [Refusal; 10] = [
    Refusal::MissingHost,
    Refusal::MalformedHost,
    Refusal::MalformedTarget,
    Refusal::DotSegment,
    Refusal::AmbiguousPath,
    Refusal::MalformedMessage,
    Refusal::UnknownPath,
    Refusal::MethodNotAllowed,
    Refusal::UriTooLong,
    Refusal::UnknownHost,
];

/// What is expected of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It is forwarded. What the API answers to it is not known here.
    Forwarded,
    /// It is refused with this status.
    Status(u16),
    /// It is refused for this reason.
    Refused(Refusal),
}

impl Expected {
    /// Reads `forwarded`, 200 for the same, the status of a refusal, or its reason.
    pub(super) fn parse(text: &str) -> Result<Expected, String> {
        if matches!(text, "200" | "forwarded") {
            return Ok(Expected::Forwarded);
        }
        let status = |refusal: &Refusal| text.parse() == Ok(refusal.status());
        let by_status =
            DECIDED.iter().find(|refusal| status(refusal)).map(|refusal| Expected::Status(refusal.status()));
        let by_reason =
            DECIDED.iter().find(|refusal| refusal.reason() == text).map(|refusal| Expected::Refused(*refusal));
        by_status.or(by_reason).ok_or_else(|| {
            let mut statuses = DECIDED.map(Refusal::status).to_vec();
            statuses.dedup();
            let statuses: Vec<_> = statuses.iter().map(ToString::to_string).collect();
            let reasons = DECIDED.map(Refusal::reason).join(", ");
            format!(
                "write 200 or forwarded, a status of a refusal ({}), or its reason ({reasons})",
                statuses.join(", ")
            )
        })
    }

    /// Reports whether a verdict is the expected one.
    pub(super) fn is_met_by(self, verdict: Verdict) -> bool {
        match (self, verdict) {
            (Expected::Forwarded, Verdict::Forwarded) => true,
            (Expected::Status(status), Verdict::Refused(refusal)) => status == refusal.status(),
            (Expected::Refused(expected), Verdict::Refused(refusal)) => expected == refusal,
            _ => false,
        }
    }

    /// What it says of a verdict that is another one.
    pub(super) fn unlike(self, verdict: Verdict) -> String {
        let expected = match self {
            Expected::Forwarded => "forwarded".to_owned(),
            Expected::Status(status) => format!("refused with {status}"),
            Expected::Refused(refusal) => format!("refused with {} {}", refusal.status(), refusal.reason()),
        };
        let found = match verdict {
            Verdict::Forwarded => "is forwarded".to_owned(),
            Verdict::Refused(refusal) => format!("is refused with {} {}", refusal.status(), refusal.reason()),
        };
        format!("error: the request {found}; expected: {expected}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_or_a_reason_is_expected() {
        assert_eq!(Expected::parse("200"), Ok(Expected::Forwarded));
        assert_eq!(Expected::parse("forwarded"), Ok(Expected::Forwarded));
        assert_eq!(Expected::parse("405"), Ok(Expected::Status(405)));
        assert_eq!(Expected::parse("dot_segment"), Ok(Expected::Refused(Refusal::DotSegment)));
        for text in ["", "201", "503", "2xx", "Forwarded", "rate_limited"] {
            assert!(Expected::parse(text).is_err_and(|message| message.contains("400, 404, 405, 414, 421")), "{text}");
        }
    }

    #[test]
    fn a_status_is_met_by_each_of_its_reasons_and_a_reason_by_itself() {
        let (dots, target) = (Verdict::Refused(Refusal::DotSegment), Verdict::Refused(Refusal::MalformedTarget));
        assert!(Expected::Status(400).is_met_by(dots) && Expected::Status(400).is_met_by(target));
        let reason = Expected::Refused(Refusal::DotSegment);
        assert!(reason.is_met_by(dots) && !reason.is_met_by(target) && !reason.is_met_by(Verdict::Forwarded));
        assert!(Expected::Forwarded.is_met_by(Verdict::Forwarded) && !Expected::Forwarded.is_met_by(dots));
    }
}
