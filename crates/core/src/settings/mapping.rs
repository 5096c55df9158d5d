//! Where the mapping is kept, and how a changed one is taken.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::values::{duration, size};

/// Often enough that a change reaches a fleet in seconds; rare enough that S3 requests of 100 tasks
/// cost about 7 USD a month (0.0004 USD per 1,000 GET requests).
pub const POLL: Duration = Duration::from_secs(15);
/// A shorter interval is a mistake in the unit.
pub(super) const SHORTEST_POLL: Duration = Duration::from_secs(1);
/// The source is in our region or on our host; what takes longer will not come.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Percent of the domains a change may remove: a file that was cut off, or generated from an empty
/// list, removes most of them; no change people make does.
pub const MAX_REMOVED: u8 = 50;
/// The largest mapping that is read: well over a million entries. What is larger is another file.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;
/// Parts that are read of a folder or prefix; five times what Nameplate is measured with.
pub const MAX_PARTS: usize = 5_000;
/// Entries to which a change may grow the mapping: twice what Nameplate is measured with. A generator that writes
/// everything twice, or for everybody, makes more.
pub const HOLD_ENTRIES: u64 = 200_000;
/// And one part of it: more than any team has, so that what one team generates fills nobody else's budget.
pub const HOLD_PART_ENTRIES: u64 = 5_000;
/// The most that `max_parts` can be: an entry says in two bytes which part it is of, and those that a reading
/// removes have their numbers for as long as those it adds.
pub(super) const MOST_PARTS: u64 = 32_000;
/// And bytes: 100,000 entries have about 15 MB.
pub const HOLD_BYTES: u64 = 64 * 1024 * 1024;
/// A verification that has not ended by then is decided by what is known: a change must not wait for long, and an API that
/// answers does so in a second.
pub const VERIFY_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests that one verification sends: about as many as a task sends within [`VERIFY_TIMEOUT`].
pub const VERIFY_REQUESTS: usize = 2_000;
/// The most that `verify_requests` can be.
pub(super) const MOST_VERIFY_REQUESTS: u64 = 100_000;
/// Often enough that an API which was deployed after its entry is reached soon; a few requests a minute and task for
/// one that never is.
pub const VERIFY_RETRY: Duration = Duration::from_secs(60);
/// A shorter interval is a load on APIs that do not answer.
pub(super) const SHORTEST_VERIFY_RETRY: Duration = Duration::from_secs(1);
/// Where the last good mapping is kept on disk, unless the mapping is a file itself.
pub const CACHE: &str = "/var/cache/nameplate";

/// Where the mapping is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingSource {
    /// A file, or a folder of parts: which of the two is seen when it is read. A path that ends in `/` is a folder.
    File(PathBuf),
    /// An object in S3: `s3://bucket/key`; or all below a prefix: `s3://bucket/folder/`.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The object's key; a prefix if it is empty or ends in `/`.
        key: String,
    },
    /// Whatever answers GET at this URL, `http://` or `https://`.
    Http(String),
}

impl MappingSource {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            MappingSource::File(path) => Some(path),
            MappingSource::S3 { .. } | MappingSource::Http(_) => None,
        }
    }

    /// Reports whether its name says that it has parts: it ends in `/`. A path without a final `/` may be a folder
    /// all the same.
    pub fn is_prefix(&self) -> bool {
        match self {
            MappingSource::File(path) => path.as_os_str().as_encoded_bytes().ends_with(b"/"),
            MappingSource::S3 { key, .. } => key.is_empty() || key.ends_with('/'),
            MappingSource::Http(_) => false,
        }
    }

    /// Returns the place of one of its parts, `name` below the folder or prefix. A URL has no parts.
    pub fn part(&self, name: &str) -> MappingSource {
        match self {
            MappingSource::File(path) => MappingSource::File(path.join(name)),
            MappingSource::S3 { bucket, key } => {
                MappingSource::S3 { bucket: bucket.clone(), key: format!("{key}{name}") }
            }
            MappingSource::Http(_) => self.clone(),
        }
    }

    /// All that tells it from others, secrets included: never shown.
    pub fn identity(&self) -> String {
        match self {
            MappingSource::Http(url) => url.clone(),
            MappingSource::File(_) | MappingSource::S3 { .. } => self.to_string(),
        }
    }

    /// A relative path starts in this folder.
    pub fn relative_to(self, folder: &Path) -> MappingSource {
        match self {
            MappingSource::File(path) => MappingSource::File(folder.join(path)),
            other => other,
        }
    }
}

