//! A mapping's bytes to a table, and to the version they are.

use super::compile::{PartText, compile_paced};
use super::encoding::text_of;
use super::head::Head;
use super::warnings::warnings;
use crate::diagnostic::{Code, Diagnostics};
use crate::domain::pace::Pace;
use crate::domain::table::MappingTable;
use crate::domain::version::Version;

/// Bytes hashed between two offers of the core.
const PIECE: usize = 128 * 1024;

/// A mapping without fault, and which one it is.
#[derive(Debug)]
pub struct Compiled {
    /// Its entries.
    pub table: MappingTable,
    /// What it says of itself.
    pub head: Head,
    /// Of the bytes it was compiled from.
    pub version: Version,
    /// What somebody should look at all the same.
    pub warnings: Diagnostics,
}

impl Compiled {
    /// Compiles bytes that must be UTF-8, and says which mapping they are; as [`compile_bytes`].
    pub fn of(bytes: &[u8], file: &str, endpoints: Option<&[String]>) -> Result<Compiled, Diagnostics> {
        let text = text_of(bytes, file)?;
        let PartText { routes, head } = super::compile::compile_part_paced(text, file, endpoints, Pace::default())?;
        let table = MappingTable::new(routes);
        let warnings = warnings(text, &table, file);
        Ok(Compiled { table, head, version: version_of(bytes), warnings })
    }
}

/// Compiles bytes that must be UTF-8. `endpoints` are the names that ENDPOINT may have, where the
/// settings are at hand.
pub fn compile_bytes(bytes: &[u8], file: &str, endpoints: Option<&[String]>) -> Result<MappingTable, Diagnostics> {
    compile_bytes_paced(bytes, file, endpoints, Pace::default())
}

/// As [`compile_bytes`], in short steps.
pub fn compile_bytes_paced(
    bytes: &[u8],
    file: &str,
    endpoints: Option<&[String]>,
    pace: Pace,
) -> Result<MappingTable, Diagnostics> {
    compile_paced(text_of(bytes, file)?, file, endpoints, pace)
}

/// Compiles one part of a mapping, in short steps; as [`compile_bytes`].
pub fn compile_part_paced(
    bytes: &[u8],
    file: &str,
    endpoints: Option<&[String]>,
    pace: Pace,
) -> Result<PartText, Diagnostics> {
    super::compile::compile_part_paced(text_of(bytes, file)?, file, endpoints, pace)
}

/// Which mapping these bytes are.
pub fn version_of(bytes: &[u8]) -> Version {
    version_of_paced(bytes, Pace::default())
}

/// As [`version_of`], in short steps.
pub fn version_of_paced(bytes: &[u8], pace: Pace) -> Version {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut steps = pace.every(1);
    for piece in bytes.chunks(PIECE) {
        digest.update(piece);
        steps.step();
    }
    Version(digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// The fault of a mapping that is over `most` bytes, which nobody has read. `size` is how large it is, where
/// that is known.
pub fn too_large(file: &str, size: Option<u64>, most: u64) -> Diagnostics {
    let size = size.map(|size| format!("it has {size} bytes, and ")).unwrap_or_default();
    let what = format!("the file is too large: {size}{most} bytes are the most");
    Diagnostics::of_file(
        Code::TooLarge,
        file,
        (1, 1),
        what,
        "check the path: a mapping of 100,000 entries has about 15 MB",
    )
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
    fn compressed_bytes_say_what_to_do() {
        let found = compile_bytes(b"\x1f\x8b\x08\0", "m", None).expect_err("no text").to_string();
        assert!(found.starts_with("m:1:1: error: it is compressed with gzip: it begins with 1f 8b\n"), "{found}");
        assert!(found.contains("help: store it uncompressed, and without `Content-Encoding: gzip`"), "{found}");
    }

    #[test]
    fn bytes_must_be_text() {
        let found = compile_bytes(b"# a\n# \xc3\xa4\xff", "m", None).expect_err("no text").to_string();
        assert!(found.starts_with("m:2:4: error: the file is not UTF-8 text: byte 0xff\n"), "{found}");
        fault("\u{feff}# ä\n\0", "m:2:1: error: the file holds a NUL byte");
        fault("\u{feff}a\0", "m:1:2: error: the file holds a NUL byte");
    }
}
