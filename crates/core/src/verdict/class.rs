//! Verdicts in a number of kinds that a metric can have as a label.

/// The kind of a verdict. One metric label each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The API answers.
    Answers,
    /// The API is there, and wants credentials that the request does not have.
    Credentials,
    /// The API throttles, or a quota is used up.
    Throttled,
    /// The API is there; what is behind it, or its authorizer, fails.
    Integration,
    /// A policy, a firewall rule or the access mode denies the request.
    Denied,
    /// The API, its stage or the path is not there.
    NotFound,
    /// The response is not one of API Gateway.
    Foreign,
    /// The TLS handshake fails.
    Tls,
    /// The endpoint cannot be reached, or sends no response.
    Unreachable,
    /// The evidence fits causes of several classes, and one of them means that the API is there and answers.
    Unclear,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 10] = [
        Class::Answers,
        Class::Credentials,
        Class::Throttled,
        Class::Integration,
        Class::Denied,
        Class::NotFound,
        Class::Foreign,
        Class::Tls,
        Class::Unreachable,
        Class::Unclear,
    ];

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Class::Answers => "answers",
            Class::Credentials => "credentials",
            Class::Throttled => "throttled",
            Class::Integration => "integration",
            Class::Denied => "denied",
            Class::NotFound => "not_found",
            Class::Foreign => "foreign",
            Class::Tls => "tls",
            Class::Unreachable => "unreachable",
            Class::Unclear => "unclear",
        }
    }

    /// Where this class stands in [`Class::ALL`]: an index for a counter resolved once.
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_a_label_and_an_index_of_its_own() {
        let labels: std::collections::BTreeSet<_> = Class::ALL.iter().map(|class| class.label()).collect();
        assert_eq!(labels.len(), Class::ALL.len());
        for (at, class) in Class::ALL.iter().enumerate() {
            assert_eq!(class.index(), at);
        }
    }
}