/// As logs, metrics and pages name it: a URL without its query, which may hold a secret.
impl fmt::Display for MappingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MappingSource::File(path) => write!(f, "{}", path.display()),
            MappingSource::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            MappingSource::Http(url) => f.write_str(url.split('?').next().unwrap_or(url)),
        }
    }
}

impl FromStr for MappingSource {
    type Err = String;

    fn from_str(text: &str) -> Result<MappingSource, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() {
                Err("the mapping's place is empty; write a path, s3://bucket/key or a URL".into())
            } else {
                Ok(MappingSource::File(text.into()))
            };
        };
        match scheme {
            "s3" => match rest.split_once('/') {
                Some((bucket, key)) if !bucket.is_empty() => {
                    if key.starts_with('/') {
                        return Err(format!("{text} has a key that starts with `/`; name the object or the prefix"));
                    }
                    Ok(MappingSource::S3 { bucket: bucket.into(), key: key.into() })
                }
                _ => Err(format!("{text} names no object; write s3://bucket/key, or s3://bucket/folder/")),
            },
            "http" | "https" => {
                let url: http::Uri = text.parse().map_err(|e| format!("the mapping's place is no URL: {e}"))?;
                match url.authority() {
                    Some(authority) if authority.as_str().contains('@') => {
                        Err("a URL of the mapping carries user information; name a `token_file` instead".into())
                    }
                    Some(authority) if !authority.host().is_empty() => Ok(MappingSource::Http(text.into())),
                    _ => Err("the mapping's URL names no host".into()),
                }
            }
            _ => Err(format!("{scheme}:// is no place for a mapping; write a path, s3://, http:// or https://")),
        }
    }
}

impl<'de> Deserialize<'de> for MappingSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What becomes of an entry that could not be verified: nobody could ask its API in time, or for the number of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unverified {
    /// It becomes active, as without verification. The default.
    #[default]
    Accept,
    /// It is held until it could be asked.
    Hold,
}

/// How a changed mapping is noticed and taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReloadRules {
    /// How often the source is asked, give or take a tenth. Default [`POLL`].
    #[serde(deserialize_with = "duration")]
    pub poll: Duration,
    /// Whether a file's folder is watched too, so that a change is noticed at once. Default true.
    pub watch: bool,
    /// The longest that reading the source may take, or a certificate's files. Default [`FETCH_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
    /// The largest mapping that is read, in bytes; of a mapping in parts, the sum of them all. Default [`MAX_FILE`].
    #[serde(deserialize_with = "size")]
    pub max_bytes: u64,
    /// The most parts of a mapping that are read. Default [`MAX_PARTS`].
    pub max_parts: usize,
    /// Percent of the domains in force that a change may remove. Default [`MAX_REMOVED`].
    pub max_removed: u8,
    /// Take changes that remove more, too. Default false.
    pub allow_shrink: bool,
    /// Entries to which a change may grow the mapping; one that grows it further is held. Default [`HOLD_ENTRIES`].
    pub hold_entries: u64,
    /// Entries to which a change may grow one part of it. Default [`HOLD_PART_ENTRIES`].
    pub hold_part_entries: u64,
    /// Bytes to which a change may grow it. Default [`HOLD_BYTES`].
    #[serde(deserialize_with = "size")]
    pub hold_bytes: u64,
    /// Whether entries with another target are asked before they become active. Default false.
    pub verify: bool,
    /// The longest that a change waits for that. Default [`VERIFY_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub verify_timeout: Duration,
    /// The most requests of one verification. Default [`VERIFY_REQUESTS`].
    pub verify_requests: usize,
    /// How often held entries are asked again, give or take a tenth. Default [`VERIFY_RETRY`].
    #[serde(deserialize_with = "duration")]
    pub verify_retry: Duration,
    /// What becomes of entries that could not be asked. Default [`Unverified::Accept`].
    pub unverified: Unverified,
    /// The folder the last good mapping is kept in. Default [`CACHE`], and none where the mapping is
    /// a file; empty for none.
    pub cache: Option<PathBuf>,
    /// A file with the bearer token for `http(s)://`, read anew for each request. Default none.
    pub token_file: Option<PathBuf>,
    /// Where S3's API answers. Default `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` of the
    /// environment, else AWS.
    pub s3_endpoint: Option<String>,
}

