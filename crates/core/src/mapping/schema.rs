//! The JSON Schema of mapping files, made of the table of keys: editors complete keys, show their docs and mark errors.
//!
//! It refuses nothing that the program takes. The program knows more: what a URL, a region or a certificate can be.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::entry::{HOST, Key, OBSOLETE, REFERER, RESPONSE};
use crate::domain::verbs::VERBS;

/// The schema's own name, as the catalog of SchemaStore has it.
const ID: &str = "https://json.schemastore.org/nameplate-mapping.json";

/// The schema of mapping files, as JSON with a line break at its end.
pub fn json_schema() -> String {
    let obsolete = Property {
        description: "A key of the AWS sample, without effect. `nameplate plan --validation-zone` says this now."
            .into(),
        deprecated: true,
        ..Property::default()
    };
    let keys = Key::ALL.into_iter().map(|key| (key.name(), property(key)));
    let entry = Object {
        description: "A custom domain and the private API it stands for.",
        kind: "object",
        required: vec![Key::Domain.name(), Key::Api.name()],
        properties: Properties(keys.chain([(OBSOLETE, obsolete)]).collect()),
        additional: false,
    };
    let schema = Schema {
        schema: "https://json-schema.org/draft/2020-12/schema",
        id: ID,
        title: "Nameplate mapping",
        object: Object {
            description: "Which custom domain stands for which API Gateway private REST API.",
            kind: "object",
            required: vec!["APIS"],
            properties: Properties(vec![
                ("APIS", TopLevel::Apis(Box::new(Apis::of(entry)))),
                ("OWNER", TopLevel::Head(head("The team that answers for these APIs.", "payments"))),
                ("CONTACT", TopLevel::Head(head("How to reach the owner.", "payments@example.com"))),
            ]),
            additional: false,
        },
    };
    serde_json::to_string_pretty(&schema).expect("text and numbers alone") + "\n"
}

#[derive(Serialize)]
struct Schema {
    #[serde(rename = "$schema")]
    schema: &'static str,
    #[serde(rename = "$id")]
    id: &'static str,
    title: &'static str,
    #[serde(flatten)]
    object: Object<TopLevel>,
}

/// What stands at the top of a mapping.
#[derive(Serialize)]
#[serde(untagged)]
enum TopLevel {
    Apis(Box<Apis>),
    Head(Property),
}

fn head(description: &str, example: &'static str) -> Property {
    Property {
        description: description.into(),
        kinds: vec!["string"],
        pattern: "\\S".into(),
        examples: vec![Example::Text(example)],
        ..Property::default()
    }
}

#[derive(Serialize)]
struct Object<P> {
    description: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    required: Vec<&'static str>,
    properties: Properties<P>,
    #[serde(rename = "additionalProperties")]
    additional: bool,
}

#[derive(Serialize)]
struct Apis {
    description: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "minItems")]
    min_items: u32,
    items: Object<Property>,
}

impl Apis {
    fn of(items: Object<Property>) -> Apis {
        Apis { description: "One entry for each custom domain.", kind: "array", min_items: 1, items }
    }
}

/// Keys in the order of the documentation.
struct Properties<P>(Vec<(&'static str, P)>);

impl<P: Serialize> Serialize for Properties<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, property) in &self.0 {
            map.serialize_entry(name, property)?;
        }
        map.end()
    }
}

/// What a value can be; whatever is empty is left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Property {
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<&'static str>,
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    choices: Vec<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pattern: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    any_of: Vec<Property>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Box<Property>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_items: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<Example>,
    #[serde(skip_serializing_if = "is_false")]
    deprecated: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A value as somebody may write it.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Example {
    Text(&'static str),
    List(&'static [&'static str]),
}

/// As a mapping in YAML has it.
impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Example::Text(text) => write!(f, "\"{text}\""),
            Example::List(items) => write!(f, "[{}]", items.join(", ")),
        }
    }
}

fn property(key: Key) -> Property {
    let examples = examples(key).to_vec();
    let shape = match key {
        Key::Domain => Property { kinds: vec!["string"], pattern: r"^\S+$".into(), ..Property::default() },
        Key::Api => {
            Property { kinds: vec!["string"], pattern: r"^[Hh][Tt][Tt][Pp][Ss]://\S+$".into(), ..Property::default() }
        }
        Key::Verbs => verbs(),
        Key::Referer => of_two(REFERER.map(|(name, _)| name)),
        Key::Host => of_two(HOST.map(|(name, _)| name)),
        Key::Response => of_two(RESPONSE.map(|(name, _)| name)),
        // A name may look like a number or a truth value to YAML.
        Key::Endpoint => {
            Property { kinds: vec!["string", "number", "boolean"], default: Some("default"), ..Property::default() }
        }
        Key::Timeout => Property { kinds: vec!["string", "number"], ..Property::default() },
        Key::RateLimit => {
            Property { kinds: vec!["string"], pattern: r"^\+?[0-9]+\s*/\s*[sm]$".into(), ..Property::default() }
        }
        // YAML 1.1 takes `off` for a truth value.
        Key::Probe => {
            Property { kinds: vec!["string", "boolean"], pattern: r"^(off$|/)".into(), ..Property::default() }
        }
    };
    Property { description: description(key), examples, ..shape }
}

