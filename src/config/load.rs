//! A mapping's bytes, from a file or a reader, to its text.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::compile::compile;
use super::diagnostic::Diagnostics;
use crate::domain::pace::Pace;
use crate::domain::table::MappingTable;
use crate::domain::version::Version;

/// The largest mapping that is read: well over a million entries. What is larger is another file.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;

/// Bytes read, or hashed, between two offers of the core.
const PIECE: usize = 128 * 1024;

/// Why a mapping file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    /// The file could not be opened or read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The file was read, and is no mapping.
    #[error("{0}")]
    Invalid(Diagnostics),
}

/// A mapping without fault, and which one it is.
#[derive(Debug)]
pub struct Compiled {
    /// Its entries.
    pub table: MappingTable,
    /// Of the bytes it was compiled from.
    pub version: Version,
}

impl Compiled {
    /// Compiles bytes that must be UTF-8, and says which mapping they are; as [`compile_bytes`].
    pub fn of(bytes: &[u8], file: &str, endpoints: Option<&[String]>) -> Result<Compiled, Diagnostics> {
        compile_bytes(bytes, file, endpoints).map(|table| Compiled { table, version: version_of(bytes) })
    }
}

/// Compiles a mapping file; `endpoints` as for [`compile_bytes`].
pub fn compile_file(path: &Path, endpoints: Option<&[String]>) -> Result<Compiled, LoadFault> {
    let io = |error| LoadFault::Io { path: path.into(), error };
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let name = path.display().to_string();
    if size > MAX_FILE {
        return Err(LoadFault::Invalid(too_large(&name, &format!("it has {size} bytes, and "))));
    }
    compile_sized(file, &name, size as usize, endpoints).map_err(io)?.map_err(LoadFault::Invalid)
}

/// Compiles what a reader gives; `file` is how faults name it. Reads no more than [`MAX_FILE`].
pub fn compile_reader(
    reader: impl Read,
    file: &str,
    endpoints: Option<&[String]>,
) -> io::Result<Result<Compiled, Diagnostics>> {
    compile_sized(reader, file, 0, endpoints)
}

fn compile_sized(
    reader: impl Read,
    file: &str,
    size: usize,
    endpoints: Option<&[String]>,
) -> io::Result<Result<Compiled, Diagnostics>> {
    Ok(match read_up_to(MAX_FILE, reader, size)? {
        Some(bytes) => Compiled::of(&bytes, file, endpoints),
        None => Err(too_large(file, "")),
    })
}

/// Everything a reader gives, unless that is over `limit` bytes. `expected` bytes are made room for
/// at once: grown by doubling, the buffer of a large file would leave twice its size behind.
pub fn read_up_to(limit: u64, reader: impl Read, expected: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(expected + 1);
    let mut reader = reader.take(limit + 1);
    let mut pace = Pace::of(1);
    while reader.by_ref().take(PIECE as u64).read_to_end(&mut bytes)? > 0 {
        pace.step();
    }
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Which mapping these bytes are.
pub fn version_of(bytes: &[u8]) -> Version {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut pace = Pace::of(1);
    for piece in bytes.chunks(PIECE) {
        digest.update(piece);
        pace.step();
    }
    Version(digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// Compiles bytes that must be UTF-8. `endpoints` are the names that ENDPOINT may have, where the
/// settings are at hand.
pub fn compile_bytes(bytes: &[u8], file: &str, endpoints: Option<&[String]>) -> Result<MappingTable, Diagnostics> {
    let text = std::str::from_utf8(bytes).map_err(|fault| not_text(bytes, fault.valid_up_to(), file))?;
    compile(text, file, endpoints)
}

fn too_large(file: &str, size: &str) -> Diagnostics {
    let what = format!("the file is too large: {size}{MAX_FILE} bytes are the most");
    Diagnostics::of_file(file, (1, 1), what, "check the path: a mapping of 100,000 entries has about 15 MB")
}

pub(super) fn not_text(bytes: &[u8], at: usize, file: &str) -> Diagnostics {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
    let what = match bytes[at] {
        0 => "the file holds a NUL byte".to_owned(),
        byte => format!("the file is not UTF-8 text: byte 0x{byte:02x}"),
    };
    Diagnostics::of_file(file, (line as u32, column as u32), what, "save it as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fault(text: &str, want: &str) {
        let found = compile_bytes(text.as_bytes(), "m", None).expect_err(text).to_string();
        assert!(found.contains(want), "{text}\n{found}");
    }

    #[test]
    fn a_version_is_what_sha256sum_prints() {
        let version = version_of(b"abc");
        assert_eq!(version.to_string(), "ba7816bf8f01");
        assert!(version.full().starts_with("ba7816bf8f01cfea414140de5dae2223") && version.full().len() == 64);
    }

    #[test]
    fn bytes_must_be_text() {
        let found = compile_bytes(b"# a\n# \xc3\xa4\xff", "m", None).expect_err("no text").to_string();
        assert!(found.starts_with("m:2:4: error: the file is not UTF-8 text: byte 0xff\n"), "{found}");
        fault("\u{feff}# ä\n\0", "m:2:1: error: the file holds a NUL byte");
        fault("\u{feff}a\0", "m:1:2: error: the file holds a NUL byte");
    }

    #[test]
    fn a_reader_is_read_no_further_than_the_limit() {
        struct Endless(u64);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += buffer.len() as u64;
                buffer.fill(b'#');
                Ok(buffer.len())
            }
        }
        let mut endless = Endless(0);
        assert_eq!(read_up_to(9_999, &mut endless, 0).expect("read"), None);
        assert_eq!(endless.0, 10_000);
        assert_eq!(read_up_to(3, &b"abc"[..], 3).expect("read"), Some(b"abc".to_vec()));
    }

    #[test]
    fn a_file_that_is_not_there_says_which() {
        let fault = compile_file(Path::new("/does/not/exist.yaml"), None).expect_err("no file").to_string();
        assert!(fault.starts_with("cannot read /does/not/exist.yaml: "), "{fault}");
    }
}
