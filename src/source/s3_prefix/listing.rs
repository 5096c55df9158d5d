//! The objects below a prefix in S3 that are parts of a mapping.
//!
//! **Invariant:** a key that cannot be read hides no object of another folder. The client refuses a whole page for one key
//! with an empty segment or a control character; then the page is asked for in smaller pieces, and the key is left out, with
//! all others that have the same segment. A folder with many such keys is an error of that folder.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::{Error as PathError, Path};
use object_store::{Error, ObjectMeta};

use super::super::parts::{is_part, is_printable};

/// As many keys as S3 lists at once.
const PAGE: usize = 1_000;
/// Odd keys that are left out of one folder below the prefix; each takes about ten requests. A folder with more is left out
/// itself.
const MOST_LEFT_OUT: usize = 32;
/// No character comes after it.
const LAST: char = char::MAX;

/// An object that is a part.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) key: Path,
    pub(super) etag: Option<String>,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

impl Listed {
    pub(super) fn of(object: ObjectMeta) -> Listed {
        let ObjectMeta { location: key, e_tag: etag, size, last_modified, .. } = object;
        Listed { key, etag, size, modified: last_modified.into() }
    }
}

/// What a listing found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The parts by their names below the prefix.
    pub(super) parts: BTreeMap<Arc<str>, Listed>,
    /// Names that two keys have for the client, such as `/a.yaml` and `a.yaml`: only one of them is the part.
    pub(super) doubtful: BTreeMap<Arc<str>, Path>,
    /// Folders with too many keys that the client refuses, as `a/`.
    pub(super) unreadable: Vec<String>,
    /// Keys that are passed over, printable.
    pub(super) passed_over: Vec<String>,
}

/// Why there is no listing.
#[derive(Debug)]
pub(super) enum ListError {
    S3(Error),
    /// There are too many keys.
    TooMany,
}

/// Lists the parts below a prefix; gives up after `most` keys.
pub(super) async fn list(store: &AmazonS3, prefix: &str, most: usize) -> Result<Listing, ListError> {
    let mut listing = Listing::default();
    let (mut listed, mut page) = (0, PAGE);
    let mut left_out: HashMap<String, usize> = HashMap::new();
    let (mut token, mut offset) = (None, None);
    loop {
        let options = PaginatedListOptions {
            max_keys: Some(page),
            page_token: token.clone(),
            offset: offset.clone(),
            ..PaginatedListOptions::default()
        };
        let answer = match store.list_paginated(Some(prefix).filter(|prefix| !prefix.is_empty()), options).await {
            Ok(answer) => answer,
            Err(Error::InvalidPath { .. }) if page > 1 => {
                page = (page / 2).max(1);
                continue;
            }
            Err(Error::InvalidPath { source }) => {
                let key = refused_key(&source).filter(|key| key.starts_with(prefix));
                let odd = key.as_deref().map(odd_part).filter(|odd| odd.len() > prefix.len());
                let (Some(key), Some(odd)) = (&key, odd) else {
                    return Err(ListError::S3(Error::InvalidPath { source }));
                };
                listed += 1;
                if listed > most {
                    return Err(ListError::TooMany);
                }
                listing.passed_over.push(odd.escape_debug().to_string());
                let skipped = match folder_of(prefix, key).filter(|folder| *folder != odd) {
                    Some(folder) if is_last(&mut left_out, folder) => {
                        let name = &folder[prefix.len()..];
                        if listing.unreadable.last().is_none_or(|last| last != name) {
                            listing.unreadable.push(name.to_owned());
                        }
                        folder
                    }
                    _ => odd,
                };
                (token, offset) = (None, Some(behind(skipped, key)));
                continue;
            }
            Err(error) => return Err(ListError::S3(error)),
        };
        listed += answer.result.objects.len();
        if listed > most {
            return Err(ListError::TooMany);
        }
        answer.result.objects.into_iter().for_each(|object| listing.add(prefix, object));
        token = answer.page_token;
        if token.is_none() {
            return Ok(listing);
        }
        page = (page * 2).min(PAGE);
    }
}

/// Returns the key that the client refuses.
fn refused_key(error: &PathError) -> Option<String> {
    match error {
        PathError::EmptySegment { path } | PathError::BadSegment { path, .. } => Some(path.clone()),
        _ => None,
    }
}

/// Returns as much of a refused key as makes every key refused that starts with it: up to and with an empty segment, `.`,
/// `..` or one with a control character, and the slash behind it.
fn odd_part(key: &str) -> &str {
    let is_odd = |segment: &str| {
        segment.is_empty() || segment == "." || segment == ".." || segment.chars().any(|c| c.is_ascii_control())
    };
    let mut start = usize::from(key.starts_with('/'));
    while let Some(slash) = key[start..].find('/').map(|at| start + at) {
        if is_odd(&key[start..slash]) {
            return &key[..=slash];
        }
        start = slash + 1;
    }
    key
}

