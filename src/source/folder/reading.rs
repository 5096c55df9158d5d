//! One reading of a folder: which of its parts changed since the last one, which of those are whole, and their text.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::super::bounded_read::read_up_to;
use super::super::error::FetchError;
use super::super::fingerprint::Fingerprint;
use super::super::part_limits::{Budget, Limits, in_turn};
use super::super::parts::{Found, PartRead};
use super::super::watch::STILL;
use super::walk::{PartFile, Walked};
use nameplate_core::settings::MappingSource;

/// What to do about a link that is not followed.
const LINKS_HELP: &str = "put the file or folder itself there: links are followed within the folder alone";

/// What is known of a folder's parts after a reading.
#[derive(Debug, Default)]
pub(super) struct Known {
    parts: BTreeMap<Arc<str>, KnownPart>,
    is_read: bool,
}

/// What is known of one part.
#[derive(Clone, Copy, Debug, Default)]
struct KnownPart {
    /// The file whose text was brought last. `None` if the text must be brought again.
    read: Option<Fingerprint>,
    /// The bytes of the text that was brought last.
    size: Option<u64>,
    /// A change that has not been read yet, because the file may be in the middle of it, and when it was seen first.
    glimpsed: Option<(Fingerprint, Instant)>,
}

/// The time of a reading, by the clock that files are dated with and by the one that never goes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) time: SystemTime,
    pub(super) instant: Instant,
}

impl Moment {
    pub(super) fn now() -> Moment {
        Moment { time: SystemTime::now(), instant: Instant::now() }
    }
}

/// What a reading brought.
pub(super) struct Reading {
    /// All parts, sorted by name.
    pub(super) parts: Vec<PartRead>,
    pub(super) known: Known,
    /// How long from now until a part that is in the middle of a change may be whole.
    pub(super) next_look: Option<Duration>,
}

impl Reading {
    /// Reads those parts that changed; all of them `as_it_is`, where whoever wrote them asks for it. `replaced_at` says when a file was renamed into its place, where that was seen.
    pub(super) fn of(
        place: &MappingSource,
        walked: Walked,
        known: &Known,
        as_it_is: bool,
        limits: Limits,
        now: Moment,
        replaced_at: &dyn Fn(&Path) -> Option<SystemTime>,
    ) -> Reading {
        let unreadable = walked.unreadable.iter().flat_map(|(folder, error)| errors_of(place, known, folder, error));
        let mut seen: BTreeMap<Arc<str>, Result<PartFile, FetchError>> =
            unreadable.map(|(name, error)| (name, Err(error))).collect();
        seen.extend(walked.files.into_iter().map(|file| (Arc::from(file.name.as_str()), Ok(file))));

        let before = |name: &str| known.parts.get(name).copied().unwrap_or_default();
        let budget = Budget::new(limits, seen.keys().filter_map(|name| Some((&**name, before(name).size?))));
        let mut reader =
            Reader { place, reads_at_once: !known.is_read || as_it_is, now, replaced_at, budget, next_look: None };
        let size = |file: &Result<PartFile, FetchError>| match file {
            Ok(PartFile { metadata: Ok(metadata), .. }) => metadata.len(),
            _ => 0,
        };
        let read = in_turn(seen, |name| before(name).size.is_some(), size).into_iter().map(|(name, file)| {
            let mut part = before(&name);
            let modified = file.as_ref().ok().and_then(|file| file.metadata.as_ref().ok()?.modified().ok());
            let found = file.and_then(|file| reader.read(&file, &mut part)).unwrap_or_else(|error| {
                // Its text is brought again once it can be read.
                part.read = None;
                Found::Failed(error)
            });
            (PartRead { name, modified, found }, part)
        });
        let mut read: Vec<(PartRead, KnownPart)> = read.collect();
        read.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        let known = read.iter().map(|(part, known)| (Arc::clone(&part.name), *known)).collect();
        Reading {
            next_look: reader.next_look,
            parts: read.into_iter().map(|(part, _)| part).collect(),
            known: Known { parts: known, is_read: true },
        }
    }

    /// Reports whether nothing changed since.
    pub(super) fn is_same_as(&self, before: &Known) -> bool {
        before.is_read
            && before.parts.len() == self.parts.len()
            && self.parts.iter().all(|part| part.found == Found::Same)
    }
}

