//! `nameplate check`: every fault of a mapping, before it is in force.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::config::load::{LoadFault, compile_file, compile_reader};
use crate::domain::table::MappingTable;

/// Every mapping is without fault.
pub const OK: u8 = 0;
/// A mapping has faults.
pub const FAULTS: u8 = 1;
/// A file could not be read, or none was named.
pub const UNREADABLE: u8 = 2;

/// Checks mapping files; `-` is standard input. Says on `out` what is well, on `err` what is not,
/// and returns the exit code: the worst of the files'.
pub fn check(files: &[PathBuf], input: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    if files.is_empty() {
        let _ = writeln!(err, "error: no mapping file named\n  help: nameplate check mapping.yaml");
        return UNREADABLE;
    }
    files.iter().map(|file| check_one(file, input, out, err).unwrap_or(UNREADABLE)).max().unwrap_or(OK)
}

fn check_one(file: &Path, input: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let standard_input = file == Path::new("-");
    let name = if standard_input { "<stdin>".into() } else { file.display().to_string() };
    let loaded = if standard_input {
        compile_reader(input, &name)
            .map_err(|error| LoadFault::Io { path: PathBuf::from(&name), error })
            .and_then(|compiled| compiled.map_err(LoadFault::Invalid))
    } else {
        compile_file(file)
    };
    match loaded {
        Ok(table) => writeln!(out, "{name}: ok: {}", summary(&table)).map(|()| OK),
        Err(LoadFault::Invalid(faults)) => writeln!(err, "{faults}").map(|()| FAULTS),
        Err(fault @ LoadFault::Io { .. }) => {
            writeln!(err, "error: {fault}\n  help: name a mapping file that can be read, or `-` for standard input")
                .map(|()| UNREADABLE)
        }
    }
}

fn summary(table: &MappingTable) -> String {
    let counted = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    format!("{}, {}", counted(table.len(), "entry", "entries"), counted(table.domains(), "domain", "domains"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.example.com\n    PRIVATE_API_URL: https://abc.execute-api.eu-west-1.amazonaws.com/p\n";

    fn run(files: &[&str], input: &str) -> (u8, String, String) {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = check(&files, &mut input.as_bytes(), &mut out, &mut err);
        (code, String::from_utf8(out).expect("text"), String::from_utf8(err).expect("text"))
    }

    #[test]
    fn standard_input_is_a_file_like_others() {
        assert_eq!(run(&["-"], GOOD), (OK, "<stdin>: ok: 1 entry, 1 domain\n".into(), String::new()));
        let (code, out, err) = run(&["-"], "APIS: []\n");
        assert_eq!((code, &*out), (FAULTS, ""));
        assert!(err.starts_with("<stdin>:1:1: error: APIS lists no entry\n") && err.ends_with("\n1 error\n"), "{err}");
    }

    #[test]
    fn the_worst_file_decides() {
        let (code, out, err) = run(&["-", "/does/not/exist.yaml"], GOOD);
        assert_eq!((code, &*out), (UNREADABLE, "<stdin>: ok: 1 entry, 1 domain\n"));
        assert!(err.starts_with("error: cannot read /does/not/exist.yaml: "), "{err}");
    }

    #[test]
    fn no_file_is_a_fault_of_usage() {
        assert_eq!(run(&[], "").0, UNREADABLE);
    }
}
