//! Where the mapping comes from: a file, an object in S3, or whatever answers at a URL.
//!
//! A source brings bytes and remembers which it brought last; what they mean, and whether they are
//! taken, is `live`'s to say.

pub mod bounded_read;
pub mod cache;
mod file;
mod http;
mod links;
mod s3;
mod watch;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use nameplate_core::settings::{MappingSource, ReloadRules};

/// Why a source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// It is time: bring the mapping if it changed since the last time.
    Poll,
    /// Somebody says so, or saw a change: bring it.
    Now,
}

/// How a change was made, as far as that can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A new file took the old one's place: it is whole.
    Replaced,
    /// Who wrote to the file has closed it, and may open it again.
    Closed,
    /// The file was written to, and nobody knows whether that is all.
    Touched,
}

/// What a source has.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing new since the last time.
    Unchanged,
    /// A change that may not be complete: ask again in a moment.
    Unsettled,
    /// The mapping's bytes.
    Document(Bytes),
}

/// Why a source could not be read, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {source_name}: {cause}\n  help: {help}")]
pub struct FetchFault {
    source_name: String,
    /// What went wrong, in one line.
    pub cause: String,
    /// How to mend it, in one line.
    pub help: String,
}

impl FetchFault {
    fn new(source: &MappingSource, cause: impl Into<String>, help: impl Into<String>) -> FetchFault {
        FetchFault { source_name: source.to_string(), cause: one_line(&cause.into()), help: help.into() }
    }

    /// A fault of ours in what was read there.
    pub fn internal(source_name: &str) -> FetchFault {
        let help = "keep this version and report it; `nameplate check` shows whether it still does";
        let cause = "reading it ended in a fault of Nameplate's own".into();
        FetchFault { source_name: source_name.to_owned(), cause, help: help.into() }
    }

    fn too_large(source: &MappingSource, size: Option<u64>, most: u64) -> FetchFault {
        let has = size.map_or("more".into(), |size| format!("{size} bytes, more"));
        FetchFault::new(
            source,
            format!("it has {has} than the {most} bytes of `max_bytes`"),
            "check that it is a mapping: 100,000 entries have about 15 MB; else raise `reload: max_bytes`",
        )
    }
}

/// What somebody else said, so that it fits in a line and cannot move a terminal's cursor.
fn one_line(text: &str) -> String {
    const MOST: usize = 400;
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let words: Vec<String> = text.split_whitespace().map(|word| word.chars().map(clean).collect()).collect();
    words.join(" ").chars().take(MOST).collect()
}

/// A place the mapping is kept in.
#[async_trait]
pub trait Source: Send {
    /// Brings the mapping, or says that there is nothing new.
    async fn fetch(&mut self, ask: Ask) -> Result<Fetched, FetchFault>;

    /// Waits until the mapping may have changed; for ever where only asking tells. What was seen
    /// before is not forgotten when the wait is given up.
    async fn changed(&mut self) -> Seen {
        std::future::pending().await
    }
}

/// Sets a source up. Nothing is read yet.
pub fn open(source: &MappingSource, settings: &ReloadRules) -> Result<Box<dyn Source>, FetchFault> {
    Ok(match source {
        MappingSource::File(path) => Box::new(file::File::new(path, settings)),
        MappingSource::S3 { bucket, key } => Box::new(s3::S3::new(source, bucket, key, settings)?),
        MappingSource::Http(url) => Box::new(http::Http::new(source, url, settings)?),
    })
}

/// Reads a source once, for commands that do not stay.
pub async fn read(source: &MappingSource, settings: &ReloadRules) -> Result<Bytes, FetchFault> {
    match fetch_in_time(&mut *open(source, settings)?, source, Ask::Now, settings.timeout).await? {
        Fetched::Document(bytes) => Ok(bytes),
        // Only a file in the middle of a change says so, and only to who has read it before.
        Fetched::Unchanged | Fetched::Unsettled => {
            Err(FetchFault::new(source, "it is being written", "try again in a moment"))
        }
    }
}

/// Asks a source, and waits for its answer no longer than this.
pub async fn fetch_in_time(
    source: &mut dyn Source,
    place: &MappingSource,
    ask: Ask,
    patience: Duration,
) -> Result<Fetched, FetchFault> {
    let late = |_| {
        let cause = format!("no answer within {patience:?}");
        FetchFault::new(place, cause, "check the network and the endpoint; `reload: timeout` sets the time")
    };
    tokio::time::timeout(patience, source.fetch(ask)).await.map_err(late)?
}

/// An error with what caused it.
fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some repeat their cause in their own words.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// TLS to a source goes through the same library as everything else; it has to be told.
fn use_ring() {
    // Err: somebody has chosen already, and it is the only choice there is.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_fits_in_a_line() {
        assert_eq!(one_line("a\r\n\tb\u{1b}[2J  c"), "a b [2J c");
        assert_eq!(one_line(&"x".repeat(999)).len(), 400);
    }

    #[test]
    fn a_fault_names_the_source_and_the_way_out() {
        let source: MappingSource = "https://example.com/m?token=secret".parse().expect("a URL");
        let fault = FetchFault::too_large(&source, Some(9), 5).to_string();
        assert!(fault.starts_with("cannot read https://example.com/m: it has 9 bytes"), "{fault}");
        assert!(fault.contains("\n  help: ") && !fault.contains("secret"), "{fault}");
    }
}
