//! `nameplate schema`: the JSON Schema of a file that people write.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::exit::UNUSABLE;
use nameplate_core::{mapping, parts, settings};

/// What the command line of `schema` says.
#[derive(Args, Clone, Debug)]
pub(super) struct SchemaArgs {
    /// The kind of file
    #[arg(value_enum)]
    of: Of,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// Mappings: conf/mapping.yaml
    Mapping,
    /// Settings: conf/nameplate.yaml
    Settings,
    /// Owners of a mapping in parts: owners.yaml
    Owners,
}

/// Prints a schema.
pub(super) fn schema(args: &SchemaArgs, out: &mut dyn Write) -> ExitCode {
    let text = match args.of {
        Of::Mapping => mapping::schema::json_schema(),
        Of::Settings => settings::json_schema(),
        Of::Owners => parts::schema::json_schema(),
    };
    match out.write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(UNUSABLE),
    }
}
