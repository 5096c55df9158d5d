//! The mapping that new entries go into: an existing or a new one, printed or written to a file.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;

use super::accounts::Refused;
use super::exit::{FAULTY, UNUSABLE};
use super::format::OutputFormat;
use super::load::{NotLoaded, is_input, load};
use super::loaded::in_runtime;
use crate::source;
use crate::source::bounded_read::read_up_to;
use nameplate_core::diagnostic::printable_name;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::insert::{NewEntry, new_mapping, with_entries};
use nameplate_core::mapping::load::{Compiled, too_large};
use nameplate_core::settings::mapping::MAX_FILE;
use nameplate_core::settings::{MappingSource, ReloadRules};

/// The flags that select the mapping and its form.
#[derive(Args, Clone, Debug)]
pub(super) struct DraftArgs {
    /// The mapping so far: new entries are added behind its own, of which every byte stays. A file, `-` for standard
    /// input, s3://bucket/key, or an http(s) URL; of a folder, only what it lacks is printed, as a part
    #[arg(long, value_name = "MAPPING")]
    into: Option<MappingSource>,
    /// Write the mapping to this file, which may be the one of --into, instead of printing it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to print: the mapping, or everything that was found, as JSON
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) format: OutputFormat,
}

/// A mapping that new entries go into.
#[derive(Default)]
pub(super) struct Existing {
    pub(super) table: MappingTable,
    /// Its name and its text, where it is one text.
    text: Option<(String, String)>,
}

impl Existing {
    /// A mapping in parts.
    pub(super) fn of_parts(table: MappingTable) -> Existing {
        Existing { table, text: None }
    }
}

impl DraftArgs {
    /// Reads the mapping so far; without one, there are no entries.
    pub(super) fn existing(&self, input: &mut dyn Read) -> Result<Existing, Refused> {
        let Some(place) = &self.into else { return Ok(Existing::default()) };
        let rules = ReloadRules::default();
        let is_folder = place.is_prefix() || (!is_input(place) && place.file().is_some_and(|path| path.is_dir()));
        if is_folder {
            let table = load(place, &rules, None, input).map_err(NotLoaded::refusal)?.table;
            return Ok(Existing::of_parts(table));
        }
        let name = if is_input(place) { "<stdin>".to_owned() } else { printable_name(&place.to_string()) };
        let unreadable = |e: io::Error| {
            let help = "name a mapping that can be read, or leave --into out for a new one";
            (UNUSABLE, format!("error: cannot read {name}: {e}\n  help: {help}"))
        };
        let bytes = match place {
            MappingSource::File(_) if is_input(place) => read_up_to(MAX_FILE, input, 0).map_err(unreadable)?,
            MappingSource::File(path) => {
                let file = fs::File::open(path).map_err(unreadable)?;
                read_up_to(MAX_FILE, file, 0).map_err(unreadable)?
            }
            MappingSource::S3 { .. } | MappingSource::Http(_) => {
                let read = in_runtime(place, source::read(place, &rules));
                Some(read.map_err(|what| (UNUSABLE, format!("error: {what}")))?)
            }
        };
        let bytes = bytes.ok_or_else(|| (FAULTY, too_large(&name, None, MAX_FILE).to_string()))?;
        let compiled = Compiled::of(&bytes, &name, None).map_err(|errors| (FAULTY, errors.to_string()))?;
        let text = String::from_utf8(bytes.to_vec()).expect("it has compiled");
        Ok(Existing { table: compiled.table, text: Some((name, text)) })
    }

    /// The text of the mapping with new entries; `head` stands above those of a new one. `None` where there would be no
    /// entry at all.
    pub(super) fn text(
        &self,
        existing: &Existing,
        head: &[String],
        entries: &[NewEntry],
    ) -> Result<Option<String>, Refused> {
        match &existing.text {
            None if entries.is_empty() => Ok(None),
            None => Ok(Some(new_mapping(head, None, entries))),
            Some((name, text)) => with_entries(text, entries).map(Some).map_err(|why| {
                let help =
                    "write its entries as a list, each on lines of its own; or leave --into out, and copy what is new";
                (FAULTY, format!("{name}: error: {why}; it stays as it is\n  help: {help}"))
            }),
        }
    }

    /// Writes or prints it. `json` is what was found, for programs.
    pub(super) fn deliver(&self, text: Option<&str>, json: &str, out: &mut dyn io::Write) -> Result<(), Refused> {
        let unprinted = |e: io::Error| (UNUSABLE, format!("error: cannot print: {e}"));
        if let (Some(path), Some(text)) = (&self.output, text) {
            fs::write(path, text).map_err(|e| {
                let help = "name a file that can be written";
                (UNUSABLE, format!("error: cannot write {}: {e}\n  help: {help}", path.display()))
            })?;
        }
        match (self.format, &self.output) {
            (OutputFormat::Json, _) => writeln!(out, "{json}").map_err(unprinted),
            (OutputFormat::Text, None) => out.write_all(text.unwrap_or_default().as_bytes()).map_err(unprinted),
            (OutputFormat::Text, Some(_)) => Ok(()),
        }
    }
}