/// The parts below a folder that cannot be read: those that are known, else the folder stands for them.
fn errors_of(place: &MappingSource, known: &Known, folder: &str, error: &io::Error) -> Vec<(Arc<str>, FetchError)> {
    let cause = format!("its folder cannot be read: {error}");
    let help = match error.kind() {
        io::ErrorKind::NotFound => "it is a link to nowhere; remove the link, or restore the folder",
        io::ErrorKind::InvalidInput => LINKS_HELP,
        _ => "let the user that runs this read the folder, or check the file system it is on",
    };
    let from = (Bound::Included(folder), Bound::Unbounded);
    let below = known.parts.range::<str, _>(from).map(|(name, _)| name).take_while(|name| name.starts_with(folder));
    let mut names: Vec<Arc<str>> = below.cloned().collect();
    if names.is_empty() {
        names.push(folder.into());
    }
    names.into_iter().map(|name| (Arc::clone(&name), FetchError::new(&place.part(&name), &cause, help))).collect()
}

struct Reader<'a> {
    place: &'a MappingSource,
    reads_at_once: bool,
    now: Moment,
    replaced_at: &'a dyn Fn(&Path) -> Option<SystemTime>,
    budget: Budget,
    next_look: Option<Duration>,
}

impl Reader<'_> {
    fn read(&mut self, file: &PartFile, known: &mut KnownPart) -> Result<Found, FetchError> {
        let place = self.place.part(&file.name);
        let error = |e: &io::Error| unreadable(&place, e);
        let found = Fingerprint::of(file.metadata.as_ref().map_err(error)?);
        if known.read == Some(found) {
            known.glimpsed = None;
            return Ok(Found::Same);
        }
        if known.glimpsed.is_none_or(|(glimpsed, _)| glimpsed != found) {
            known.glimpsed = Some((found, self.now.instant));
        }
        let wait = if self.reads_at_once { Duration::ZERO } else { self.still_to_wait(file, &found, known) };
        if !wait.is_zero() {
            return Ok(self.unsettled(wait));
        }
        self.budget.take(&place, &file.name, known.size, found.size())?;
        match text_of(&file.path, &found).map_err(|e| error(&e))? {
            Some(text) => {
                *known = KnownPart { read: Some(found), size: Some(text.len() as u64), glimpsed: None };
                Ok(Found::Text(text))
            }
            None => Ok(self.unsettled(STILL)),
        }
    }

    fn unsettled(&mut self, wait: Duration) -> Found {
        self.next_look = Some(self.next_look.map_or(wait, |next| next.min(wait)));
        Found::Unsettled
    }

    /// Returns how long a changed file must still be left alone until it is whole.
    fn still_to_wait(&self, file: &PartFile, found: &Fingerprint, known: &KnownPart) -> Duration {
        let changed = found.changed_at();
        let since = |time: SystemTime| self.now.time.duration_since(time).unwrap_or_default();
        // Renamed into place, a file is whole, unless it was changed afterwards.
        if (self.replaced_at)(&file.path).is_some_and(|at| changed.is_some_and(|changed| changed <= at)) {
            return Duration::ZERO;
        }
        // The clock of a network file system may be ahead of ours: then only the second look tells.
        let by_time = STILL.saturating_sub(changed.map(since).unwrap_or_default());
        let by_looks = STILL.saturating_sub(known.glimpsed.map(|(_, at)| self.now.instant - at).unwrap_or_default());
        by_time.min(by_looks)
    }
}

/// Reads a file; returns `None` if it changed meanwhile.
fn text_of(path: &Path, found: &Fingerprint) -> io::Result<Option<Bytes>> {
    let file = fs::File::open(path)?;
    let is_it = |metadata: Metadata| Fingerprint::of(&metadata) == *found;
    if !is_it(file.metadata()?) {
        return Ok(None);
    }
    let text = read_up_to(found.size(), &file, found.size() as usize)?;
    Ok(if is_it(file.metadata()?) { text } else { None })
}

fn unreadable(place: &MappingSource, error: &io::Error) -> FetchError {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "it is a link to a file that does not exist; remove the link or restore the file",
        io::ErrorKind::PermissionDenied => "let the user that runs this read it",
        io::ErrorKind::InvalidInput => LINKS_HELP,
        _ => "check the file system it is on",
    };
    FetchError::new(place, error.to_string(), help)
}