impl Default for ReloadRules {
    fn default() -> Self {
        ReloadRules {
            poll: POLL,
            watch: true,
            timeout: FETCH_TIMEOUT,
            max_bytes: MAX_FILE,
            max_parts: MAX_PARTS,
            max_removed: MAX_REMOVED,
            allow_shrink: false,
            hold_entries: HOLD_ENTRIES,
            hold_part_entries: HOLD_PART_ENTRIES,
            hold_bytes: HOLD_BYTES,
            verify: false,
            verify_timeout: VERIFY_TIMEOUT,
            verify_requests: VERIFY_REQUESTS,
            verify_retry: VERIFY_RETRY,
            unverified: Unverified::Accept,
            cache: None,
            token_file: None,
            s3_endpoint: None,
        }
    }
}

impl ReloadRules {
    /// The folder for the last good mapping of a source.
    pub fn cache_of(&self, source: &MappingSource) -> Option<PathBuf> {
        match (&self.cache, source) {
            (Some(folder), _) if folder.as_os_str().is_empty() => None,
            (Some(folder), _) => Some(folder.clone()),
            (None, MappingSource::File(_)) => None,
            (None, MappingSource::S3 { .. } | MappingSource::Http(_)) => Some(CACHE.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, &str>) {
        match (text.parse::<MappingSource>(), want) {
            (Ok(source), Ok(shown)) => assert_eq!(source.to_string(), shown),
            (Err(fault), Err(part)) => assert!(fault.contains(part), "{text}: {fault}"),
            (got, want) => panic!("{text}: {got:?}, not {want:?}"),
        }
    }

    #[test]
    fn a_source_is_told_by_its_scheme() {
        check("conf/mapping.yaml", Ok("conf/mapping.yaml"));
        check("s3://bucket/a/mapping.yaml", Ok("s3://bucket/a/mapping.yaml"));
        check("http://localhost:2772/applications/a?flag=x", Ok("http://localhost:2772/applications/a"));
        check("s3://bucket", Err("s3://bucket names no object"));
        check("s3://bucket/", Ok("s3://bucket/"));
        check("s3://bucket/folder/", Ok("s3://bucket/folder/"));
        check("s3:///key", Err("names no object"));
        check("s3://bucket//key", Err("starts with `/`"));
        check("https://", Err("is no URL"));
        check("https://user:secret@example.com/m", Err("user information"));
        check("gs://bucket/key", Err("gs:// is no place for a mapping"));
        check("", Err("is empty"));
    }

    #[test]
    fn a_final_slash_says_that_there_are_parts() {
        for (text, is_prefix, part) in [
            ("conf/mapping/", true, "conf/mapping/a/b.yaml"),
            ("conf/mapping", false, "conf/mapping/a/b.yaml"),
            ("s3://bucket/", true, "s3://bucket/a/b.yaml"),
            ("s3://bucket/folder/", true, "s3://bucket/folder/a/b.yaml"),
            ("s3://bucket/m.yaml", false, "s3://bucket/m.yamla/b.yaml"),
            ("http://localhost/folder/", false, "http://localhost/folder/"),
        ] {
            let source: MappingSource = text.parse().expect("a source");
            assert_eq!((source.is_prefix(), source.part("a/b.yaml").to_string().as_str()), (is_prefix, part));
        }
    }

    #[test]
    fn a_file_has_no_cache_unless_one_is_named() {
        let reload = ReloadRules::default();
        let (file, s3): (MappingSource, MappingSource) =
            ("m.yaml".parse().expect("a path"), "s3://b/k".parse().expect("an object"));
        assert_eq!((reload.cache_of(&file), reload.cache_of(&s3)), (None, Some(CACHE.into())));
        let named = ReloadRules { cache: Some("/c".into()), ..ReloadRules::default() };
        assert_eq!(named.cache_of(&file), Some("/c".into()));
        let off = ReloadRules { cache: Some("".into()), ..ReloadRules::default() };
        assert_eq!(off.cache_of(&s3), None);
    }
}
