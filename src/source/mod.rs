//! Where the mapping comes from: a file, an object in S3, or a server at a URL.
//!
//! A source brings bytes and remembers which it brought last; `live` decides what they mean, and
//! whether they are accepted.

pub(crate) mod bounded_read;
pub(crate) mod cache;
mod collected;
pub(crate) mod error;
pub(crate) mod fetch;
mod file;
pub(crate) mod file_access;
mod fingerprint;
mod folder;
mod http;
mod links;
mod local;
mod part_limits;
pub(crate) mod parts;
pub(crate) mod parts_cache;
mod s3;
mod s3_prefix;
mod tls;
mod watch;

use std::time::Duration;

use bytes::Bytes;

use error::FetchError;
use fetch::{FetchMode, Fetched, Source};
use nameplate_core::settings::{MappingSource, ReloadRules};
use parts::{Found, PartRead};

/// Sets a source up. Nothing is read yet.
pub(crate) fn open(source: &MappingSource, settings: &ReloadRules) -> Result<Box<dyn Source>, FetchError> {
    Ok(match source {
        MappingSource::File(path) if source.is_prefix() => Box::new(folder::Folder::new(path, settings)),
        MappingSource::File(path) => Box::new(local::Local::new(path, settings)),
        MappingSource::S3 { bucket, key } if source.is_prefix() => {
            Box::new(s3_prefix::S3Prefix::new(source, bucket, key, settings)?)
        }
        MappingSource::S3 { bucket, key } => Box::new(s3::S3::new(source, bucket, key, settings)?),
        MappingSource::Http(url) => Box::new(http::Http::new(source, url, settings)?),
    })
}

/// Reads a source once, for commands that do not stay.
pub(crate) async fn read(source: &MappingSource, settings: &ReloadRules) -> Result<Bytes, FetchError> {
    match fetch_in_time(&mut *open(source, settings)?, source, FetchMode::Always, settings.timeout).await? {
        Fetched::Document(bytes) => Ok(bytes),
        // Only a file in the middle of a change says so, and only to who has read it before.
        Fetched::Unchanged | Fetched::Unsettled => {
            Err(FetchError::new(source, "it is being written", "try again in a moment"))
        }
        Fetched::Parts(_) => Err(FetchError::in_parts(source)),
    }
}

/// Reads a folder or a prefix once, for commands that do not stay.
pub(crate) async fn read_parts(source: &MappingSource, settings: &ReloadRules) -> Result<Vec<PartRead>, FetchError> {
    match fetch_in_time(&mut *open(source, settings)?, source, FetchMode::Always, settings.timeout).await? {
        Fetched::Parts(found) if found.iter().all(|part| part.found != Found::Unsettled) => Ok(found),
        Fetched::Document(_) => Err(FetchError::new(source, "it is one document, not a folder", "name a folder")),
        Fetched::Parts(_) | Fetched::Unchanged | Fetched::Unsettled => {
            Err(FetchError::new(source, "it is being written", "try again in a moment"))
        }
    }
}

/// Fetches from a source, and waits no longer than `patience`.
pub(crate) async fn fetch_in_time(
    source: &mut dyn Source,
    place: &MappingSource,
    mode: FetchMode,
    patience: Duration,
) -> Result<Fetched, FetchError> {
    let late = |_| {
        let cause = format!("no answer within {patience:?}");
        FetchError::new(place, cause, "check the network and the endpoint; `reload: timeout` sets the time")
    };
    tokio::time::timeout(patience, source.fetch(mode)).await.map_err(late)?
}
