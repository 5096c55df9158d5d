//! The last good version of each part of a mapping, on disk: Nameplate starts from them when the source is away.
//!
//! Each part has a file in a folder that belongs to one source. A file has the format of [`Cache`], and its first line
//! names the source and the part. A part that is damaged is left out, and the others are used.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::cache::{Cache, CacheError, CachedMapping};
use super::part_limits::{LISTED_ANYHOW, Limits};
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::load::version_of;
use nameplate_core::settings::{MappingSource, ReloadRules};

/// The file whose time says when the source last had what is kept.
const CONFIRMED: &str = "confirmed";
/// How the files of parts end.
const ENDING: &str = "cache";

/// The place of the last good parts of one source.
#[derive(Clone, Debug)]
pub(crate) struct PartsCache {
    folder: PathBuf,
    source: String,
}

/// A part from the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CachedPart {
    pub(crate) name: Arc<str>,
    /// Its text.
    pub(crate) bytes: Bytes,
    /// Of `bytes`.
    pub(crate) version: Version,
    /// When the source last had it.
    pub(crate) at: SystemTime,
}

/// What a cache has.
#[derive(Debug, Default)]
pub(crate) struct CachedParts {
    /// The parts that can be used, sorted by name.
    pub(crate) parts: Vec<CachedPart>,
    /// Why others cannot be used.
    pub(crate) errors: Vec<CacheError>,
}

impl PartsCache {
    /// The place in a folder for a source. Each source has its own.
    pub(crate) fn new(folder: &Path, source: &MappingSource) -> PartsCache {
        let source = version_of(source.identity().as_bytes());
        PartsCache { folder: folder.join(format!("mapping-{source}.parts")), source: source.full() }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The place of one part. Its name is hashed: it may be longer than a file's name may be.
    fn part(&self, name: &str) -> Cache {
        let file = format!("{}.{ENDING}", version_of(name.as_bytes()).full());
        Cache::at(self.folder.join(file), format!("{} {name}", self.source))
    }

    /// Keeps a part that the source has now.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8], version: Version) -> io::Result<()> {
        self.part(name).keep(bytes, version)
    }

