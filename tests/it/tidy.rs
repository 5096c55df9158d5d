//! What holds the sources in order: which room uses which, how long a file is, what stays out.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms of the library, each with its floor: a room uses rooms of lower floors only.
const FLOORS: [(&str, usize); 14] = [
    ("domain", 0),
    ("config", 1),
    ("plan", 1),
    ("discovery", 2),
    ("source", 2),
    ("telemetry", 2),
    ("live", 3),
    ("proxy", 4),
    ("admin", 4),
    ("app", 5),
    ("aws", 5),
    ("demo", 5),
    ("cli", 6),
    ("main", 7),
];

/// What the demo may use; it stands beside the application and knows nothing of it.
const DEMO_USES: [&str; 2] = ["domain", "config"];

/// Libraries that stay in some rooms.
const KEPT_IN: [(&[&str], &[&str]); 7] = [
    (&["pingora", "pingora_proxy", "pingora_core", "pingora_load_balancing"], &["proxy", "admin", "app", "discovery"]),
    (&["hyper", "hyper_util"], &["demo"]),
    (&["rcgen"], &["demo", "app"]),
    (&["serde", "serde_json", "serde_yaml"], &["config", "admin", "plan", "demo", "telemetry", "cli"]),
    (&["notify", "object_store", "reqwest"], &["source"]),
    (&["maud", "base64"], &["admin"]),
    (&["aws_config", "aws_sdk_apigateway", "aws_smithy_http_client"], &["aws"]),
];

/// A file longer than this does more than one thing.
const MOST_LINES: usize = 500;

/// A source file, and its code without comments and texts.
struct Source {
    path: String,
    room: String,
    /// How many modules deep it stands: 1 for `src/live/mod.rs` and `src/app.rs`.
    depth: usize,
    lines: usize,
    code: String,
}

impl Source {
    fn of(path: &str, text: &str) -> Source {
        let inside = path.strip_prefix("src/").unwrap_or(path);
        let parts: Vec<_> = inside.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
        let room = if path.starts_with("src/") { parts[0].to_owned() } else { "tests".to_owned() };
        Source { path: path.into(), room, depth: parts.len(), lines: text.lines().count(), code: code_of(text) }
    }

    /// What is wrong with its imports.
    fn arrows(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for used in self.rooms_used() {
            let allowed = match (floor(&self.room), floor(&used)) {
                (_, None) => Err(format!("`{used}` has no floor; give it one in tests/it/tidy.rs")),
                (None, _) => Err(format!("`{}` has no floor; give it one in tests/it/tidy.rs", self.room)),
                _ if used == self.room => Ok(()),
                _ if (used == "demo" || used == "aws") && self.room != "cli" => {
                    Err(format!("only `cli` uses `{used}`"))
                }
                _ if self.room == "demo" && !DEMO_USES.contains(&used.as_str()) => {
                    Err(format!("`demo` uses `{used}`, which is the application's"))
                }
                (Some(own), Some(other)) if other < own => Ok(()),
                _ => Err(format!("`{}` uses `{used}`: the arrow points left", self.room)),
            };
            faults.extend(allowed.err().map(|fault| format!("{}: {fault}", self.path)));
        }
        faults
    }

    /// The rooms behind `crate::`, the binary's `nameplate::`, and `super::` up to the root.
    fn rooms_used(&self) -> Vec<String> {
        let root = if self.room == "main" { "nameplate" } else { "crate" };
        let mut rooms: Vec<String> = paths_after(&self.code, root).collect();
        let mut inner = 0;
        for line in self.code.lines() {
            // An inline module, of tests for instance, is one deeper; rustfmt ends it at column 0.
            if line.starts_with("mod ") && line.ends_with('{') {
                inner = 1;
            } else if line.starts_with('}') {
                inner = 0;
            }
            let up = "super::".repeat(self.depth + inner);
            if let Some((before, after)) = line.split_once(up.trim_end_matches("::")) {
                let whole = !before.ends_with([':', '_']) && !after.trim_start_matches("::").starts_with("super");
                rooms.extend(names_at(after).into_iter().filter(|_| whole));
            }
        }
        rooms.sort();
        rooms.dedup();
        rooms
    }

    /// Libraries used in a room they do not belong in.
    fn strangers(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (libraries, rooms) in KEPT_IN {
            for library in libraries.iter().filter(|library| has_word(&self.code, library)) {
                if self.room != "tests" && !rooms.contains(&self.room.as_str()) {
                    faults.push(format!("{}: `{library}` belongs in {rooms:?}", self.path));
                }
            }
        }
        faults
    }

