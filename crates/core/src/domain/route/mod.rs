//! A compiled entry of the mapping: everything a request needs, computed once.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytes::Bytes;

use super::api::PrivateApi;
use super::base_path::BasePath;
use super::host::{Host, MAX_HOST};
use super::overrides::Overrides;
use super::verbs::VerbSet;

/// What the API sees as Host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostMode {
    /// The API's own name: works with every access mode.
    #[default]
    Api,
    /// What the client sent, so that a SigV4 signature over it stays valid; `x-apigw-api-id` picks
    /// the API. SNI stays the API's name.
    Preserve,
}

impl HostMode {
    /// As a mapping writes it.
    pub const fn name(self) -> &'static str {
        match self {
            HostMode::Api => "api",
            HostMode::Preserve => "preserve",
        }
    }
}

/// What the API sees as Referer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefererMode {
    /// The custom domain, so that resource policies can allow by `aws:Referer`.
    #[default]
    Domain,
    /// What the client sent.
    Preserve,
}

impl RefererMode {
    /// As a mapping writes it.
    pub const fn name(self) -> &'static str {
        match self {
            RefererMode::Domain => "domain",
            RefererMode::Preserve => "preserve",
        }
    }
}

/// What the client sees of `Location`, `Content-Location` and cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// Those that point at the API's own host or stage, in the custom domain's terms.
    #[default]
    Translate,
    /// As the API sent them.
    Untouched,
}

impl ResponseMode {
    /// As a mapping writes it.
    pub const fn name(self) -> &'static str {
        match self {
            ResponseMode::Translate => "translate",
            ResponseMode::Untouched => "untouched",
        }
    }
}

/// The choices of an entry beside its two addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// VERBS.
    pub verbs: VerbSet,
    /// HOST.
    pub host: HostMode,
    /// REFERER.
    pub referer: RefererMode,
    /// RESPONSE.
    pub response: ResponseMode,
}

impl Default for Choices {
    fn default() -> Self {
        Choices {
            verbs: VerbSet::ALL,
            host: HostMode::default(),
            referer: RefererMode::default(),
            response: ResponseMode::default(),
        }
    }
}

/// A compiled entry.
///
/// It stands in a block with those that were compiled together. Their texts are one allocation, and every header value made
/// of them shares it: a table of 100,000 entries is a dozen megabytes and a handful of allocations, and a request copies no
/// text. A route is two words; its clones share the rest.
#[derive(Clone)]
pub struct Route {
    block: Arc<Block>,
    at: u32,
    /// Which part of the mapping it is from, where it has parts.
    pub part: u16,
    /// Which of its part's domains it is of; [`BY_LINE`] where nobody has said.
    rank: u16,
}

/// The rank of an entry that comes as early as its line.
const BY_LINE: u16 = u16::MAX;

/// Entries that were compiled together.
#[derive(Debug)]
struct Block {
    text: Bytes,
    entries: Vec<Compiled>,
}

/// What an entry says; where its texts stand.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What few entries have.
    overrides: Option<Box<Overrides>>,
    /// Where its texts begin in those of the block. All other places are counted from there.
    start: u32,
    /// The line of the mapping its CUSTOM_DOMAIN_URL stands on, from 1.
    pub line: u32,
    api_at: u16,
    prefix_at: u16,
    end: u16,
    base_at: u8,
    id_len: u8,
    /// The entry's choices.
    pub choices: Choices,
}

// `Compiled::base_at` is the length of the host.
const _: () = assert!(MAX_HOST <= u8::MAX as usize);

/// Entries being compiled, whose texts go into one allocation.
#[derive(Debug, Default)]
pub struct Drafts {
    text: Vec<u8>,
    entries: Vec<Compiled>,
}

/// An entry of a mapping takes hardly less than this of its file, keys and line ends included.
const ENTRY_IN_FILE: usize = 96;

/// Of a block with fewer bytes of text, what was not used is given back: copying it costs less than the room.
const SMALL: usize = 1024 * 1024;

impl Drafts {
    /// Room for the entries of a file of this size. Their texts are shorter than the file, so they
    /// are never moved; what is not used of the room is never touched, and costs nothing.
    pub fn of_file(size: usize) -> Drafts {
        Drafts { text: Vec::with_capacity(size), entries: Vec::with_capacity(size / ENTRY_IN_FILE) }
    }

    /// Adds an entry. `base` is the custom base path.
    pub fn push(&mut self, host: &Host, base: &BasePath, api: &PrivateApi, choices: Choices, line: u32) {
        self.push_with(host, base, api, (choices, Overrides::default()), line);
    }

