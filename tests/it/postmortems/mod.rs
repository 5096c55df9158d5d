//! Public outages of proxies and of what feeds them, each told again with the real binary: what happened there, and which
//! guard of Nameplate's holds here. The module docs of each story name its source.
//!
//! | outage | guard | story |
//! |---|---|---|
//! | Amazon, 2019: a health check that fails everywhere at once | `/livez` and `/readyz` ask for nothing that is shared | [`health_checks`] |
//! | Apache, 2009: slowloris | a deadline for the head, minimum rates for bodies and responses | [`slow_clients`] |
//! | AWS, 2012: load balancers' data deleted by mistake | `reload.max_removed` | [`deleted_entries`] |
//! | AWS, 2021: clients that do not back off | `reload.poll` doubles and varies; `reload.cache` | [`herd_at_the_source`] |
//! | AWS, 2025: an empty DNS record | the last good addresses stay | [`empty_dns_answer`] |
//! | Azure, 2017: gray failure | `endpoint.eject_after`, retries within their budget | [`gray_failure`] |
//! | Blitline, 2018: a logging platform that takes nothing | lines are queued, then dropped and counted | [`log_reader_stops`] |
//! | Clever Cloud, 2021: a proxy without file descriptors | what clients may take is sized from the limit, and some are kept back | [`descriptors_exhausted`] |
//! | Cloudflare, 2017: a leap second | durations come from the monotonic clock; differences of times are never negative | [`clock_jumps`] |
//! | Cloudflare, 2025: a generated file of twice its size | `reload.hold_entries`, `hold_bytes`, `max_bytes` | [`oversized_mapping`] |
//! | Cloudflare, 2025: one customer fills the shared links | `RATE_LIMIT`, shares of the requests in flight | [`noisy_neighbour`] |
//! | Cloudflare, Google and AWS, 2023: HTTP/2 rapid reset | the connection ends after a few resets | [`rapid_reset`] |
//! | docs.rs, 2019: a full disk | a mapping is active before it is cached; the cache is replaced whole or not at all | [`full_disk`] |
//! | Google Cloud, 2025: blank fields in a policy | a mapping with an error changes nothing; `reload.cache` | [`blank_fields`] |
//! | Google, 2016: retries that feed a cascading failure | `endpoint.retry_budget` | [`retry_storm`] |
//! | Microsoft Teams, 2020: an expired certificate | a warning and a metric beforehand, files read again | [`expired_certificate`] |
//! | NGINX before an ALB, 2022: addresses kept for ever | names are looked up on their TTL; retries at another address | [`every_address_changes`] |
//! | Yelp, 2015: reloads that drop connections | a stop in steps: clients are told, then the listener closes | [`rolling_deployment`] |

mod blank_fields;
mod clock_jumps;
mod deleted_entries;
mod descriptors_exhausted;
mod empty_dns_answer;
mod every_address_changes;
mod expired_certificate;
mod full_disk;
mod gray_failure;
mod health_checks;
mod herd_at_the_source;
mod log_reader_stops;
mod noisy_neighbour;
mod oversized_mapping;
mod rapid_reset;
mod retry_storm;
mod rolling_deployment;
mod slow_clients;
