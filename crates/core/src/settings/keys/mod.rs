//! Every key of the settings: its value, its default and what it sets. Validation, the JSON Schema and the words of errors
//! come from this table; tests hold it to the types and to `conf/nameplate.yaml`.

mod client;
mod endpoint;
mod forms;
mod probes;
mod telemetry;

use self::forms::{
    ADDRESS, AT_LEAST_ONE, FLAG, NETWORK_LIST, PATH, PATH_OR_NONE, SOME, because, key, keys, not_empty, number,
    optional, said, size, text,
};
use super::kind::{Key, Keys, List, Names, Scalar, Text, Value};
use super::problem::Wrong;
use super::values::{LONGEST, read_address};
use super::{admin, host_name, listener, mapping};

/// Less memory than this is a number of megabytes that was meant as bytes.
const LEAST_MEMORY: u64 = 32 * 1024 * 1024;

/// Everything that settings say.
pub(super) const SETTINGS: Keys = keys(
    "settings",
    &[
        optional(
            "$schema",
            text(Text { called: "a URL", example: "./settings.schema.json", pattern: None, check: |_| Ok(()) }),
            "The JSON Schema of this file, for editors. Nameplate ignores it.",
        ),
        key(
            "mapping",
            text(Text {
                called: "a path, s3://bucket/key or a URL",
                example: "mapping.yaml",
                pattern: Some("^.+$"),
                check: |text| said(text.parse::<mapping::MappingSource>()),
            }),
            "mapping.yaml",
            "Where the mapping is: a file, an object in S3 (s3://bucket/key), or an http(s) URL that answers GET.",
        ),
        key("reload", Value::Keys(&RELOAD), "{}", "How Nameplate notices a changed mapping, and what it accepts."),
        key(
            "listeners",
            Value::List(List {
                item: &Value::Keys(&LISTENER),
                at_least_one: Some("list an address, or delete the key for `0.0.0.0:8080`"),
                example: "[{ address: 0.0.0.0:8080 }]",
            }),
            "[{ address: 0.0.0.0:8080 }]",
            "Where clients, in practice the load balancer, connect.",
        ),
        key(
            "admin",
            text(Text {
                called: "an IP address with a port",
                example: "127.0.0.1:9901",
                pattern: ADDRESS,
                check: |text| read_address(text, admin::ADDRESS).map(|_| ()),
            }),
            "127.0.0.1:9901",
            "Where the status page, /livez, /readyz, /mapping, /endpoints and /metrics answer: IP address and port.",
        ),
        key("admin_pages", Value::Keys(&ADMIN_PAGES), "{}", "Which requests the admin listener answers."),
        optional("threads", AT_LEAST_ONE, "Worker threads. Default: the task's CPU limit, rounded up."),
        because(
            "less is most often a number of megabytes without its unit",
            optional(
                "memory",
                size(LEAST_MEMORY, u64::MAX),
                "Memory that the process may use. Default: the smaller limit of the task and its cgroup, if there is one.",
            ),
        ),
        key(
            "endpoint",
            Value::Keys(&endpoint::ENDPOINT),
            "{}",
            "The execute-api VPC endpoint that APIs are reached through, unless their entry names another one.",
        ),
        key(
            "endpoints",
            Value::Named(&endpoint::ENDPOINT, Names { check: endpoint::check_name, pattern: "^[A-Za-z0-9_-]{1,64}$" }),
            "{}",
            "More endpoints, by the names that ENDPOINT can say in the mapping.",
        ),
        key("limits", Value::Keys(&client::LIMITS), "{}", "The largest request. A larger one is refused."),
        key(
            "forwarded",
            Value::Keys(&client::FORWARDED),
            "{}",
            "The headers X-Forwarded-For, -Proto, -Port and -Host.",
        ),
        key("client", Value::Keys(&client::CLIENT), "{}", "Timeouts and limits of the clients' side."),
        key("metrics", Value::Keys(&telemetry::METRICS), "{}", "What metrics are counted by."),
        key(
            "request_id",
            Value::One(Scalar::Choice(&["accept", "replace", "off"])),
            "accept",
            "The id of a request, X-Request-Id. accept: the client's, else a new one; replace: always a new one; off: no \
             header is changed.",
        ),
        key("access_log", Value::Keys(&telemetry::ACCESS_LOG), "{}", "A line of JSON for each request."),
        key(
            "emf",
            Value::Keys(&telemetry::EMF),
            "{}",
            "Lines of metrics on standard output, in CloudWatch's embedded metric format.",
        ),
        key(
            "probes",
            Value::Keys(&probes::PROBES),
            "{}",
            "Requests of Nameplate's own that ask whether the APIs answer.",
        ),
        key("shutdown", Value::Keys(&client::SHUTDOWN), "{}", "How the process stops."),
        key("log", Value::Keys(&telemetry::LOG), "{}", "The operational log, on standard error."),
    ],
);

