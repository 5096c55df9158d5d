//! Fetching from a source: when it brings the mapping, and what it brings.

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderValue;

use super::error::FetchError;
use super::parts::PartRead;

/// The encoding that servers are asked for: the mapping's text as it is.
pub(super) const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// When a source brings the mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchMode {
    /// Only if it changed since the last fetch: for polls.
    IfChanged,
    /// In any case: a change was seen.
    Always,
    /// In any case, and as it is now: somebody asked, who has written what is there.
    Ordered,
}

/// How a change was made, as far as that can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// A new file took the old one's place: it is whole.
    Replaced,
    /// The program that wrote to the file has closed it, and may open it again.
    Closed,
    /// The file was written to, and nobody knows whether that is all.
    Touched,
}

/// What a source brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// Nothing new since the last time.
    Unchanged,
    /// A change that may not be complete: ask again in a moment.
    Unsettled,
    /// The mapping's bytes.
    Document(Bytes),
    /// All parts of a mapping in parts, sorted by name: a part that was brought before and is not among them was
    /// removed.
    Parts(Vec<PartRead>),
}

/// A place the mapping is kept in.
#[async_trait]
pub(crate) trait Source: Send {
    /// Brings the mapping, or says that there is nothing new.
    async fn fetch(&mut self, mode: FetchMode) -> Result<Fetched, FetchError>;

    /// Waits until the mapping may have changed; for ever where only asking tells. What was seen
    /// before is not forgotten when the wait is given up.
    async fn changed(&mut self) -> ChangeKind {
        std::future::pending().await
    }
}
