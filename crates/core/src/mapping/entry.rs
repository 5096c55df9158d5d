//! The keys of an entry, and what their values may be.

use super::characters::{odd_in_key, odd_in_value};
use super::document::Text;
use crate::diagnostic::nearest::{did_you_mean, nearest};
use crate::diagnostic::{Code, Fault, Place};
use crate::domain::route::{HostMode, RefererMode, ResponseMode};
use crate::domain::verbs::{VERBS, VerbSet};

/// A key of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Domain,
    Api,
    Verbs,
    Referer,
    Host,
    Response,
    Endpoint,
    Timeout,
    RateLimit,
    Probe,
}

impl Key {
    pub(super) const NAMES: [&str; 10] = [
        "CUSTOM_DOMAIN_URL",
        "PRIVATE_API_URL",
        "VERBS",
        "REFERER",
        "HOST",
        "RESPONSE",
        "ENDPOINT",
        "TIMEOUT",
        "RATE_LIMIT",
        "PROBE",
    ];

    /// Every key, in the order of the documentation.
    pub(super) const ALL: [Key; Key::NAMES.len()] = [
        Key::Domain,
        Key::Api,
        Key::Verbs,
        Key::Referer,
        Key::Host,
        Key::Response,
        Key::Endpoint,
        Key::Timeout,
        Key::RateLimit,
        Key::Probe,
    ];

    pub(super) fn named(name: &str) -> Option<Key> {
        Key::ALL.into_iter().find(|key| key.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        Key::NAMES[self as usize]
    }

    /// Whether its value may be what YAML takes for a number.
    pub(super) fn reads_any(self) -> bool {
        matches!(self, Key::Endpoint | Key::Timeout | Key::RateLimit | Key::Probe)
    }

    /// What to write when its value is missing or is no text.
    pub(super) fn help(self) -> &'static str {
        match self {
            Key::Domain => "write the domain clients call, for example `pay.example.com`",
            Key::Api => "write the invoke URL, for example `https://abc123.execute-api.eu-west-1.amazonaws.com/prod`",
            Key::Verbs => "write `[GET, POST]` or `GET,POST`; without VERBS every method passes",
            Key::Referer => "write `domain` or `preserve`; without REFERER it is `domain`",
            Key::Host => "write `api` or `preserve`; without HOST it is `api`",
            Key::Response => "write `translate` or `untouched`; without RESPONSE it is `translate`",
            Key::Endpoint => "write the name of an endpoint of the settings; without ENDPOINT it is `default`",
            Key::Timeout => {
                "write `60s`, or some of `connect=1s, tls=3s, first_byte=30s, read=5m, write=30s, total=15m`"
            }
            Key::RateLimit => "write `100/s` or `6000/m`: requests in a second or a minute, for each task",
            Key::Probe => "write a path below the stage, for example `/health`, or `off`",
        }
    }
}

/// A key of the AWS sample's mapping: the public zone that a certificate is validated in. It has no effect here, and
/// is a warning, so that the sample's files pass.
pub(super) const OBSOLETE: &str = "ROUTE53_PUBLIC_DOMAIN";

/// What people call the keys, and what they are called.
const SYNONYMS: [(&str, Key); 18] = [
    ("ALLOWED_METHODS", Key::Verbs),
    ("HTTP_METHODS", Key::Verbs),
    ("METHOD", Key::Verbs),
    ("METHODS", Key::Verbs),
    ("CUSTOM_DOMAIN_NAME", Key::Domain),
    ("DOMAIN", Key::Domain),
    ("DOMAIN_NAME", Key::Domain),
    ("HOSTNAME", Key::Domain),
    ("API_URL", Key::Api),
    ("BACKEND", Key::Api),
    ("INVOKE_URL", Key::Api),
    ("PRIVATE_API", Key::Api),
    ("TARGET", Key::Api),
    ("URL", Key::Api),
    ("LIMIT", Key::RateLimit),
    ("VPC_ENDPOINT", Key::Endpoint),
    ("HEALTH", Key::Probe),
    ("HEALTH_CHECK", Key::Probe),
];

/// The key that an unknown one was probably meant to be.
pub(super) fn meant_key(name: &str) -> Option<Key> {
    let synonym = SYNONYMS.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    synonym.map(|(_, key)| *key).or_else(|| nearest(name, &Key::NAMES).and_then(Key::named))
}

/// The error of a key that cannot stand where it does; `known` are those that can.
pub(super) fn unknown_key(key: &Text<'_>, known: &[&'static str]) -> Fault {
    if key.value == "<<" {
        let help = "write the merged keys out in each entry";
        let what = "`<<` is a YAML merge key, which a mapping cannot have";
        return Fault::at(key.at, what, help).code(Code::YamlFeature);
    }
    if let Some(fault) = odd_in_key(key.at, &key.value) {
        return fault;
    }
    if key.plain && key.value.starts_with("//") {
        return Fault::at(key.at, "`//` starts no comment in YAML", "write `#`, or delete it").code(Code::BrokenYaml);
    }
    let what = format!("unknown key `{}`", key.value);
    let synonym = meant_key(&key.value).map(Key::name).filter(|name| known.contains(name));
    let help = synonym.map_or_else(|| did_you_mean(&key.value, known), |name| format!("did you mean `{name}`?"));
    Fault::at(key.at, what, help).code(Code::UnknownKey)
}

pub(super) const REFERER: [(&str, RefererMode); 2] =
    [(RefererMode::Domain.name(), RefererMode::Domain), (RefererMode::Preserve.name(), RefererMode::Preserve)];
pub(super) const HOST: [(&str, HostMode); 2] =
    [(HostMode::Api.name(), HostMode::Api), (HostMode::Preserve.name(), HostMode::Preserve)];