/// One of two words; the first is the default.
fn of_two([default, other]: [&'static str; 2]) -> Property {
    Property { choices: vec![default, other], default: Some(default), ..Property::default() }
}

/// A list of verbs, or one text with commas; in any case, of which editors offer the upper one.
fn verbs() -> Property {
    let any_case =
        |verb: &&str| -> String { verb.chars().map(|c| format!("[{c}{}]", c.to_ascii_lowercase())).collect() };
    let all: Vec<&str> = VERBS.into_iter().chain(["ANY"]).collect();
    let one = format!(r"(?:{}|\*)", all.iter().map(any_case).collect::<Vec<_>>().join("|"));
    let of_pattern = |pattern| Property { kinds: vec!["string"], pattern, ..Property::default() };
    let offered = Property { choices: all, ..Property::default() };
    let item = Property { any_of: vec![offered, of_pattern(format!("^{one}$"))], ..Property::default() };
    let list =
        Property { kinds: vec!["array"], items: Some(Box::new(item)), min_items: Some(1), ..Property::default() };
    let text = of_pattern(format!(r"^\s*{one}\s*(?:,\s*{one}\s*)*$"));
    Property { any_of: vec![list, text], ..Property::default() }
}

/// What a key says, for whoever writes it.
fn description(key: Key) -> String {
    let about = match key {
        Key::Domain => {
            "The domain clients call, and optionally a base path: `[https://]host[/base/path]`. A wildcard, \
             `*.example.com`, stands for one label. A base path covers everything below it."
        }
        Key::Api => {
            "The invoke URL of the private REST API with its stage, and optionally a path: \
             `https://{api}.execute-api.{region}.amazonaws.com/{stage}[/path]`."
        }
        Key::Verbs => {
            "The methods that pass; others get 405. A list, or one text with commas. Without VERBS, or with ANY alone, every \
             method passes. Browsers need OPTIONS for requests from another origin."
        }
        Key::Referer => "What the API sees as Referer: the custom domain, or what the client sent.",
        Key::Host => {
            "What the API sees as Host: its own name, or the custom domain (for clients that sign with SigV4)."
        }
        Key::Response => {
            "What the client sees of redirects and cookies that point at the API's own name or stage: the custom domain's \
             terms, or what the API sent."
        }
        Key::Endpoint => "The name of an endpoint in the settings (`endpoints`), through which the API is reached.",
        Key::Timeout => {
            "A duration, for the first byte and for every later silence; or some of connect, tls, first_byte, read, write and \
             total. At most 1h each. Without it the endpoint's."
        }
        Key::RateLimit => "How many requests each task lets through in a second or a minute; more get 429.",
        Key::Probe => {
            "Where the API is probed, if the settings say so: a path below the stage that answers GET without credentials, or \
             `off`. Without it the path of the settings."
        }
    };
    about.to_owned()
}

fn examples(key: Key) -> &'static [Example] {
    match key {
        Key::Domain => &[
            Example::Text("pay.example.com"),
            Example::Text("https://pay.example.com/v1"),
            Example::Text("*.team.example.com"),
        ],
        Key::Api => &[
            Example::Text("https://abc123.execute-api.eu-west-1.amazonaws.com/prod"),
            Example::Text("https://abc123.execute-api.eu-west-1.amazonaws.com/prod/v1"),
        ],
        Key::Verbs => &[Example::List(&["GET", "POST", "OPTIONS"]), Example::Text("GET,HEAD"), Example::Text("ANY")],
        Key::Referer => &[Example::Text("preserve")],
        Key::Host => &[Example::Text("preserve")],
        Key::Response => &[Example::Text("untouched")],
        Key::Endpoint => &[Example::Text("shared-services")],
        Key::Timeout => &[Example::Text("60s"), Example::Text("first_byte=60s,read=5m,total=15m")],
        Key::RateLimit => &[Example::Text("100/s"), Example::Text("6000/m")],
        Key::Probe => &[Example::Text("/health"), Example::Text("off")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::compile::compile;

    #[test]
    fn every_example_is_taken() {
        for key in Key::ALL {
            for example in examples(key) {
                let mut lines: Vec<_> = [Key::Domain, Key::Api].map(|other| (other, examples(other)[0].clone())).into();
                lines.retain(|(other, _)| *other != key);
                lines.push((key, example.clone()));
                let lines: Vec<_> = lines.iter().map(|(key, value)| format!("{}: {value}", key.name())).collect();
                let text = format!("APIS:\n  - {}\n", lines.join("\n    "));
                assert!(compile(&text, "m", None).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn every_key_has_a_sentence_and_an_example() {
        for key in Key::ALL {
            assert!(description(key).ends_with('.') && !examples(key).is_empty(), "{}", key.name());
        }
    }
}