    /// As [`Drafts::push`], for an entry that may override something.
    pub fn push_with(
        &mut self,
        host: &Host,
        base: &BasePath,
        api: &PrivateApi,
        (choices, overrides): (Choices, Overrides),
        line: u32,
    ) {
        let text = &mut self.text;
        let from = text.len();
        let start = u32::try_from(from).expect("the texts of a mapping are shorter than 4 GiB");
        // A host, a base path and an API's name are all shorter than 65,536 bytes together.
        let mut add = |more: &str| {
            text.extend_from_slice(more.as_bytes());
            (text.len() - from) as u16
        };
        let base_at = add(host.as_str()) as u8;
        let api_at = add(base.as_str());
        let prefix_at = add(&api.host);
        add("/");
        add(&api.stage);
        let end = add(api.base_path.as_str());
        let overrides = (overrides != Overrides::default()).then(|| Box::new(overrides));
        let id_len = api.id().len() as u8;
        self.entries.push(Compiled { overrides, start, line, api_at, prefix_at, end, base_at, id_len, choices });
    }

    /// How many entries there is room for.
    pub fn room(&self) -> usize {
        self.entries.capacity()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The host and the base path of an entry, by the order in which they were added.
    pub fn domain(&self, index: u32) -> (&[u8], &[u8]) {
        let entry = &self.entries[index as usize];
        let text = &self.text[entry.start as usize..];
        (&text[..usize::from(entry.base_at)], &text[usize::from(entry.base_at)..usize::from(entry.api_at)])
    }

    /// The line of an entry.
    pub fn line(&self, index: u32) -> u32 {
        self.entries[index as usize].line
    }

    /// The routes, in the order they were added.
    pub fn finish(self) -> Vec<Route> {
        let Drafts { mut text, mut entries } = self;
        if text.capacity() < SMALL {
            text.shrink_to_fit();
            entries.shrink_to_fit();
        }
        let count = entries.len() as u32;
        let block = Arc::new(Block { text: text.into(), entries });
        (0..count).map(|at| Route { block: Arc::clone(&block), at, part: 0, rank: BY_LINE }).collect()
    }
}

impl Deref for Route {
    type Target = Compiled;

    #[inline]
    fn deref(&self) -> &Compiled {
        &self.block.entries[self.at as usize]
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = (self.host(), self.base(), self.api_host(), self.prefix());
        let Compiled { overrides, choices, line, .. } = &**self;
        write!(f, "Route({texts:?}, {choices:?}, {overrides:?}, line {line}, part {})", self.part)
    }
}

impl Route {
    /// Compiles one entry by itself; `base` as for [`Drafts::push`].
    pub fn new(host: &Host, base: &BasePath, api: &PrivateApi, choices: Choices, line: u32) -> Route {
        let mut drafts = Drafts::default();
        drafts.push(host, base, api, choices, line);
        drafts.finish().remove(0)
    }

    /// The same entry in a block of its own, so that it keeps no other one.
    pub fn to_owned_text(&self) -> Route {
        self.in_block_of_its_own(self.part, self.line)
    }

    fn in_block_of_its_own(&self, part: u16, line: u32) -> Route {
        let block = Block {
            text: Bytes::copy_from_slice(self.text()),
            entries: vec![Compiled { start: 0, line, ..(**self).clone() }],
        };
        Route { block: Arc::new(block), at: 0, part, ..*self }
    }

    /// How early its domain comes in the mapping, as compared with those of other entries: by the line, or in a mapping of
    /// parts by which of its part's domains it is.
    #[inline]
    pub fn rank(&self) -> u32 {
        if self.rank == BY_LINE { self.line } else { u32::from(self.rank) }
    }

    /// Ranks the entries of a part, which are in the order of their domains, by those.
    pub(crate) fn rank_by_domain(routes: &mut [Route]) {
        let domains = routes.chunk_by_mut(|a, b| a.host_ref() == b.host_ref());
        for (rank, domain) in (0..BY_LINE).chain(std::iter::repeat(BY_LINE - 1)).zip(domains) {
            domain.iter_mut().for_each(|route| route.rank = rank);
        }
    }

    /// The same entry as one of this part.
    pub fn of_part(&self, part: u16) -> Route {
        Route { part, ..self.clone() }
    }

    /// The same entry at another place of the mapping.
    pub fn at(&self, part: u16, line: u32) -> Route {
        self.in_block_of_its_own(part, line)
    }

    /// An entry with this one's domain, base path, part and line that leads where a wider entry leads requests for them.
    pub(crate) fn led_by(&self, wider: &Route) -> Route {
        let below = self.base_ref().strip_prefix(wider.base_ref()).unwrap_or_default();
        let named = &self.text()[..usize::from(self.api_at)];
        let api_at = usize::from(wider.api_at);
        let text = [named, &wider.text()[api_at..], below].concat();
        // The API's name and stage moved by as much as the texts before them are longer.
        let moved = |place: u16| (usize::from(place) - api_at + named.len()) as u16;
        let entry = Compiled {
            start: 0,
            line: self.line,
            base_at: self.base_at,
            api_at: self.api_at,
            prefix_at: moved(wider.prefix_at),
            end: text.len() as u16,
            ..(**wider).clone()
        };
        Route { block: Arc::new(Block { text: text.into(), entries: vec![entry] }), at: 0, ..*self }
    }

