//! A compiled entry of the mapping: everything a request needs, computed once.

use std::ops::Range;

use bytes::Bytes;

use super::api::PrivateApi;
use super::host::Host;
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

/// What the API sees as Referer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefererMode {
    /// The custom domain, so that resource policies can allow by `aws:Referer`.
    #[default]
    Domain,
    /// What the client sent.
    Preserve,
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
/// Its texts stand in one allocation, shared by every header value made of them: a table of
/// 100,000 entries is a few megabytes, and a request copies no text.
#[derive(Clone, Debug)]
pub struct Route {
    text: Bytes,
    base_at: u16,
    api_at: u16,
    id_len: u8,
    prefix_at: u16,
    /// The entry's choices.
    pub choices: Choices,
    /// The line of the mapping its CUSTOM_DOMAIN_URL stands on, from 1.
    pub line: u32,
}

impl Route {
    /// Compiles an entry. `base` is the custom base path: empty, or `/...` without a slash at the end.
    pub fn new(host: &Host, base: &str, api: &PrivateApi, choices: Choices, line: u32) -> Route {
        let prefix = api.prefix();
        let base_at = host.as_str().len();
        let api_at = base_at + base.len();
        let prefix_at = api_at + api.host.len();
        let mut text = Vec::with_capacity(prefix_at + prefix.len());
        text.extend_from_slice(host.as_str().as_bytes());
        text.extend_from_slice(base.as_bytes());
        text.extend_from_slice(api.host.as_bytes());
        text.extend_from_slice(prefix.as_bytes());
        Route {
            // A boxed slice has no spare capacity to carry around for the table's lifetime.
            text: Bytes::from(text.into_boxed_slice()),
            base_at: base_at as u16,
            api_at: api_at as u16,
            id_len: api.id().len() as u8,
            prefix_at: prefix_at as u16,
            choices,
            line,
        }
    }

    /// The custom domain; `*.` first for a wildcard.
    pub fn host(&self) -> &str {
        self.str(0..self.base_at())
    }

    /// The custom base path: empty, or `/...` without a slash at the end.
    pub fn base(&self) -> &str {
        self.str(self.base_at()..usize::from(self.api_at))
    }

    /// The API's name: SNI, and Host unless the entry preserves it.
    pub fn api_host(&self) -> &str {
        self.str(self.api_range())
    }

    /// What every upstream path starts with: `/{stage}{api base path}`.
    pub fn prefix(&self) -> &str {
        self.str(usize::from(self.prefix_at)..self.text.len())
    }

    /// The API's id.
    pub fn api_id(&self) -> &str {
        self.str(self.id_range())
    }

    /// As [`Route::host`], for comparing: nothing is validated again.
    pub fn host_ref(&self) -> &[u8] {
        &self.text[..self.base_at()]
    }

    /// As [`Route::base`], for comparing.
    pub fn base_ref(&self) -> &[u8] {
        &self.text[self.base_at()..usize::from(self.api_at)]
    }

    /// As [`Route::prefix`], for copying.
    pub fn prefix_ref(&self) -> &[u8] {
        &self.text[usize::from(self.prefix_at)..]
    }

    /// The custom domain's bytes, sharing this route's memory.
    pub fn host_bytes(&self) -> Bytes {
        self.text.slice(0..self.base_at())
    }

    /// As [`Route::api_host`], sharing this route's memory.
    pub fn api_host_bytes(&self) -> Bytes {
        self.text.slice(self.api_range())
    }

    /// As [`Route::api_id`], sharing this route's memory.
    pub fn api_id_bytes(&self) -> Bytes {
        self.text.slice(self.id_range())
    }

    /// Whether the entry's domain is a wildcard.
    pub fn is_wildcard(&self) -> bool {
        self.host_ref().starts_with(b"*.")
    }

    fn base_at(&self) -> usize {
        usize::from(self.base_at)
    }

    fn api_range(&self) -> Range<usize> {
        usize::from(self.api_at)..usize::from(self.prefix_at)
    }

    fn id_range(&self) -> Range<usize> {
        let start = usize::from(self.api_at);
        start..start + usize::from(self.id_len)
    }

    fn str(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(&self.text[range]).expect("built from str at char boundaries")
    }
}

/// The longest base path an entry may have, on either side: API Gateway's whole URL is 8,192 bytes.
pub const MAX_BASE_PATH: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_gives_back_what_it_was_made_of() {
        let host = Host::parse("pay.example.com").expect("a host");
        let api = PrivateApi::parse("https://abc123.execute-api.eu-west-1.amazonaws.com/prod/v2").expect("an api");
        let route = Route::new(&host, "/pay", &api, Choices::default(), 7);
        assert_eq!((route.host(), route.base(), route.line), ("pay.example.com", "/pay", 7));
        assert_eq!((route.api_host(), route.api_id()), ("abc123.execute-api.eu-west-1.amazonaws.com", "abc123"));
        assert_eq!(route.prefix(), "/prod/v2");
        assert_eq!((&*route.host_bytes(), &*route.api_id_bytes()), (&b"pay.example.com"[..], &b"abc123"[..]));
    }

    #[test]
    fn a_route_is_small() {
        assert!(size_of::<Route>() <= 56, "{}", size_of::<Route>());
    }
}
