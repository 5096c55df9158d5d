//! The objects below a prefix in S3 that are parts of a mapping.
//!
//! **Invariant:** a key that cannot be read hides no other object. The client refuses a whole page for one key with an
//! empty segment or a control character; then the page is asked for in smaller pieces, and the key is left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::{Error as PathError, Path};
use object_store::{Error, ObjectMeta};

use super::super::parts::{is_part, is_printable};

/// As many keys as S3 lists at once.
const PAGE: usize = 1_000;
/// Keys that are left out of one listing; each takes about ten requests.
const MOST_LEFT_OUT: usize = 32;

/// An object that is a part.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) key: Path,
    pub(super) etag: Option<String>,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// What a listing found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The parts by their names below the prefix.
    pub(super) parts: BTreeMap<Arc<str>, Listed>,
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
    let (mut listed, mut left_out, mut page) = (0, 0, PAGE);
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
            Err(Error::InvalidPath { source }) if left_out < MOST_LEFT_OUT => {
                let key = refused_key(&source).ok_or(ListError::S3(Error::InvalidPath { source }))?;
                listing.passed_over.push(key.escape_debug().to_string());
                left_out += 1;
                (token, offset) = (None, Some(key));
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
        let new = Listed {
            etag: object.e_tag,
            size: object.size,
            modified: object.last_modified.into(),
            key: object.location.clone(),
        };
        match self.parts.get_mut(name) {
            None => {
                self.parts.insert(name.into(), new);
            }
            // `a.yaml` and `a.yaml/`, of which only the first can be read: a change of either is a change.
            Some(listed) => {
                listed.etag = listed.etag.take().zip(new.etag).map(|(one, other)| one + &other);
                listed.size = listed.size.max(new.size);
                listed.modified = listed.modified.max(new.modified);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(prefix: &str, keys: &[&str]) -> Vec<String> {
        let mut listing = Listing::default();
        for key in keys {
            let object = ObjectMeta {
                location: Path::parse(key).expect("a key"),
                last_modified: SystemTime::UNIX_EPOCH.into(),
                size: 1,
                e_tag: Some("e".into()),
                version: None,
            };
            listing.add(prefix, object);
        }
        listing.parts.iter().map(|(name, part)| format!("{name} {}", part.etag.as_deref().unwrap_or("-"))).collect()
    }

    #[test]
    fn parts_are_named_from_the_prefix_on() {
        let keys = ["maps/b.yaml", "maps/a/c.json", "maps/README.md", "maps/.git/d.yaml", "maps/a/.e.yml", "maps/f/"];
        assert_eq!(names("maps/", &keys), ["a/c.json e", "b.yaml e"]);
        assert_eq!(names("", &["a.yaml", "b/c.yml"]), ["a.yaml e", "b/c.yml e"]);
    }

    #[test]
    fn a_key_that_looks_like_another_is_not_taken_for_it() {
        assert_eq!(names("", &["a.yaml", "a.yaml/"]), ["a.yaml ee"]);
    }
}