const RELOAD: Keys = keys(
    "reload",
    &[
        because(
            "a changed file is noticed at once anyway",
            key(
                "poll",
                Value::One(Scalar::Duration { zero: false, least: mapping::SHORTEST_POLL, most: LONGEST }),
                "15s",
                "How often the source is asked whether it has changed, give or take a tenth.",
            ),
        ),
        key("watch", FLAG, "true", "Notice a changed file at once, by watching its folder."),
        key("timeout", SOME, "10s", "The longest that reading the source, or a listener's certificate, may take."),
        key(
            "max_bytes",
            size(1, mapping::MAX_FILE),
            "268435456",
            "The largest mapping that is read; of a mapping in parts, the sum of all parts.",
        ),
        key("max_parts", number(1, mapping::MOST_PARTS), "5000", "The most parts of a mapping that are read."),
        key(
            "max_removed",
            number(0, 100),
            "50",
            "Percent of the active domains that a change may remove; more is held.",
        ),
        key("allow_shrink", FLAG, "false", "Accept changes that remove more than max_removed, too."),
        key(
            "hold_entries",
            number(1, u64::MAX),
            "200000",
            "Entries to which a change may grow the mapping; more is held.",
        ),
        key(
            "hold_part_entries",
            number(1, u64::MAX),
            "5000",
            "Entries to which a change may grow one part of a mapping; more is held.",
        ),
        key("hold_bytes", size(1, u64::MAX), "67108864", "Size to which a change may grow the mapping; more is held."),
        key(
            "verify",
            FLAG,
            "false",
            "Ask the APIs of entries that a change leads elsewhere, and hold those that answer worse than before.",
        ),
        key("verify_timeout", SOME, "20s", "The longest that a change waits until its entries are verified."),
        key(
            "verify_requests",
            number(1, mapping::MOST_VERIFY_REQUESTS),
            "2000",
            "The most requests that verifying one change sends.",
        ),
        key(
            "verify_retry",
            Value::One(Scalar::Duration { zero: false, least: mapping::SHORTEST_VERIFY_RETRY, most: LONGEST }),
            "60s",
            "How often held entries are verified again, give or take a tenth.",
        ),
        key(
            "unverified",
            Value::One(Scalar::Choice(&["accept", "hold"])),
            "accept",
            "What becomes of entries that could not be verified in time. accept: they become active; hold: they are held.",
        ),
        optional(
            "cache",
            text(PATH_OR_NONE),
            "The folder for the last good mapping. Default: /var/cache/nameplate, and none where the mapping is a file. \
             \"\" for none.",
        ),
        optional(
            "token_file",
            text(PATH),
            "A file with the bearer token for an http(s) URL, read anew for each request.",
        ),
        optional(
            "s3_endpoint",
            text(Text {
                called: "a URL",
                example: "http://127.0.0.1:9000",
                pattern: Some("^https?://"),
                check: check_url,
            }),
            "Where S3's API answers. Default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL of the environment, else AWS.",
        ),
    ],
);

