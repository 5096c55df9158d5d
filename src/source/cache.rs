//! The last good mapping, on disk: Nameplate starts from it when the source is away.
//!
//! **Invariant:** a file is either the one before or the new one, whole: it is written beside its
//! place, made durable, then renamed. What was damaged all the same is not used; the checksum tells.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::bounded_read::read_up_to;
use nameplate_core::domain::pace::Pace;
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::load::{version_of, version_of_paced};
use nameplate_core::settings::MappingSource;

/// What the first line starts with; the number changes with the format.
const MAGIC: &str = "nameplate-mapping-cache 1";
/// The longest first line.
const MOST_HEAD: usize = 16 * 1024;

/// The place of one source's last good mapping.
#[derive(Clone)]
pub(crate) struct Cache {
    path: PathBuf,
    source: String,
}

/// A mapping from the cache.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CachedMapping {
    /// The mapping.
    pub bytes: Bytes,
    /// Of `bytes`.
    pub version: Version,
    /// When the source last had it.
    pub at: SystemTime,
}

/// Why the cached mapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    /// Nothing was ever kept.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Io(PathBuf, io::Error),
    /// It is not what was written.
    #[error("{path} is damaged: {what}", path = .0.display(), what = .1)]
    Damaged(PathBuf, &'static str),
}

impl Cache {
    /// The place in a folder for a source. Each source has its own: two services that share a folder
    /// do not take each other's mapping.
    pub(crate) fn new(folder: &Path, source: &MappingSource) -> Cache {
        // Hashed, because a URL's query may hold a secret; and whole, because it may be all that differs.
        let source = version_of(source.identity().as_bytes());
        Cache { path: folder.join(format!("mapping-{source}.cache")), source: source.full() }
    }

    /// A place of its own, for what `label` says: it stands in the file's first line.
    pub(super) fn at(path: PathBuf, label: String) -> Cache {
        Cache { path, source: label }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a mapping that the source has now.
    pub(crate) fn keep(&self, bytes: &[u8], version: Version) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // Tasks that share the folder have the same process id, 1.
        let beside = self.path.with_extension(format!("{:016x}.tmp", fastrand::u64(..)));
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            writeln!(file, "{MAGIC} {} {} {}", version.full(), bytes.len(), self.source)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)?;
            // Without it, the rename itself may be lost with the power.
            fs::File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// The source still has what is kept: the file's own time says since when it may not.
    pub(crate) fn confirm(&self, now: SystemTime) {
        // Without a cache there is nothing to confirm, and of one that cannot be written `keep` told.
        let _ = OpenOptions::new().append(true).open(&self.path).and_then(|file| file.set_modified(now));
    }

    /// What was kept, if it is whole and of this source. Reads no more than `most` bytes.
    pub(crate) fn read(&self, most: u64) -> Result<CachedMapping, CacheError> {
        let (source, mapping) = Cache::read_any(&self.path, most)?;
        if source != self.source {
            return Err(CacheError::Damaged(self.path.clone(), "it is of another source"));
        }
        Ok(mapping)
    }

    /// What was kept in a file, if it is whole, and what its first line says it is of.
    pub(super) fn read_any(path: &Path, most: u64) -> Result<(String, CachedMapping), CacheError> {
        let io = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => CacheError::Missing(path.to_owned()),
            _ => CacheError::Io(path.to_owned(), e),
        };
        let damaged = |what| CacheError::Damaged(path.to_owned(), what);
        let file = fs::File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        let whole = read_up_to(most + MOST_HEAD as u64, file, metadata.len() as usize).map_err(io)?;
        let whole = whole.ok_or_else(|| damaged("it is larger than `max_bytes`"))?;
        let end =
            whole.iter().take(MOST_HEAD).position(|b| *b == b'\n').ok_or_else(|| damaged("it has no first line"))?;
        let head = std::str::from_utf8(&whole[..end]).map_err(|_| damaged("its first line is no text"))?;
        let fields = head.strip_prefix(MAGIC).ok_or_else(|| damaged("it has another format"))?;
        let mut fields = fields.trim_start().splitn(3, ' ');
        let mut next = || fields.next().unwrap_or_default();
        let (hash, length, source) = (next(), next(), next());
        let bytes = whole.slice(end + 1..);
        let version = version_of_paced(&bytes, Pace::new(std::thread::yield_now));
        if length != bytes.len().to_string() || hash != version.full() {
            return Err(damaged("its checksum does not match"));
        }
        if bytes.len() as u64 > most {
            return Err(damaged("it is larger than `max_bytes`"));
        }
        Ok((source.to_owned(), CachedMapping { bytes, version, at: metadata.modified().unwrap_or(UNIX_EPOCH) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 1_000;

    fn cache(folder: &Path) -> Cache {
        Cache::new(&folder.join("deep/er"), &"s3://bucket/key".parse().expect("a source"))
    }

    fn keep(cache: &Cache, text: &str) {
        cache.keep(text.as_bytes(), version_of(text.as_bytes())).expect("kept");
    }

    #[test]
    fn what_is_kept_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        assert!(matches!(cache.read(MOST), Err(CacheError::Missing(_))));
        for text in ["one\ntwo", "three"] {
            keep(&cache, text);
            let kept = cache.read(MOST).expect("kept");
            assert_eq!((&*kept.bytes, kept.version), (text.as_bytes(), version_of(text.as_bytes())));
        }
        let later = UNIX_EPOCH + std::time::Duration::from_secs(9_999_999_999);
        cache.confirm(later);
        assert_eq!(cache.read(MOST).expect("kept").at, later);
        let beside: Vec<_> = fs::read_dir(folder.path().join("deep/er")).expect("a folder").collect();
        assert_eq!(beside.len(), 1, "nothing is left beside it: {beside:?}");
    }

    #[test]
    fn each_source_has_a_place_of_its_own() {
        let folder = Path::new("/c");
        let path = |source: &str| Cache::new(folder, &source.parse().expect("a source")).path;
        assert_ne!(path("s3://bucket/a"), path("s3://bucket/b"));
        assert_ne!(path("http://h/m?env=dev"), path("http://h/m?env=prod"));
    }

    #[test]
    fn what_is_damaged_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        keep(&cache, "APIS: whole");
        let good = fs::read(cache.path()).expect("read");
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            fs::write(cache.path(), bytes).expect("written");
            cache.read(MOST).expect_err("damaged").to_string()
        };
        assert!(with(&|b| b.truncate(b.len() - 1)).contains("checksum"));
        assert!(with(&|b| *b.last_mut().expect("a byte") ^= 1).contains("checksum"));
        assert!(with(&|b| b.push(b'x')).contains("checksum"));
        assert!(with(&|b| b[0] = b'x').contains("another format"));
        assert!(with(&|b| b.clear()).contains("no first line"));
        assert!(with(&|b| b.extend([b'x'; 20_000])).contains("larger"));
        let other = String::from_utf8(good.clone()).expect("text").replace(&cache.source, &"0".repeat(64));
        assert!(with(&|b| other.as_bytes().clone_into(b)).contains("another source"));
    }
}
