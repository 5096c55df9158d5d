//! A request that is asked about.

use std::borrow::Cow;

use crate::domain::target::without_fragment;

/// A request that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'q> {
    /// The method as sent.
    pub method: &'q str,
    /// The Host header.
    pub host: Cow<'q, str>,
    /// The request target as sent, byte for byte: `/v1/orders?state=open`.
    pub target: Cow<'q, [u8]>,
    /// Values of `X-HTTP-Method-Override`.
    pub overrides: Vec<&'q [u8]>,
}

impl<'q> Question<'q> {
    /// A request for a URL. Without a scheme it is taken as https.
    pub fn of_url(method: &'q str, url: &'q [u8]) -> Question<'q> {
        let before_path = &url[..end_of_authority(url)];
        let has_scheme = before_path.ends_with(b":") && url[before_path.len()..].starts_with(b"//");
        let url = if has_scheme { &url[before_path.len() + 2..] } else { url };
        let (host, target) = url.split_at(end_of_authority(url));
        let target = match target {
            [b'/', ..] => Cow::Borrowed(target),
            _ => Cow::Owned([b"/", target].concat()),
        };
        Question { method, host: String::from_utf8_lossy(host), target, overrides: Vec::new() }
    }

    /// The target as a client sends it: without a fragment.
    pub(super) fn sent_target(&self) -> &[u8] {
        without_fragment(&self.target)
    }
}

fn end_of_authority(url: &[u8]) -> usize {
    url.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(url.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(url: &str, host: &str, target: &str) {
        let question = Question::of_url("GET", url.as_bytes());
        let told = (question.host.as_ref(), String::from_utf8_lossy(question.sent_target()));
        assert_eq!(told, (host, target.into()), "{url}");
    }

    #[test]
    fn a_url_is_a_host_and_a_target() {
        reads("https://a.example.com/v1?x#z", "a.example.com", "/v1?x");
        reads("http://a.example.com:8080", "a.example.com:8080", "/");
        reads("a.example.com?u=https://x/", "a.example.com", "/?u=https://x/");
        reads("a.example.com#z", "a.example.com", "/");
        reads("https:///x", "", "/x");
        reads("a.example.com/a b\"<>", "a.example.com", "/a b\"<>");
        assert_eq!(Question::of_url("GET", b"a.example.com/\xff").target, b"/\xff".as_slice());
    }
}