/// Returns where a listing goes on that leaves out all keys that start with `skipped`, as the refused key does. A key that
/// has the last of all characters there comes behind what ends in it, or is it: then only that key is left out, and the
/// listing goes on whatever keys there are.
fn behind(skipped: &str, key: &str) -> String {
    let end = format!("{skipped}{LAST}");
    if skipped == key || *end <= *key { key.to_owned() } else { end }
}

/// Returns the folder directly below the prefix that a key is in, with the prefix and the slash.
fn folder_of<'k>(prefix: &str, key: &'k str) -> Option<&'k str> {
    let slash = key[prefix.len()..].find('/').filter(|slash| *slash > 0)?;
    Some(&key[..=prefix.len() + slash])
}

/// Counts an odd key of a folder. Returns whether it is one too many.
fn is_last(left_out: &mut HashMap<String, usize>, folder: &str) -> bool {
    let count = left_out.entry(folder.to_owned()).or_default();
    *count += 1;
    *count > MOST_LEFT_OUT
}

impl Listing {
    /// Adds an object, if it is a part. A folder's marker, `a/`, has the name of no part.
    fn add(&mut self, prefix: &str, object: ObjectMeta) {
        let key = object.location.as_ref();
        let Some(name) = key.strip_prefix(prefix) else { return };
        if !is_part(name) || name.split('/').any(|segment| segment.starts_with('.')) {
            return;
        }
        if !is_printable(name) {
            return self.passed_over.push(key.escape_debug().to_string());
        }
        // The client drops a slash at either end of a key. `a.yaml` comes before `a.yaml/`, and is the part. Below no prefix,
        // `/a.yaml` may come before both.
        if self.parts.contains_key(name) {
            if prefix.is_empty() {
                self.doubtful.insert(name.into(), object.location.clone());
            }
            return self.passed_over.push(format!("{}/", key.escape_debug()));
        }
        let name = name.into();
        self.parts.insert(name, Listed::of(object));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(prefix: &str, keys: &[&str]) -> Listing {
        let mut listing = Listing::default();
        for (at, key) in keys.iter().enumerate() {
            let object = ObjectMeta {
                location: Path::parse(key).expect("a key"),
                last_modified: SystemTime::UNIX_EPOCH.into(),
                size: 1,
                e_tag: Some(at.to_string()),
                version: None,
            };
            listing.add(prefix, object);
        }
        listing
    }

    fn names(prefix: &str, keys: &[&str]) -> Vec<String> {
        let listing = listing(prefix, keys);
        listing.parts.iter().map(|(name, part)| format!("{name} {}", part.etag.as_deref().unwrap_or("-"))).collect()
    }

    #[test]
    fn parts_are_named_from_the_prefix_on() {
        let keys = ["maps/b.yaml", "maps/a/c.json", "maps/README.md", "maps/.git/d.yaml", "maps/a/.e.yml", "maps/f/"];
        assert_eq!(names("maps/", &keys), ["a/c.json 1", "b.yaml 0"]);
        assert_eq!(names("", &["a.yaml", "b/c.yml"]), ["a.yaml 0", "b/c.yml 1"]);
    }

    #[test]
    fn a_key_that_looks_like_another_is_not_taken_for_it() {
        assert_eq!(names("m/", &["m/a.yaml", "m/a.yaml/"]), ["a.yaml 0"]);
        let doubtful = |keys: &[&str]| listing("", keys).doubtful.into_keys().collect::<Vec<_>>();
        assert_eq!(doubtful(&["/a.yaml", "a.yaml", "b.yaml"]), ["a.yaml".into()]);
        assert!(listing("m/", &["m/a.yaml", "m/a.yaml/"]).doubtful.is_empty());
    }

    #[test]
    fn a_refused_key_takes_those_with_it_that_are_refused_alike() {
        for (key, odd) in [
            ("m/x//odd.yaml", "m/x//"),
            ("m//", "m//"),
            ("m/../up.yaml", "m/../"),
            ("m/a\u{1}b.yaml", "m/a\u{1}b.yaml"),
            ("m/a\u{1}/b.yaml", "m/a\u{1}/"),
            ("//a.yaml", "//"),
            ("m/..", "m/.."),
        ] {
            assert_eq!(odd_part(key), odd, "{key:?}");
            assert!(Path::parse(key).is_err() && Path::parse(format!("{odd}z")).is_err() || odd == key, "{key:?}");
        }
        assert_eq!(folder_of("m/", "m/team/x//a.yaml"), Some("m/team/"));
        assert_eq!((folder_of("m/", "m/a.yaml"), folder_of("m/", "m//a.yaml")), (None, None));
    }
}
