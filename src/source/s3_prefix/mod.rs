//! A mapping in parts, below a prefix in S3: one listing says by their ETags which objects changed.

mod listing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};

use super::error::{FetchError, chain};
use super::fetch::{FetchMode, Fetched, Source};
use super::part_limits::{Budget, Limits, in_turn};
use super::parts::{Found, PartRead, PassedOver};
use super::s3::{arn, bucket, s3_error, text_of, without_secrets};
use listing::{ListError, Listed, Listing, list};
use nameplate_core::settings::{MappingSource, ReloadRules};

/// Objects that are fetched at the same time.
const AT_ONCE: usize = 16;

/// The mapping below a prefix.
pub(super) struct S3Prefix {
    bucket: Bucket,
    prefix: String,
    limits: Limits,
    /// What the last delivered reading found; `None` before the first.
    known: Option<BTreeMap<Arc<str>, Known>>,
    /// Texts that no reading has delivered yet, with their ETags: a reading that is given up brings the next one further.
    arrived: HashMap<Arc<str>, (Option<String>, Bytes)>,
    passed_over: PassedOver,
}

/// What is known of one part.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The object whose text was brought last. `None` if the text must be brought again.
    etag: Option<String>,
    /// The bytes of the text that was brought last.
    size: Option<u64>,
}

impl S3Prefix {
    pub(super) fn new(
        source: &MappingSource,
        name: &str,
        prefix: &str,
        settings: &ReloadRules,
    ) -> Result<S3Prefix, FetchError> {
        let store = bucket(source, name, settings)?;
        Ok(S3Prefix::with(store, source, name, prefix, settings))
    }

    fn with(store: AmazonS3, source: &MappingSource, name: &str, prefix: &str, settings: &ReloadRules) -> S3Prefix {
        let rights =
            format!("s3:ListBucket on arn:aws:s3:::{name} for the prefix `{prefix}`, s3:GetObject on {}*", arn(source));
        S3Prefix {
            bucket: Bucket { store, source: source.clone(), rights },
            prefix: prefix.into(),
            limits: Limits::of(settings),
            known: None,
            arrived: HashMap::new(),
            passed_over: PassedOver::default(),
        }
    }

    /// Lists the parts.
    async fn list(&mut self) -> Result<Listing, FetchError> {
        let listing = list(&self.bucket.store, &self.prefix, self.limits.most_listed()).await;
        let mut listing = listing.map_err(|e| match e {
            ListError::S3(e) => self.bucket.listing_error(&e),
            ListError::TooMany => self.limits.too_many_names(&self.bucket.source),
        })?;
        for (name, key) in std::mem::take(&mut listing.doubtful) {
            match self.bucket.look_at(&name, &key).await? {
                Some(part) => listing.parts.insert(name, part),
                None => listing.parts.remove(&name),
            };
        }
        self.passed_over.log(
            &self.bucket.source.to_string(),
            &listing.passed_over,
            "it has an empty segment, `.`, `..`, a control character or a slash at its end",
        );
        Ok(listing)
    }

    /// The folders that are not readable, as parts: what is active of them stays so.
    fn unreadable(&self, folders: Vec<String>) -> impl Iterator<Item = PartRead> {
        folders.into_iter().map(|folder| {
            let cause = "it has too many keys with an empty segment, `.`, `..` or a control character";
            let error = FetchError::new(&self.bucket.source.part(&folder), cause, "rename them, or delete them");
            PartRead { name: folder.into(), modified: None, found: Found::Failed(error) }
        })
    }

    /// Says for each part whether it is the same, or has to be fetched, or is over the limits.
    fn plan(&self, listed: &BTreeMap<Arc<str>, Listed>) -> BTreeMap<Arc<str>, Plan> {
        let none = BTreeMap::new();
        let known = self.known.as_ref().unwrap_or(&none);
        let before = |name: &str| known.get(name).and_then(|known| known.size);
        let mut budget = Budget::new(self.limits, listed.keys().filter_map(|name| Some((&**name, before(name)?))));
        let parts = listed.iter().map(|(name, part)| (Arc::clone(name), part));
        let plan = in_turn(parts, |name| before(name).is_some(), |part| part.size).into_iter().map(|(name, part)| {
            let is_same = part.etag.is_some() && known.get(&name).is_some_and(|known| known.etag == part.etag);
            let plan = if is_same {
                Plan::Done(Found::Same)
            } else if let Err(error) = budget.take(&self.bucket.source.part(&name), &name, before(&name), part.size) {
                Plan::Done(Found::Failed(error))
            } else {
                Plan::Fetch
            };
            (name, plan)
        });
        plan.collect()
    }

