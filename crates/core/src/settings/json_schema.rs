//! The JSON Schema of settings files, made of the table of keys: editors complete keys, show their docs and mark errors.
//!
//! It refuses nothing that the program takes. The program knows more: rules about several keys, and numbers in texts.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::keys::SETTINGS;
use super::kind::{Key, Keys, Names, Scalar, Text, Value};

/// The schema's own name, as the catalog of SchemaStore has it.
const ID: &str = "https://json.schemastore.org/nameplate-settings.json";

/// The schema of settings files, as JSON with a line break at its end.
pub fn json_schema() -> String {
    let mut tables = Vec::new();
    let top = keys(&SETTINGS, &mut tables);
    let mut schema = vec![
        ("$schema".to_owned(), text("https://json-schema.org/draft/2020-12/schema")),
        ("$id".to_owned(), text(ID)),
        ("title".to_owned(), text("Nameplate settings")),
        (
            "description".to_owned(),
            text("Settings of Nameplate, a reverse proxy for Amazon API Gateway private REST APIs."),
        ),
    ];
    schema.extend(top);
    schema.push(("$defs".to_owned(), Json::Map(tables)));
    serde_json::to_string_pretty(&Json::Map(schema)).expect("text and numbers alone") + "\n"
}

/// JSON whose keys stay in their order.
enum Json {
    Flag(bool),
    Number(u64),
    Text(String),
    List(Vec<Json>),
    Map(Pairs),
    /// A value of YAML.
    Any(serde_yaml::Value),
}

type Pairs = Vec<(String, Json)>;

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Flag(flag) => serializer.serialize_bool(*flag),
            Json::Number(number) => serializer.serialize_u64(*number),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(items) => items.serialize(serializer),
            Json::Any(value) => value.serialize(serializer),
            Json::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

fn pair(key: &str, value: Json) -> (String, Json) {
    (key.to_owned(), value)
}

/// Types by their names; more than one is a list.
fn types(names: &[&str]) -> (String, Json) {
    match names {
        [one] => pair("type", text(one)),
        names => pair("type", Json::List(names.iter().map(|name| text(name)).collect())),
    }
}

/// A map with known keys.
fn keys(table: &Keys, tables: &mut Pairs) -> Pairs {
    let mut properties = Vec::new();
    for key in table.keys {
        properties.push(pair(key.name, Json::Map(property(key, table.required.contains(&key.name), tables))));
    }
    let mut schema = vec![types(&["object", "null"])];
    if !table.required.is_empty() {
        let required = table.required.iter().map(|name| text(name)).collect();
        schema = vec![types(&["object"]), pair("required", Json::List(required))];
    }
    schema.push(pair("properties", Json::Map(properties)));
    schema.push(pair("additionalProperties", Json::Flag(false)));
    schema
}

/// A key with its description and default.
fn property(key: &Key, is_required: bool, tables: &mut Pairs) -> Pairs {
    let mut schema = vec![pair("description", Json::Text(description(key)))];
    schema.extend(value(&key.value, key.default.is_none() && !is_required, tables));
    if let Some(default) = key.default {
        schema.push(pair("default", Json::Any(serde_yaml::from_str(default).expect("YAML, as tests hold"))));
    }
    if let (Value::One(Scalar::Text(_) | Scalar::Size { .. }), None) = (&key.value, key.default) {
        schema.push(pair("examples", Json::List(vec![Json::Text(key.value.example())])));
    }
    schema
}

/// What a key sets, and how its value is written where that does not show.
fn description(key: &Key) -> String {
    let how = match &key.value {
        Value::One(scalar @ Scalar::Duration { .. }) => {
            format!(" A duration: {}. A number without a unit is seconds.", limits(scalar))
        }
        Value::One(scalar @ Scalar::Size { .. }) => {
            format!(" A size: {}. A number without a unit is bytes.", limits(scalar))
        }
        _ => String::new(),
    };
    key.doc.to_owned() + &how
}

fn limits(scalar: &Scalar) -> String {
    scalar.how().trim_start_matches("write ").replace('`', "")
}

fn value(of: &Value, may_be_null: bool, tables: &mut Pairs) -> Pairs {
    match of {
        Value::Keys(table) => vec![reference(table, may_be_null, tables)],
        Value::Named(table, names) => {
            let mut schema = names_of(names);
            schema.push(pair("additionalProperties", Json::Map(vec![reference(table, false, tables)])));
            schema
        }
        Value::Texts(names, text) => {
            let mut schema = names_of(names);
            schema.push(pair("additionalProperties", Json::Map(scalar(&Scalar::Text(*text), false))));
            schema
        }
        Value::List(list) => {
            let null: &[&str] = if may_be_null { &["array", "null"] } else { &["array"] };
            let mut schema = vec![types(null), pair("items", Json::Map(value(list.item, false, tables)))];
            if list.at_least_one.is_some() {
                schema.push(pair("minItems", Json::Number(1)));
            }
            schema
        }
        Value::One(one) => scalar(one, may_be_null),
    }
}

fn names_of(names: &Names) -> Pairs {
    let pattern = Json::Map(vec![pair("pattern", text(names.pattern))]);
    vec![types(&["object", "null"]), pair("propertyNames", pattern)]
}

/// Refers to a table, which is written once.
fn reference(table: &Keys, may_be_null: bool, tables: &mut Pairs) -> (String, Json) {
    if !tables.iter().any(|(name, _)| name == table.name) {
        // In its place before the tables that it refers to.
        let at = tables.len();
        tables.push(pair(table.name, Json::Flag(true)));
        let schema = keys(table, tables);
        tables[at].1 = Json::Map(schema);
    }
    let of = pair("$ref", Json::Text(format!("#/$defs/{}", table.name)));
    match may_be_null && !table.required.is_empty() {
        true => pair("anyOf", Json::List(vec![Json::Map(vec![of]), Json::Map(vec![types(&["null"])])])),
        false => of,
    }
}

fn scalar(of: &Scalar, may_be_null: bool) -> Pairs {
    let typed = |names: &[&str]| {
        let null: &[&str] = if may_be_null { &["null"] } else { &[] };
        types(&[names, null].concat())
    };
    match of {
        Scalar::Flag => vec![typed(&["boolean"])],
        Scalar::Integer { least, most } => {
            let mut schema = vec![typed(&["integer"]), pair("minimum", Json::Number(*least))];
            if *most < u64::from(u32::MAX) {
                schema.push(pair("maximum", Json::Number(*most)));
            }
            schema
        }
        Scalar::Percent => {
            vec![typed(&["number"]), pair("minimum", Json::Number(0)), pair("maximum", Json::Number(100))]
        }
        Scalar::Duration { .. } => with_unit(typed(&["string", "integer"]), "^[0-9]+ *(ms|s|m|h)?$"),
        Scalar::Size { .. } => with_unit(typed(&["string", "integer"]), "^[0-9]+ *(B|kB|KB|KiB|MB|MiB|GB|GiB)?$"),
        Scalar::Choice(words) => {
            let mut words: Vec<_> = words.iter().map(|word| text(word)).collect();
            if may_be_null {
                words.push(Json::Any(serde_yaml::Value::Null));
            }
            vec![pair("enum", Json::List(words))]
        }
        Scalar::Text(Text { pattern: Some(pattern), .. }) => vec![typed(&["string"]), pair("pattern", text(pattern))],
        Scalar::Text(Text { pattern: None, .. }) => vec![typed(&["string"])],
    }
}

fn with_unit(types: (String, Json), pattern: &str) -> Pairs {
    vec![types, pair("minimum", Json::Number(0)), pair("pattern", text(pattern))]
}
