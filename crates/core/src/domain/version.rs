//! Which mapping it is.

use std::fmt;

/// How many bytes of the hash are shown: as many as make two mappings of one fleet differ.
const SHOWN: usize = 6;

/// A mapping by its content: the SHA-256 of its bytes. The same file has the same version wherever
/// it is kept, so the one that `sha256sum` prints, the one of a pull request and the one that a task
/// has in force can be compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(pub [u8; 32]);

impl Version {
    /// The whole hash, in 64 hexadecimal digits.
    pub fn full(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The first 12 hexadecimal digits.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..SHOWN].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}