    /// Whether two entries say the same, wherever in the file they stand.
    pub fn says_the_same(&self, other: &Route) -> bool {
        self.is(other) || self.has_same_rest(other) && self.overrides == other.overrides
    }

    /// Whether two entries say the same of requests, whatever else they say.
    pub fn is_same_for_requests(&self, other: &Route) -> bool {
        self.is(other)
            || self.has_same_rest(other) && Overrides::are_same_for_requests(self.overrides(), other.overrides())
    }

    /// Reports whether two entries say the same apart from their overrides.
    fn has_same_rest(&self, other: &Route) -> bool {
        let places = |route: &Route| (route.base_at, route.api_at, route.prefix_at);
        places(self) == places(other) && self.choices == other.choices && self.text() == other.text()
    }

    /// Whether two routes are the same one, and not only alike.
    pub(crate) fn is(&self, other: &Route) -> bool {
        self.at == other.at && Arc::ptr_eq(&self.block, &other.block)
    }

    #[inline]
    fn text(&self) -> &[u8] {
        let entry = &**self;
        &self.block.text[entry.start as usize..][..usize::from(entry.end)]
    }

    /// A piece of the text, sharing the block's memory.
    #[inline]
    fn shared(&self, range: Range<usize>) -> Bytes {
        let start = self.start as usize;
        self.block.text.slice(start + range.start..start + range.end)
    }

    /// The custom domain; `*.` first for a wildcard.
    #[inline]
    pub fn host(&self) -> &str {
        self.str(0..usize::from(self.base_at))
    }

    /// The custom base path: empty, or `/...` without a slash at the end.
    #[inline]
    pub fn base(&self) -> &str {
        self.str(usize::from(self.base_at)..usize::from(self.api_at))
    }

    /// The API's name: SNI, and Host unless the entry preserves it.
    #[inline]
    pub fn api_host(&self) -> &str {
        self.str(self.api_range())
    }

    /// The region the API is in.
    pub fn region(&self) -> &str {
        // Looked for, and not kept: no request asks, and a table of a million entries is smaller.
        let behind = self.api_host().split_once(".execute-api.").map_or("", |(_, behind)| behind);
        behind.split('.').next().unwrap_or(behind)
    }

    /// What every upstream path starts with: `/{stage}{api base path}`.
    #[inline]
    pub fn prefix(&self) -> &str {
        self.str(usize::from(self.prefix_at)..usize::from(self.end))
    }

    /// What the entry overrides, if it does.
    #[inline]
    pub fn overrides(&self) -> Option<&Overrides> {
        self.overrides.as_deref()
    }

    /// The API's id.
    #[inline]
    pub fn api_id(&self) -> &str {
        self.str(self.id_range())
    }

    /// As [`Route::host`], for comparing: nothing is validated again.
    #[inline]
    pub fn host_ref(&self) -> &[u8] {
        &self.text()[..usize::from(self.base_at)]
    }

    /// As [`Route::base`], for comparing.
    #[inline]
    pub fn base_ref(&self) -> &[u8] {
        &self.text()[usize::from(self.base_at)..usize::from(self.api_at)]
    }

    /// As [`Route::prefix`], for copying.
    #[inline]
    pub fn prefix_ref(&self) -> &[u8] {
        &self.text()[usize::from(self.prefix_at)..]
    }

    /// As [`Route::prefix`], sharing this route's memory.
    pub fn prefix_bytes(&self) -> Bytes {
        self.shared(usize::from(self.prefix_at)..usize::from(self.end))
    }

    /// The custom domain's bytes, sharing this route's memory.
    #[inline]
    pub fn host_bytes(&self) -> Bytes {
        self.shared(0..usize::from(self.base_at))
    }

    /// As [`Route::api_host`], sharing this route's memory.
    #[inline]
    pub fn api_host_bytes(&self) -> Bytes {
        self.shared(self.api_range())
    }

    /// As [`Route::api_id`], sharing this route's memory.
    #[inline]
    pub fn api_id_bytes(&self) -> Bytes {
        self.shared(self.id_range())
    }

    /// Whether the entry's domain is a wildcard.
    #[inline]
    pub fn is_wildcard(&self) -> bool {
        self.host_ref().starts_with(b"*.")
    }

    fn api_range(&self) -> Range<usize> {
        usize::from(self.api_at)..usize::from(self.prefix_at)
    }

    fn id_range(&self) -> Range<usize> {
        let start = usize::from(self.api_at);
        start..start + usize::from(self.id_len)
    }

    #[inline]
    fn str(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(&self.text()[range]).expect("built from str at char boundaries")
    }
}

#[cfg(test)]
mod tests;