    /// Removes a part that the source has no more.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.part(name).path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes every part that is not one of these. What cannot be removed stays.
    pub(crate) fn keep_only(&self, names: &[String]) {
        let kept: HashSet<PathBuf> = names.iter().map(|name| self.part(name).path().to_owned()).collect();
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_some_and(|ending| ending == ENDING) && !kept.contains(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Notes that the source still has what is kept. Without a cache there is nothing to note.
    pub(crate) fn confirm(&self, now: SystemTime) {
        let file = OpenOptions::new().create(true).append(true).open(self.folder.join(CONFIRMED));
        let _ = file.and_then(|file| file.set_modified(now));
    }

    /// Returns as much as these rules let a source have; as [`PartsCache::read`].
    pub(crate) fn read_within(&self, rules: &ReloadRules) -> Result<CachedParts, CacheError> {
        let (most_bytes, max_parts) = Limits::of(rules).with_owners();
        self.read(most_bytes, max_parts)
    }

    /// Returns the parts that were kept: of this source, whole, at most `max_parts` of them, and at most `most_bytes`
    /// in all.
    fn read(&self, most_bytes: u64, max_parts: usize) -> Result<CachedParts, CacheError> {
        let io = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => CacheError::Missing(self.folder.clone()),
            _ => CacheError::Io(self.folder.clone(), e),
        };
        let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).unwrap_or(UNIX_EPOCH);
        let confirmed = modified(&self.folder.join(CONFIRMED));
        let (mut found, mut bytes_left) = (CachedParts::default(), most_bytes);
        let most_files = max_parts.saturating_mul(4).max(LISTED_ANYHOW);
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(io)?.take(most_files) {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                files.push(path);
            }
        }
        files.sort();
        for path in files {
            let part = if found.parts.len() < max_parts {
                self.read_part(path, bytes_left)
            } else {
                Err(CacheError::Damaged(path, "it is one of more parts than `max_parts`"))
            };
            match part {
                Ok(part) => {
                    bytes_left -= part.bytes.len() as u64;
                    found.parts.push(CachedPart { at: part.at.max(confirmed), ..part });
                }
                Err(error) => found.errors.push(error),
            }
        }
        found.parts.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    fn read_part(&self, path: PathBuf, most: u64) -> Result<CachedPart, CacheError> {
        let prefix = format!("{} ", self.source);
        let (label, CachedMapping { bytes, version, at }) = Cache::read_any(&path, most)?;
        match label.strip_prefix(&prefix) {
            Some(name) if self.part(name).path() == path => Ok(CachedPart { name: name.into(), bytes, version, at }),
            _ => Err(CacheError::Damaged(path, "it is of another source or part")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn cache(folder: &Path) -> PartsCache {
        PartsCache::new(&folder.join("deep/er"), &"s3://bucket/m/".parse().expect("a source"))
    }

    fn keep(cache: &PartsCache, name: &str, text: &str) {
        cache.keep(name, text.as_bytes(), version_of(text.as_bytes())).expect("kept");
    }

    /// `name=text` of each part, and what is said of the others.
    fn read(cache: &PartsCache, most_bytes: u64, max_parts: usize) -> (Vec<String>, Vec<String>) {
        let CachedParts { parts, errors } = cache.read(most_bytes, max_parts).expect("a cache");
        let part = |part: &CachedPart| format!("{}={}", part.name, String::from_utf8_lossy(&part.bytes));
        (parts.iter().map(part).collect(), errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_kept_comes_back_and_what_is_removed_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        assert!(matches!(cache.read(100, 10), Err(CacheError::Missing(path)) if path == cache.path()));
        cache.remove("a.yaml").expect("nothing to remove");
        let long = format!("{}/b.yaml", "long/".repeat(100));
        for (name, text) in [("with space.yaml", "S"), ("a.yaml", "one\ntwo"), (&long, "L"), ("a.yaml", "three")] {
            keep(&cache, name, text);
        }
        let (parts, errors) = read(&cache, 100, 10);
        assert_eq!(parts, ["a.yaml=three".into(), format!("{long}=L"), "with space.yaml=S".into()]);
        assert!(errors.is_empty(), "{errors:?}");
        cache.remove("a.yaml").expect("removed");
        assert_eq!(read(&cache, 100, 10).0.len(), 2);
    }

    #[test]
    fn one_time_says_that_the_source_has_all_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        keep(&cache, "a.yaml", "A");
        let later = SystemTime::now() + Duration::from_secs(9_999);
        cache.confirm(later);
        assert_eq!(cache.read(100, 10).expect("a cache").parts[0].at, later);
    }

    #[test]
    fn a_damaged_part_costs_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        keep(&cache, "a.yaml", "A");
        keep(&cache, "b.yaml", "B");
        let path = cache.part("a.yaml").path().to_owned();
        let whole = fs::read(&path).expect("read");
        fs::write(&path, &whole[..whole.len() - 1]).expect("written");
        let (parts, errors) = read(&cache, 100, 10);
        assert_eq!(parts, ["b.yaml=B"]);
        assert!(errors.len() == 1 && errors[0].contains("checksum"), "{errors:?}");
        fs::copy(cache.part("b.yaml").path(), &path).expect("copied");
        let (parts, errors) = read(&cache, 100, 10);
        assert!(parts == ["b.yaml=B"] && errors[0].contains("of another source or part"), "{errors:?}");
    }

    #[test]
    fn no_more_is_read_than_the_limits_allow() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        for name in ["a.yaml", "b.yaml", "c.yaml"] {
            keep(&cache, name, &"#".repeat(20_000));
        }
        for (most_bytes, max_parts, says) in [(100_000, 2, "`max_parts`"), (45_000, 9, "`max_bytes`")] {
            let (parts, errors) = read(&cache, most_bytes, max_parts);
            assert!(parts.len() == 2 && errors.len() == 1 && errors[0].contains(says), "{errors:?}");
        }
    }
}
