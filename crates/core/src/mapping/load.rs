//! A mapping's bytes, from a file or a reader, to its text.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use memmap2::MmapMut;

use super::compile::compile;
use crate::diagnostic::Diagnostics;
use crate::domain::pace::Pace;
use crate::domain::table::MappingTable;
use crate::domain::version::Version;

/// The largest mapping that is read: well over a million entries. What is larger is another file.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;

/// From this size on, a file's bytes have pages of their own: the system has them back as soon as nobody
/// reads them, where the allocator would keep them for another second.
const LARGE: usize = 1024 * 1024;

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
pub fn read_up_to(limit: u64, reader: impl Read, expected: usize) -> io::Result<Option<Bytes>> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX - 1);
    let mut reader = Paced { reader: reader.take(limit + 1), pace: Pace::of(1) };
    let mut bytes = Vec::new();
    if expected >= LARGE {
        // One more, so that the end is seen in it.
        let mut room = MmapMut::map_anon(expected.min(most) + 1)?;
        let read = fill(&mut reader, &mut room)?;
        if read > most {
            return Ok(None);
        }
        if read < room.len() {
            return Ok(Some(Bytes::from_owner(room).slice(..read)));
        }
        // It has grown since it was asked how long it is.
        bytes.extend_from_slice(&room);
    } else {
        bytes.reserve_exact(expected + 1);
    }
    reader.read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then(|| Bytes::from(bytes)))
}

/// Reads until the end, or until there is no more room.
fn fill(reader: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < room.len() {
        match reader.read(&mut room[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// A reader that is read in pieces, and offers the core after each.
struct Paced<R> {
    reader: R,
    pace: Pace,
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len().min(PIECE);
        let read = self.reader.read(&mut room[..most])?;
        self.pace.step();
        Ok(read)
    }
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
        for expected in [0, LARGE] {
            let mut endless = Endless(0);
            assert_eq!(read_up_to(9_999, &mut endless, expected).expect("read"), None);
            assert_eq!(endless.0, 10_000, "{expected}");
        }
        assert_eq!(read_up_to(3, &b"abc"[..], 3).expect("read"), Some(Bytes::from("abc")));
    }

    #[test]
    fn a_large_file_is_read_whole_however_long_it_was_said_to_be() {
        let text: Vec<u8> = (0..3 * LARGE).map(|n| (n % 251) as u8).collect();
        for expected in [0, LARGE, text.len() - 1, text.len(), text.len() + 1, 9 * LARGE] {
            for limit in [text.len(), text.len() + 1, 9 * LARGE] {
                let read = read_up_to(limit as u64, &*text, expected).expect("read");
                assert!(read.is_some_and(|read| read == text), "{expected} of {limit}");
            }
            assert_eq!(read_up_to(text.len() as u64 - 1, &*text, expected).expect("read"), None, "{expected}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_says_which() {
        let fault = compile_file(Path::new("/does/not/exist.yaml"), None).expect_err("no file").to_string();
        assert!(fault.starts_with("cannot read /does/not/exist.yaml: "), "{fault}");
    }
}