    /// Length, stubs, and tests that do not run or wait for the clock.
    fn habits(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |found: bool, what: &str| {
            if found {
                faults.push(format!("{}: {what}", self.path));
            }
        };
        fault(self.lines > MOST_LINES, "over 500 lines: it does more than one thing");
        fault(has_word(&self.code, "todo") || has_word(&self.code, "unimplemented"), "a stub");
        fault(self.code.contains("#[ignore"), "a test that does not run");
        fault(self.room == "tests" && has_word(&self.code, "sleep"), "a test that waits for the clock");
        faults
    }
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// The first names behind every `{root}::`.
fn paths_after<'c>(code: &'c str, root: &'c str) -> impl Iterator<Item = String> + 'c {
    let hits = code.match_indices(root).filter(|(at, _)| !code[..*at].ends_with(is_word));
    hits.flat_map(move |(at, _)| names_at(&code[at + root.len()..]))
}

/// `::a::b` is `a`; `::{a::b, c}` is `a` and `c`.
fn names_at(after: &str) -> Vec<String> {
    let Some(rest) = after.trim_start().strip_prefix("::") else { return Vec::new() };
    let Some(group) = rest.trim_start().strip_prefix('{') else { return word_at(rest).into_iter().collect() };
    let (mut names, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.extend(word_at(&group[from..at]));
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn word_at(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| is_word(*c)).collect();
    (!word.is_empty()).then_some(word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn has_word(code: &str, word: &str) -> bool {
    let alone = |at: usize| !code[..at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word);
    code.match_indices(word).any(|(at, _)| alone(at))
}

/// The text with comments gone and the insides of literals blank.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if c == '"' {
            closing_quote(rest)
        } else if c == 'r' && !code.ends_with(is_word) && raw_quote(rest).is_some() {
            raw_quote(rest).unwrap_or_default()
        } else if c == '\'' {
            char_literal(rest)
        } else {
            0
        };
        if skip == 0 {
            code.push(c);
        } else if !rest.starts_with("//") {
            code.push_str("\"\"");
        }
        rest = &rest[skip.max(c.len_utf8())..];
    }
    code
}

/// How long the literal is that starts with this quote.
fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// How long `r#"..."#` is.
fn raw_quote(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|b| *b == b'#').count();
    let inside = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    inside.find(&end).map(|at| 2 + hashes + at + end.len())
}

/// How long `'x'` is; 0 for the quote of a lifetime.
fn char_literal(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(0, |at| at + 4),
        Some((at, c)) if text[at + c.len_utf8()..].starts_with('\'') => at + c.len_utf8() + 1,
        _ => 0,
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    collect(&root.join("tests"), &mut paths);
    assert!(paths.len() > 10, "{paths:?}");
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(root).expect("inside the repository").display().to_string();
        Source::of(&name, &fs::read_to_string(path).expect("a source"))
    };
    paths.iter().map(read).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

#[track_caller]
fn none(of: impl Fn(&Source) -> Vec<String>) {
    let faults: Vec<_> = sources().iter().flat_map(of).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_arrow_points_right() {
    // `lib.rs` declares the rooms, and stands above them all; tests may use whatever is public.
    none(|source| if source.room == "tests" || source.room == "lib" { Vec::new() } else { source.arrows() });
}

#[test]
fn libraries_stay_in_their_rooms() {
    none(Source::strangers);
}

#[test]
fn files_are_short_and_whole() {
    none(Source::habits);
}

#[track_caller]
fn arrows(path: &str, code: &str, want: &[&str]) {
    let got = Source::of(path, code).arrows();
    let got: Vec<_> = got.iter().map(|fault| fault.split_once(": ").expect("a path first").1).collect();
    assert_eq!(got, want, "{path}: {code}");
}

#[test]
fn an_arrow_to_the_left_is_found_however_it_is_written() {
    let left = ["`live` uses `app`: the arrow points left"];
    arrows("src/live/x.rs", "use crate::app::Running;", &left);
    arrows("src/live/x.rs", "use crate::{config::a, app::{Running, Fault}};", &left);
    arrows("src/live/x.rs", "fn f() { crate::app::start() }", &left);
    arrows("src/live/x.rs", "use super::super::app::Running;", &left);
    arrows("src/live/mod.rs", "use super::app::Running;", &left);
    arrows("src/live/mod.rs", "#[cfg(test)]\nmod tests {\n    use super::super::app::Running;\n}", &left);
    arrows("src/proxy/x.rs", "use crate::admin::X;", &["`proxy` uses `admin`: the arrow points left"]);
    arrows("src/app.rs", "use crate::demo::X;", &["only `cli` uses `demo`"]);
    arrows("src/proxy/x.rs", "use crate::aws::X;", &["only `cli` uses `aws`"]);
    arrows("src/demo/x.rs", "use crate::live::X;", &["`demo` uses `live`, which is the application's"]);
    arrows("src/domain/x.rs", "use crate::util::X;", &["`util` has no floor; give it one in tests/it/tidy.rs"]);
}

#[test]
fn an_arrow_to_the_right_and_within_a_room_is_fine() {
    arrows("src/live/x.rs", "use crate::{config::{a, app}, domain::b};\nuse crate::live::y;", &[]);
    arrows("src/live/x.rs", "use super::app::X;\nuse std::fmt; // crate::app\nconst A: &str = \"crate::app\";", &[]);
    arrows("src/main.rs", "fn main() { nameplate::cli::run() }", &[]);
    arrows("src/cli/demo.rs", "use crate::demo::gateway;", &[]);
}

#[test]
fn a_library_out_of_its_room_and_a_bad_habit_are_found() {
    let stranger = Source::of("src/domain/x.rs", "use pingora::http::X;\nfn f() { serde_json::to_string(1) }");
    assert_eq!(stranger.strangers().len(), 2, "{:?}", stranger.strangers());
    let text = "#[ignore]\nfn a() { todo!() }\nfn b() { std::thread::sleep(x) }\n";
    assert_eq!(Source::of("tests/it/x.rs", text).habits().len(), 3);
    assert_eq!(Source::of("src/live/x.rs", &"\n".repeat(501)).habits().len(), 1);
}

#[test]
fn comments_and_literals_are_no_code() {
    let blank = [
        ("a // todo!\nb", "a \nb"),
        (r#"a("to\"do")b"#, "a(\"\")b"),
        (r###"a(r#"to"do"#)b"###, "a(\"\")b"),
        ("a('\"')b('\\'')c<'d>", "a(\"\")b(\"\")c<'d>"),
    ];
    for (text, want) in blank {
        assert_eq!(code_of(text), want);
    }
}
