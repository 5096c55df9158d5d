//! What an operator sees of the requests: metrics by domain, their ids, the access log.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// Series that all tasks of a fleet can have without weighing on what scrapes them.
const MAX_DOMAINS: usize = 1_000;

/// Beyond this, one scrape is tens of megabytes.
pub(super) const MOST_DOMAINS: usize = 100_000;

/// What is counted for whom.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Domains that have series of their own: the first ones of the mapping. The rest counts together.
    /// Default 1,000.
    pub max_domains: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { max_domains: MAX_DOMAINS }
    }
}

/// Where the id of a request comes from, X-Request-Id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestId {
    /// From the client, where it sends one that can be taken; else a new one. The default.
    #[default]
    Accept,
    /// Always a new one.
    Replace,
    /// No header is touched. The access log and our own answers have ids all the same.
    Off,
}

/// Where access log lines go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLogTo {
    /// Nowhere. The default.
    #[default]
    Off,
    /// To standard output.
    Stdout,
}

/// A line for each request.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessLog {
    /// Where they go. Default: nowhere.
    pub to: AccessLogTo,
    /// Which share of the requests has one.
    pub sample: Sample,
    /// Whether the path comes with its query, which may hold secrets. Default: without.
    pub query: bool,
}

/// Shares of requests in percent, by the first digit of their status. Default: 100 of each.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sample {
    /// Of those that went well, 100 to 299.
    #[serde(rename = "2xx")]
    pub ok: Percent,
    /// Of redirections and 304.
    #[serde(rename = "3xx")]
    pub redirected: Percent,
    /// Of those the client is to blame for; 499, a client that went away, included.
    #[serde(rename = "4xx")]
    pub client: Percent,
    /// Of those that failed.
    #[serde(rename = "5xx")]
    pub failed: Percent,
}

/// With the names the file has for them.
impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { ok, redirected, client, failed } = self;
        f.debug_struct("Sample")
            .field("2xx", ok)
            .field("3xx", redirected)
            .field("4xx", client)
            .field("5xx", failed)
            .finish()
    }
}

impl Default for Sample {
    fn default() -> Self {
        let all = Percent(100.0);
        Sample { ok: all, redirected: all, client: all, failed: all }
    }
}

/// A number from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        if (0.0..=100.0).contains(&percent) {
            return Ok(Percent(percent));
        }
        Err(de::Error::custom(format!("{percent} is not a percentage; write a number from 0 to 100")))
    }
}
