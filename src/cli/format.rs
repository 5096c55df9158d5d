//! How a command that prints data says it.

use clap::ValueEnum;

/// For whom the data is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How `check` says what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For pipelines: a line of JSON for each mapping.
    Json,
    /// For a GitHub workflow: each error and warning as an annotation of its line.
    Github,
    /// For code scanning: one SARIF 2.1.0 log of all mappings.
    Sarif,
    /// For a comment on a pull request: what is wrong, and with `--against` what the change does, as Markdown.
    Markdown,
}