    /// Fetches parts into `arrived`; returns what it found where that is no text.
    async fn fetch_parts(&mut self, wanted: Vec<(Arc<str>, Listed)>) -> HashMap<Arc<str>, Option<Found>> {
        let missing = wanted.into_iter().filter(|(name, part)| {
            !self.arrived.get(name).is_some_and(|(etag, _)| etag.is_some() && *etag == part.etag)
        });
        let missing: Vec<_> = missing.collect();
        let bucket = &self.bucket;
        let mut fetched = stream::iter(missing)
            .map(|(name, part)| async move { (bucket.fetch(&name, &part).await, name, part.etag) })
            .buffer_unordered(AT_ONCE);
        let mut found = HashMap::new();
        while let Some((object, name, etag)) = fetched.next().await {
            match object {
                Ok(Object::Text(text)) => {
                    self.arrived.insert(name, (etag, text));
                }
                Ok(Object::Changed) => {
                    found.insert(name, Some(Found::Unsettled));
                }
                Ok(Object::Gone) => {
                    found.insert(name, None);
                }
                Err(error) => {
                    found.insert(name, Some(Found::Failed(error)));
                }
            }
        }
        found
    }
}

/// What to do about a part.
enum Plan {
    Done(Found),
    Fetch,
}

/// What a bucket has for a key.
enum Object {
    Text(Bytes),
    /// It is larger than it was listed: somebody has just written it.
    Changed,
    /// It was removed since it was listed.
    Gone,
}

struct Bucket {
    store: AmazonS3,
    source: MappingSource,
    /// The rights that the task role needs.
    rights: String,
}

impl Bucket {
    async fn fetch(&self, name: &str, part: &Listed) -> Result<Object, FetchError> {
        let place = self.source.part(name);
        let error = |e: &Error| self.error(&place, e);
        let object = match self.store.get(&part.key).await {
            Ok(object) => object,
            Err(Error::NotFound { .. }) => return Ok(Object::Gone),
            Err(e) => return Err(error(&e)),
        };
        if object.meta.size > part.size {
            return Ok(Object::Changed);
        }
        Ok(text_of(&place, object, part.size, error).await?.map_or(Object::Changed, Object::Text))
    }

    /// Looks at the object that has this key and no other.
    async fn look_at(&self, name: &str, key: &Path) -> Result<Option<Listed>, FetchError> {
        match self.store.head(key).await {
            Ok(object) => Ok(Some(Listed::of(object))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.error(&self.source.part(name), &e)),
        }
    }

    fn error(&self, place: &MappingSource, e: &Error) -> FetchError {
        s3_error(place, e, &self.rights)
    }

    /// The client has no kinds of errors for a listing: what S3 said tells them apart.
    fn listing_error(&self, e: &Error) -> FetchError {
        let said = chain(e);
        let is_denied = said.contains("<Code>AccessDenied</Code>") || said.contains("403 Forbidden");
        let help = if is_denied {
            format!("the task role needs {}", self.rights)
        } else if said.contains("<Code>NoSuchBucket</Code>") {
            "check the bucket's name, and create the bucket if it does not exist".into()
        } else {
            return self.error(&self.source, e);
        };
        FetchError::new(&self.source, without_secrets(said), help)
    }
}

#[async_trait]
impl Source for S3Prefix {
    async fn fetch(&mut self, mode: FetchMode) -> Result<Fetched, FetchError> {
        let Listing { parts: listed, unreadable, .. } = self.list().await?;
        let plan = self.plan(&listed);
        let wanted = plan.iter().filter(|(_, plan)| matches!(plan, Plan::Fetch));
        let wanted = wanted.map(|(name, _)| (Arc::clone(name), listed[name].clone())).collect();
        let mut found = self.fetch_parts(wanted).await;
        // From here on nothing waits: what was read is delivered.
        let mut arrived = std::mem::take(&mut self.arrived);
        let before = self.known.take();
        let (mut parts, mut known) = (Vec::new(), BTreeMap::new());
        for (name, plan) in plan {
            let mut part = before.as_ref().and_then(|known| known.get(&name)).cloned().unwrap_or_default();
            let listed = &listed[&name];
            let outcome = match (plan, found.remove(&name), arrived.remove(&name)) {
                (Plan::Done(done), ..) => done,
                (Plan::Fetch, Some(None), _) => continue,
                (Plan::Fetch, Some(Some(found)), _) => found,
                (Plan::Fetch, None, Some((_, text))) => {
                    part = Known { etag: listed.etag.clone(), size: Some(text.len() as u64) };
                    Found::Text(text)
                }
                (Plan::Fetch, None, None) => Found::Unsettled,
            };
            if matches!(outcome, Found::Failed(_)) {
                // Its text is brought again once it can be read.
                part.etag = None;
            }
            known.insert(Arc::clone(&name), part);
            parts.push(PartRead { name, modified: Some(listed.modified), found: outcome });
        }
        parts.extend(self.unreadable(unreadable));
        parts.sort_by(|one, other| one.name.cmp(&other.name));
        let is_same = before.is_some_and(|before| before.len() == known.len())
            && parts.iter().all(|part| part.found == Found::Same);
        self.known = Some(known);
        Ok(if is_same && mode == FetchMode::IfChanged { Fetched::Unchanged } else { Fetched::Parts(parts) })
    }
}