fn check_url(text: &str) -> Result<(), Wrong> {
    let is_url = text.strip_prefix("http://").or(text.strip_prefix("https://")).is_some_and(|rest| !rest.is_empty());
    let help = "write a URL with its scheme: `http://127.0.0.1:9000`";
    if is_url { Ok(()) } else { Err(Wrong::new("it is not an http(s) URL", help)) }
}

const LISTENER: Keys = Keys {
    name: "listener",
    keys: &[
        Key {
            name: "address",
            value: text(Text {
                called: "an IP address with a port",
                example: "0.0.0.0:8080",
                pattern: ADDRESS,
                check: |text| read_address(text, listener::ADDRESS).map(|_| ()),
            }),
            default: None,
            doc: "IP address and port.",
            why: None,
        },
        key("h2c", FLAG, "false", "Accept HTTP/2 with prior knowledge on a plaintext listener."),
        optional("tls", Value::Keys(&TLS), "Serve TLS, HTTP/2 and HTTP/1.1 by ALPN. Default: plaintext."),
        optional(
            "proxy_protocol",
            Value::Keys(&PROXY_PROTOCOL),
            "Each connection begins with a PROXY protocol header, version 1 or 2. Default: none does.",
        ),
    ],
    required: &["address"],
    together: None,
};

const TLS: Keys = Keys {
    name: "tls",
    keys: &[
        optional("certificate", text(PATH), "PEM file: the certificate, then its intermediates."),
        optional("key", text(PATH), "PEM file of the certificate's private key."),
        optional(
            "self_signed",
            Value::List(List {
                item: &text(Text {
                    called: "a host name or an IP address",
                    example: "nameplate.internal",
                    pattern: Some("^.+$"),
                    check: not_empty,
                }),
                at_least_one: Some("list the names it is for: `[nameplate.internal]`"),
                example: "[nameplate.internal]",
            }),
            "Instead of certificate and key: names and IP addresses of a certificate that is made at start and signed by \
             nobody.",
        ),
        optional(
            "client_ca",
            text(PATH),
            "PEM file of the authorities that sign clients' certificates. Default: clients need none.",
        ),
    ],
    required: &[],
    together: Some(listener::check_tls),
};

const PROXY_PROTOCOL: Keys = Keys {
    name: "proxy_protocol",
    keys: &[optional(
        "trust",
        Value::List(List { at_least_one: Some("list the load balancer's subnets: `[10.0.0.0/16]`"), ..NETWORK_LIST }),
        "Networks whose headers are believed: the load balancer's subnets. Connections from elsewhere are closed.",
    )],
    required: &["trust"],
    together: None,
};

const ADMIN_PAGES: Keys = keys(
    "admin_pages",
    &[
        key(
            "hosts",
            Value::List(List {
                item: &text(Text {
                    called: "a host name",
                    example: "nameplate.internal",
                    pattern: Some("^[A-Za-z0-9_.-]{1,253}$"),
                    check: check_admin_host,
                }),
                at_least_one: None,
                example: "[nameplate.internal]",
            }),
            "[]",
            "Names that the admin pages answer to, beside IP addresses and localhost, without a port.",
        ),
        key("max_connections", AT_LEAST_ONE, "64", "Connections to the admin listener that may be open at once."),
    ],
);

fn check_admin_host(text: &str) -> Result<(), Wrong> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=admin::LONGEST_NAME).contains(&text.len()) && text.chars().all(is_part) {
        return Ok(());
    }
    let what = format!("`{}` is not a host name", host_name::shown(text));
    Err(Wrong::new(what, "write it without scheme, port and path: `nameplate.internal`"))
}

