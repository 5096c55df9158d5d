//! The mapping that new entries go into: an existing or a new one, printed or written to a file.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

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

/// The next content of a file, in a file beside it. A reader sees the old content or all of the new.
pub(super) struct Replacement {
    /// None where it has taken its place, or went to a device.
    beside: Option<PathBuf>,
    path: PathBuf,
}

impl Replacement {
    /// Writes the content beside the file, with the owner and the mode that the file has. A file in a folder
    /// that cannot be written to, or whose owner cannot be kept, is written in place.
    pub(super) fn prepare(path: &Path, text: &str) -> io::Result<Replacement> {
        // A link stays a link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let before = fs::metadata(&path).ok();
        if before.as_ref().is_some_and(|before| !before.is_file()) {
            // A terminal or a pipe has no content to replace.
            return Replacement::in_place(path, text);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = path.with_file_name(format!(".{name}.{:016x}.tmp", fastrand::u64(..)));
        let mut file = match fs::OpenOptions::new().write(true).create_new(true).open(&beside) {
            Ok(file) => file,
            Err(_) if before.is_some() => return Replacement::in_place(path, text),
            Err(e) => return Err(e),
        };
        // From here on, what fails removes the file.
        let replacement = Replacement { beside: Some(beside), path };
        if let Some(before) = before {
            if fchown(&file, Some(before.uid()), Some(before.gid())).is_err() {
                return Replacement::in_place(replacement.path.clone(), text);
            }
            file.set_permissions(before.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(replacement)
    }

    fn in_place(path: PathBuf, text: &str) -> io::Result<Replacement> {
        fs::write(&path, text)?;
        Ok(Replacement { beside: None, path })
    }

    /// Puts the content in its place.
    pub(super) fn take_place(mut self) -> io::Result<()> {
        let Some(beside) = &self.beside else { return Ok(()) };
        if fs::rename(beside, &self.path).is_err() {
            // A file that is mounted by itself keeps its place.
            return fs::copy(beside, &self.path).map(drop);
        }
        self.beside = None;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Without it, the rename itself may be lost with the power. A folder that cannot be synced holds nothing up.
        let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
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
            Replacement::prepare(path, text).and_then(Replacement::take_place).map_err(|e| {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let inside = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        inside.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_keeps_its_content_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mapping.yaml");
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
        drop(Replacement::prepare(&path, "half").expect("prepared"));
        assert_eq!(
            (fs::read_to_string(&path).expect("text"), names(folder.path())),
            ("old".into(), vec!["mapping.yaml".into()])
        );
        let replacement = Replacement::prepare(&path, "new").expect("prepared");
        assert_eq!(fs::read_to_string(&path).expect("text"), "old");
        replacement.take_place().expect("replaced");
        assert_eq!(fs::read_to_string(&path).expect("text"), "new");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o640);
        assert_eq!(names(folder.path()), ["mapping.yaml"]);
    }

    #[test]
    fn a_link_stays_a_link_and_a_device_is_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("mapping.yaml"), folder.path().join("link"));
        fs::write(&path, "old").expect("written");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        Replacement::prepare(&link, "new").and_then(Replacement::take_place).expect("replaced");
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(fs::read_to_string(&path).expect("text"), "new");
        Replacement::prepare(Path::new("/dev/null"), "new").and_then(Replacement::take_place).expect("written");
    }
}