pub(super) const RESPONSE: [(&str, ResponseMode); 2] = [
    (ResponseMode::Translate.name(), ResponseMode::Translate),
    (ResponseMode::Untouched.name(), ResponseMode::Untouched),
];

/// The choice a value names.
pub(super) fn choice<T: Copy>(key: Key, value: &Text<'_>, choices: &[(&'static str, T); 2]) -> Result<T, Fault> {
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == value.value) {
        return Ok(*choice);
    }
    let names = choices.map(|(name, _)| name);
    let what = format!("{} cannot be `{}`", key.name(), value.value);
    Err(Fault::in_value(value.at, &value.value, 0, what, did_you_mean(&value.value, &names)))
}

/// Collects the verbs of one entry.
#[derive(Debug)]
pub(super) struct VerbList {
    set: VerbSet,
    count: usize,
    /// `ANY` or `*` was among them.
    any: bool,
}

impl VerbList {
    pub(super) fn new() -> VerbList {
        VerbList { set: VerbSet::NONE, count: 0, any: false }
    }

    /// Adds one verb: `verb` is the piece of `value` at byte `offset`.
    pub(super) fn add(&mut self, value: &Text<'_>, offset: usize, verb: &str) -> Result<(), Fault> {
        self.count += 1;
        if verb.eq_ignore_ascii_case("ANY") || verb == "*" {
            self.any = true;
        } else if let Some(set) = self.set.with(verb) {
            self.set = set;
        } else {
            return Err(bad_verb(value, offset, verb));
        }
        Ok(())
    }

    /// Adds the verbs of a comma separated text.
    pub(super) fn add_all(&mut self, value: &Text<'_>, mut found: impl FnMut(Fault)) {
        let mut at = 0;
        for piece in value.value.split(',') {
            let offset = at + (piece.len() - piece.trim_start().len());
            if let Err(fault) = self.add(value, offset, piece.trim()) {
                found(fault);
            }
            at += piece.len() + 1;
        }
    }

    /// The set they make. `at` is where VERBS stands.
    pub(super) fn finish(self, at: Place) -> Result<VerbSet, Fault> {
        match (self.any, self.count) {
            (_, 0) => Err(Fault::at(at, "VERBS lists no verb", Key::Verbs.help()).code(Code::BadVerb)),
            (true, 1) => Ok(VerbSet::ALL),
            (true, _) => {
                let help = "keep `ANY` alone, or list the verbs";
                Err(Fault::at(at, "VERBS lists `ANY` beside other verbs", help).code(Code::BadVerb))
            }
            (false, _) => Ok(self.set),
        }
    }
}

fn bad_verb(value: &Text<'_>, offset: usize, verb: &str) -> Fault {
    if verb.is_empty() {
        let what = "VERBS has an empty item";
        return Fault::in_value(value.at, &value.value, offset, what, Key::Verbs.help()).code(Code::BadVerb);
    }
    if let Some(fault) = odd_in_value(value.at, &value.value) {
        return fault;
    }
    let what = format!("`{verb}` is not a verb that API Gateway has");
    let is_verb = |word: &str| VERBS.iter().any(|known| known.eq_ignore_ascii_case(word));
    let mut words = verb.split([' ', '|', ';', '/', '+']).filter(|word| !word.is_empty());
    if words.clone().count() > 1 && words.all(is_verb) {
        let help = "separate verbs with commas, for example `GET,POST`";
        return Fault::in_value(value.at, &value.value, offset, what, help).code(Code::BadVerb);
    }
    if verb.eq_ignore_ascii_case("ALL") {
        return Fault::in_value(value.at, &value.value, offset, what, "write `ANY`").code(Code::BadVerb);
    }
    let mut known = VERBS.to_vec();
    known.push("ANY");
    Fault::in_value(value.at, &value.value, offset, what, did_you_mean(verb, &known)).code(Code::BadVerb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Faults;

    fn text(value: &str) -> Text<'_> {
        Text { at: Place { line: 1, column: 1 }, value: value.into(), plain: true }
    }

    fn verbs(value: &str) -> Result<VerbSet, String> {
        let mut faults = Faults::default();
        let value = text(value);
        let mut list = VerbList::new();
        list.add_all(&value, |fault| faults.push(fault));
        let set = list.finish(value.at).map_err(|fault| faults.push(fault));
        if faults.is_empty() { Ok(set.expect("no fault")) } else { Err(faults.locate(&value.value, "m").to_string()) }
    }

    #[test]
    fn a_comma_separated_text_lists_verbs_in_any_case() {
        assert_eq!(verbs("GET, post ,Put").map(|set| set.to_string()), Ok("GET, POST, PUT".into()));
        assert_eq!(verbs("get,GET").map(|set| set.to_string()), Ok("GET".into()));
    }

    #[test]
    fn any_stands_alone() {
        for all in ["ANY", "any", "*"] {
            assert_eq!(verbs(all), Ok(VerbSet::ALL));
        }
        assert!(verbs("GET,ANY").is_err_and(|faults| faults.contains("beside other verbs")));
    }

    #[test]
    fn each_bad_verb_is_placed() {
        let faults = verbs("GET, PSOT,,TRACE").expect_err("faults");
        assert!(faults.contains("m:1:6: error: `PSOT`") && faults.contains("did you mean `POST`?"), "{faults}");
        assert!(faults.contains("m:1:11: error: VERBS has an empty item"), "{faults}");
        assert!(faults.contains("m:1:12: error: `TRACE`"), "{faults}");
    }

    #[test]
    fn every_key_is_found_by_its_name() {
        for name in Key::NAMES {
            assert_eq!(Key::named(name).map(Key::name), Some(name));
        }
        assert_eq!(Key::named("verbs"), None);
    }
}