/// Every table below the top, by the name it is known by there.
const TABLES: [(&str, &Keys); 16] = [
    ("reload", &RELOAD),
    ("listeners", &LISTENER),
    ("tls", &TLS),
    ("admin_pages", &ADMIN_PAGES),
    ("endpoint", &endpoint::ENDPOINT),
    ("limits", &client::LIMITS),
    ("forwarded", &client::FORWARDED),
    ("client", &client::CLIENT),
    ("metrics", &telemetry::METRICS),
    ("access_log", &telemetry::ACCESS_LOG),
    ("emf", &telemetry::EMF),
    ("sample", &telemetry::SAMPLE),
    ("proxy_protocol", &PROXY_PROTOCOL),
    ("probes", &probes::PROBES),
    ("shutdown", &client::SHUTDOWN),
    ("log", &telemetry::LOG),
];

/// The maps that have a key of this name.
pub(super) fn places_of(name: &str) -> Vec<&'static str> {
    let has = |keys: &Keys| keys.keys.iter().any(|key| key.name == name);
    TABLES.iter().filter(|(_, keys)| has(keys)).map(|(place, _)| *place).collect()
}

/// The map and the key in it that `log.level` or `log_level` was meant to be.
pub(super) fn split_key(name: &str) -> Option<(&'static str, &'static str)> {
    let tables = TABLES.iter().filter(|(place, _)| SETTINGS.keys.iter().any(|key| key.name == *place));
    let inside = |(place, keys): &(&'static str, &Keys)| {
        let rest = name.strip_prefix(place)?.strip_prefix(['.', '_'])?;
        keys.keys.iter().find(|key| key.name == rest).map(|key| (*place, key.name))
    };
    tables.filter(|(place, _)| *place != "listeners").find_map(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    /// Keys with values, of each default or of each example.
    fn written(keys: &Keys, default: bool) -> String {
        let pairs =
            keys.keys.iter().filter(|key| key.name != "$schema").filter_map(|key| match (&key.value, default) {
                (Value::Keys(keys), true) if key.default.is_some() => {
                    Some(format!("{}: {}", key.name, written(keys, true)))
                }
                (_, true) => Some(format!("{}: {}", key.name, key.default?)),
                (value, false) => Some(format!("{}: {}", key.name, value.example())),
            });
        format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn the_defaults_of_the_table_are_those_of_the_types() {
        let settings = Settings::parse(&written(&SETTINGS, true), "table").expect("valid defaults");
        assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
        // Defaults that stand in no file.
        assert_eq!(format!("{:?}", Settings::parse("", "f").expect("valid")), format!("{:?}", Settings::default()));
    }

    /// A key that the types do not know fails here, and so does an example that is not taken.
    #[test]
    fn every_example_is_taken() {
        for (name, keys) in TABLES {
            for key in keys.keys.iter().filter(|_| !matches!(name, "listeners" | "tls" | "sample" | "proxy_protocol")) {
                let text = format!("{name}: {{ {}: {} }}", key.name, key.value.example());
                let said = Settings::parse(&text, "f").err().map(|errors| errors.to_string()).unwrap_or_default();
                assert!(!said.contains("unknown") && !said.contains("must be"), "{text}\n{said}");
            }
        }
        let listener = "listeners: [{ address: 0.0.0.0:8080, h2c: true, proxy_protocol: { trust: [10.0.0.0/16] } }]";
        Settings::parse(listener, "f").expect("valid");
    }

    /// A field of the types that the table does not know fails here.
    #[test]
    fn every_field_of_the_types_is_in_the_table() {
        let shown = format!("{:?}", Settings::default());
        let mut names: Vec<&str> = SETTINGS.keys.iter().map(|key| key.name).collect();
        names.extend(TABLES.iter().flat_map(|(_, keys)| keys.keys.iter().map(|key| key.name)));
        for word in shown.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
            if shown.contains(&format!(" {word}: ")) {
                assert!(names.contains(&word), "the table has no `{word}`");
            }
        }
    }
}