#[cfg(test)]
mod tests {
    use super::super::super::part_limits::Limits;
    use super::super::walk::walk;
    use super::*;
    use nameplate_core::settings::ReloadRules;

    /// A folder with one part, and what is known of it; it was changed at `changed`.
    struct OnePart {
        folder: tempfile::TempDir,
        known: Known,
        changed: SystemTime,
    }

    impl OnePart {
        fn changed() -> OnePart {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("a.yaml");
            fs::write(&path, "A").expect("written");
            let known = Known { parts: BTreeMap::new(), is_read: true };
            let changed = Fingerprint::of(&path.metadata().expect("a file")).changed_at().expect("a time");
            OnePart { folder, known, changed }
        }

        /// Reads it at a time after its change, and when the process has run for as long.
        fn read(&mut self, start: Instant, after: Duration) -> (Found, Option<Duration>) {
            self.read_at(start + after, self.changed + after, None)
        }

        fn read_at(
            &mut self,
            instant: Instant,
            time: SystemTime,
            replaced: Option<SystemTime>,
        ) -> (Found, Option<Duration>) {
            let walked = walk(self.folder.path(), 10, &mut |_| {}).expect("a walk");
            let place = MappingSource::File(self.folder.path().into());
            let limits = Limits::of(&ReloadRules::default());
            let mut reading =
                Reading::of(&place, walked, &self.known, false, limits, Moment { time, instant }, &|_| replaced);
            self.known = reading.known;
            (reading.parts.remove(0).found, reading.next_look)
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_change_nobody_saw_is_whole_when_it_is_a_second_old() {
        let (mut part, start) = (OnePart::changed(), Instant::now());
        assert_eq!(part.read(start, 300 * MS), (Found::Unsettled, Some(700 * MS)));
        assert_eq!(part.read(start, 999 * MS), (Found::Unsettled, Some(MS)));
        assert_eq!(part.read(start, 1_000 * MS), (Found::Text("A".into()), None));
        assert_eq!(part.read(start, 1_001 * MS), (Found::Same, None));
    }

    #[test]
    fn two_looks_tell_where_the_file_systems_clock_is_ahead() {
        let (mut part, start) = (OnePart::changed(), Instant::now());
        let early = part.changed - 3_600_000 * MS;
        assert_eq!(part.read_at(start, early, None), (Found::Unsettled, Some(STILL)));
        assert_eq!(part.read_at(start + 400 * MS, early, None), (Found::Unsettled, Some(600 * MS)));
        assert_eq!(part.read_at(start + STILL, early, None).0, Found::Text("A".into()));
    }

    #[test]
    fn a_part_that_was_renamed_into_place_is_whole_at_once() {
        let (mut part, start) = (OnePart::changed(), Instant::now());
        let (now, replaced) = (part.changed + MS, part.changed);
        assert_eq!(part.read_at(start, now, Some(replaced - MS)).0, Found::Unsettled, "it was changed afterwards");
        assert_eq!(part.read_at(start, now, Some(replaced)), (Found::Text("A".into()), None));
    }

    #[test]
    fn a_folder_that_cannot_be_read_keeps_its_parts_from_being_removed() {
        let known = |names: &[&str]| Known {
            parts: names.iter().map(|name| (Arc::from(*name), KnownPart::default())).collect(),
            is_read: true,
        };
        let failed = |known: Known| {
            let denied = ("a/b/".to_owned(), io::Error::from(io::ErrorKind::PermissionDenied));
            let walked = Walked { unreadable: vec![denied], ..Walked::default() };
            let place = "conf/".parse().expect("a source");
            let limits = Limits::of(&ReloadRules::default());
            let reading = Reading::of(&place, walked, &known, false, limits, Moment::now(), &|_| None);
            let name = |part: &PartRead| {
                assert!(matches!(&part.found, Found::Failed(e) if e.cause.contains("permission denied")), "{part:?}");
                part.name.to_string()
            };
            reading.parts.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(
            failed(known(&["a/b.yaml", "a/b/c.yaml", "a/b/d/e.yaml", "a/c.yaml"])),
            ["a/b/c.yaml", "a/b/d/e.yaml"]
        );
        assert_eq!(failed(known(&["a/c.yaml"])), ["a/b/"], "the folder stands for what nobody knows");
        assert_eq!(failed(known(&["a/b/"])), ["a/b/"]);
    }
}
