//! What differs between the files that the reader reads: how errors call them, and what helps.

/// Which kind of file is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mapping,
    Settings,
    /// Owners of a mapping's names.
    Owners,
    /// Tests of a mapping.
    Tests,
    /// AWS accounts that a command reads.
    Accounts,
}

impl Kind {
    /// What errors call a file of this kind.
    pub(super) fn called(self) -> &'static str {
        match self {
            Kind::Mapping => "a mapping",
            Kind::Settings => "a settings file",
            Kind::Owners => "a file of owners",
            Kind::Tests => "a file of tests",
            Kind::Accounts => "a file of accounts",
        }
    }

    /// What helps where the text is nested too deep.
    pub(super) fn help_for_depth(self) -> &'static str {
        match self {
            Kind::Mapping => "a mapping is a list of entries, no deeper",
            Kind::Settings => "settings are at most six levels deep",
            Kind::Owners => "a file of owners is a list of owners, no deeper",
            Kind::Tests => "tests are a list of keys with values, no deeper",
            Kind::Accounts => "a file of accounts is a list of accounts, no deeper",
        }
    }

    /// What helps where a second document starts.
    pub(super) fn help_for_documents(self) -> &'static str {
        match self {
            Kind::Mapping => "keep one list of entries; delete the line `---`",
            Kind::Settings => "keep all keys in one document; delete the line `---`",
            Kind::Owners => "keep one list of owners; delete the line `---`",
            Kind::Tests => "keep one list of tests; delete the line `---`",
            Kind::Accounts => "keep one list of accounts; delete the line `---`",
        }
    }

    /// What helps where the YAML is broken, if the help for a mapping is this.
    pub(super) fn help_for_broken(self, of_mapping: &'static str) -> &'static str {
        match self {
            Kind::Settings if of_mapping.contains("mapping") => {
                "compare the line and those above it with conf/nameplate.yaml"
            }
            Kind::Owners if of_mapping.contains("mapping") => "compare the line and those above it with docs/parts.md",
            Kind::Tests if of_mapping.contains("mapping") => "compare the line and those above it with docs/mapping.md",
            Kind::Accounts if of_mapping.contains("mapping") => {
                "compare the line and those above it with docs/discover.md"
            }
            _ => of_mapping,
        }
    }
}
