//! A mapping's bytes and their version.

use bytes::Bytes;

use super::super::reload::Cause;
use super::super::snapshot::PACE;
use crate::source::error::FetchError;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::load::{compile_bytes_paced, version_of_paced};

/// A mapping that has been read, not yet compiled.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) bytes: Bytes,
    pub(super) version: Version,
}

impl Document {
    pub(super) fn new(bytes: Bytes) -> Document {
        Document { version: version_of_paced(&bytes, PACE), bytes }
    }

    /// Compiles it. Errors name the source `name`; `endpoints` are the names that ENDPOINT may have. A
    /// document that makes the compiler panic is an error, and the keeper goes on.
    pub(super) fn compile(&self, name: &str, endpoints: &[String]) -> Result<MappingTable, Cause> {
        std::panic::catch_unwind(|| compile_bytes_paced(&self.bytes, name, Some(endpoints), PACE))
            .map_err(|_| Cause::Failed(FetchError::internal(name)))?
            .map_err(Cause::Rejected)
    }
}
