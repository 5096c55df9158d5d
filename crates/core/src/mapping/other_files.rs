//! Files of another kind that are given where a mapping belongs.

use crate::diagnostic::{Code, Fault, Place};

/// The keys of a settings file that no mapping has.
const SETTINGS: [&str; 19] = [
    "access_log",
    "admin",
    "admin_pages",
    "client",
    "emf",
    "endpoint",
    "endpoints",
    "forwarded",
    "limits",
    "listeners",
    "log",
    "mapping",
    "memory",
    "metrics",
    "probes",
    "reload",
    "request_id",
    "shutdown",
    "threads",
];

/// How much white space a page is looked for behind, in bytes.
const MAX_BLANK: usize = 4_096;

/// The top-level key of the variables file beside the AWS sample's mapping.
const SAMPLE_VARIABLES: &str = "VARIABLES";

/// The error of a file whose top-level keys are those of another kind of file; `at` is the place of the first key.
pub(super) fn by_keys<'k>(at: Place, mut keys: impl Iterator<Item = &'k str> + Clone) -> Option<Fault> {
    if keys.clone().any(|key| SETTINGS.contains(&key)) {
        let help = "check it with `nameplate check --config FILE`; a mapping starts with `APIS:`";
        return Some(Fault::at(at, "this is a settings file, not a mapping", help).code(Code::WrongFile));
    }
    if keys.any(|key| key == SAMPLE_VARIABLES) {
        let what = "these are the AWS sample's deployment variables, not a mapping";
        let help = "name its other file, `proxy-config.yaml`; what the variables say is input of the deployment now";
        return Some(Fault::at(at, what, help).code(Code::WrongFile));
    }
    None
}

/// The error of a text that begins as HTML and XML do.
pub(super) fn by_start(text: &str) -> Option<Fault> {
    // A page starts at once, or after a few lines.
    let blank = text.bytes().take(MAX_BLANK).take_while(u8::is_ascii_whitespace).count();
    let start = &text[blank..];
    let is_markup = start.strip_prefix('<')?.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?'));
    let before = &text[..text.len() - start.len()];
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1);
    let at = Place { line, column: column as u32 + 1 };
    let help = "look at what the source returns: it is probably a page about an error";
    is_markup.then(|| Fault::at(at, "this is HTML or XML, not a mapping", help).code(Code::WrongFile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_top_level_key_of_the_sample_settings_is_known() {
        let sample = include_str!("../../../../conf/nameplate.yaml");
        let value: serde_yaml::Value = serde_yaml::from_str(sample).expect("the sample is YAML");
        let keys: Vec<&str> = value.as_mapping().expect("keys").keys().filter_map(|key| key.as_str()).collect();
        assert!(keys.len() > 10);
        assert!(keys.iter().all(|key| SETTINGS.contains(key)), "{keys:?}");
    }

    #[test]
    fn a_key_with_an_angle_bracket_is_no_markup() {
        for text in ["<<<<<<< HEAD\n", "<<: *a\n", "", "a: <b>\n"] {
            assert!(by_start(text).is_none(), "{text}");
        }
        assert!(by_start("\n <html>").is_some());
    }
}
