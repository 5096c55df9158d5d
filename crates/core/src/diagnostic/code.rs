//! Kinds of errors and warnings, by names that programs can rely on.

use std::fmt;

use serde::{Serialize, Serializer};

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused as a whole.
    #[default]
    Error,
    /// The file is used; somebody should look at it.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// Declares [`Code`] from one table, so that each code has its name and its description.
macro_rules! codes {
    ($($(#[$default:meta])? $code:ident $name:literal $about:literal)*) => {
        /// The kind of an error or a warning. Its name stays the same from release to release.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Code {
            $(
                #[doc = $about]
                $(#[$default])?
                $code,
            )*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Code] = &[$(Code::$code),*];

            /// The name: short, in kebab case.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Code::$code => $name,)*
                }
            }

            /// What every diagnostic of this kind has in common, in one sentence.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Code::$code => $about,)*
                }
            }
        }
    };
}

codes! {
    #[default]
    BadValue "bad-value" "A value is not one that its key can have."
    BadApi "bad-api" "PRIVATE_API_URL is not the invoke URL of a private REST API."
    BadCharacter "bad-character" "A character that looks like another one, or cannot be seen, stands where it has no meaning."
    BadDomain "bad-domain" "CUSTOM_DOMAIN_URL is not a name that clients can call."
    BadPath "bad-path" "A base path cannot stand in front of a request's path."
    BadRegion "bad-region" "The region of an API does not exist, or is not in the partition of its DNS suffix."
    BadVerb "bad-verb" "VERBS lists what is not a method of API Gateway."
    BrokenYaml "broken-yaml" "The text is not YAML."
    DuplicateDomain "duplicate-domain" "Two entries map the same domain with the same base path."
    DuplicateKey "duplicate-key" "A key is there twice."
    EmptyFile "empty-file" "The file has no content."
    EndpointRegion "endpoint-region" "An API is in another region than the endpoint that serves it."
    FailedTest "failed-test" "A test of a mapping fails."
    MergeConflict "merge-conflict" "The file holds the markers of a merge that was not finished."
    MissingKey "missing-key" "A required key is missing."
    MissingValue "missing-value" "A key has no value."
    NotGranted "not-granted" "A part maps a name that `owners.yaml` grants to another owner, or to nobody."
    NotText "not-text" "The file is not UTF-8 text."
    Placeholder "placeholder" "A template's placeholder was not replaced."
    TooLarge "too-large" "The file, or a text in it, is over a limit."
    TooManyEntries "too-many-entries" "A part's owner has more entries than `owners.yaml` allows."
    UnknownEndpoint "unknown-endpoint" "ENDPOINT names an endpoint that the settings do not have."
    UnknownKey "unknown-key" "A key is not one of those that the file can have."
    WrongFile "wrong-file" "The file is of another kind than the command reads."
    WrongType "wrong-type" "A list, text, or keys with values stand where something else belongs."
    YamlFeature "yaml-feature" "The file uses a part of YAML that is not allowed."
    NoOptions "no-options" "VERBS has methods that browsers ask about with OPTIONS, and no OPTIONS."
    ObsoleteKey "obsolete-key" "A key of the AWS sample that has no effect."
    StricterEntry "stricter-entry" "An entry allows less than one above it that leads to the same stage."
    TestStage "test-stage" "The stage is the one that the console's test button uses."
    UnannouncedRegion "unannounced-region" "AWS has announced no region of this name."
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_in_kebab_case() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn descriptions_are_sentences() {
        assert!(Code::ALL.iter().all(|code| code.about().ends_with('.')));
    }
}
