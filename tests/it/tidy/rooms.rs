//! The rooms of src/: which uses which, and which libraries stay in some of them.

use super::modules::{Modules, Use};

/// Each room with its floor: a room uses rooms of lower floors only.
const FLOORS: [(&str, usize); 12] = [
    ("source", 0),
    ("telemetry", 0),
    ("downstream", 1),
    ("upstream", 1),
    ("live", 2),
    ("proxy", 3),
    ("admin", 3),
    ("app", 4),
    ("aws", 4),
    ("demo", 4),
    ("cli", 5),
    ("main", 6),
];

/// Rooms that only `cli` uses, and that use no other room.
const APART: [&str; 2] = ["aws", "demo"];

/// Libraries that stay in some rooms, or in a file of one; `*` stands for the rest of a name.
const KEPT_IN: [(&[&str], &[&str]); 8] = [
    (&["pingora*"], &["proxy", "admin", "app", "downstream", "upstream"]),
    (&["hyper", "hyper_util"], &["demo", "upstream/ask"]),
    (&["rcgen"], &["demo", "app", "downstream"]),
    (&["notify", "object_store", "reqwest"], &["source"]),
    (&["maud", "base64"], &["admin"]),
    (&["aws_*", "quick_xml"], &["aws"]),
    (&["hickory_resolver"], &["upstream"]),
    // A request waits for no disk. A listener's certificates are looked at on a thread of their own.
    (&["std::fs", "tokio::fs"], &["cli", "app", "demo", "downstream/certificates", "source", "telemetry"]),
];

/// What is wrong with a use.
pub(super) fn fault(used: &Use) -> Option<String> {
    let from = room(&used.from)?;
    let wrong = match &used.to {
        Some(to) => arrow(from, room(to)?),
        None => stranger(&used.from, &used.path),
    };
    wrong.map(|wrong| format!("{}:{}: {wrong}", used.from, used.line))
}

/// The room of a file of src/. `lib.rs` declares the rooms, and is none.
fn room(file: &str) -> Option<&str> {
    let inside = file.strip_prefix("src/")?;
    let room = inside.split(['/', '.']).next()?;
    (room != "lib").then_some(room)
}

fn arrow(from: &str, to: &str) -> Option<String> {
    let floor = |room: &str| FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor);
    match (floor(from), floor(to)) {
        _ if from == to => None,
        (None, _) => Some(format!("`{from}` has no floor; give it one in tests/it/tidy/rooms.rs")),
        (_, None) => Some(format!("`{to}` has no floor; give it one in tests/it/tidy/rooms.rs")),
        _ if APART.contains(&to) && from != "cli" => Some(format!("only `cli` uses `{to}`")),
        _ if APART.contains(&from) => Some(format!("`{from}` uses `{to}`, which is the application's")),
        (Some(own), Some(other)) if other < own => None,
        _ => Some(format!("`{from}` uses `{to}`: the arrow points left")),
    }
}

fn stranger(file: &str, path: &str) -> Option<String> {
    let is_of = |library: &str| match library.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    };
    let (_, rooms) = KEPT_IN.iter().find(|(libraries, _)| libraries.iter().any(|library| is_of(library)))?;
    let inside = file.trim_start_matches("src/");
    let belongs = rooms.iter().any(|room| inside.strip_prefix(room).is_some_and(|rest| rest.starts_with(['/', '.'])));
    (!belongs).then(|| format!("`{path}` belongs in {}", rooms.join(", ")))
}

/// What is wrong with the uses of one file among these rooms.
#[track_caller]
fn expect(path: &str, code: &str, want: &[&str]) {
    let lib = "mod admin; mod app; mod aws; mod cli; mod demo; mod live; mod proxy; mod source; mod odd;";
    let read = |asked: &str| match asked {
        "src/lib.rs" => Some(lib.to_owned()),
        _ if asked == path => Some(code.to_owned()),
        _ if asked == format!("{}/mod.rs", path.rsplit_once('/')?.0) => Some("mod x;".to_owned()),
        _ if path.starts_with(asked.trim_end_matches(".rs")) => None,
        _ => Some("pub struct X; pub fn f() {}".to_owned()),
    };
    let crates = [("house", "src/lib.rs"), ("main", "src/main.rs")].map(|(name, file)| (name.into(), file.into()));
    let found: Vec<_> = Modules::of(&crates, true, &read).uses().iter().filter_map(fault).collect();
    let found: Vec<_> = found.iter().filter_map(|fault| fault.splitn(3, ':').nth(2)).map(str::trim).collect();
    assert_eq!(found, want, "{path}: {code}");
}

#[test]
fn an_arrow_to_the_left_is_found_however_it_is_written() {
    let left = ["`live` uses `app`: the arrow points left"];
    expect("src/live/x.rs", "use crate::app::X;", &left);
    expect("src/live/x.rs", "use crate::{source::X, app::{self, X as Y}};", &left);
    expect("src/live/x.rs", "fn f() { crate::app::f() }", &left);
    expect("src/live/x.rs", "fn f() { assert!(crate::app::f()) }", &left);
    expect("src/live/x.rs", "use super::super::app::X;", &left);
    expect("src/live/mod.rs", "use super::app::X;", &left);
    expect("src/live/mod.rs", "#[cfg(test)]\nmod tests {\n    use super::super::app::X;\n}", &left);
    expect("src/proxy/x.rs", "use crate::admin::X;", &["`proxy` uses `admin`: the arrow points left"]);
    expect("src/app.rs", "use crate::demo::X;", &["only `cli` uses `demo`"]);
    expect("src/proxy/x.rs", "use crate::aws::X;", &["only `cli` uses `aws`"]);
    expect("src/demo/x.rs", "use crate::live::X;", &["`demo` uses `live`, which is the application's"]);
    expect("src/live/x.rs", "use crate::odd::X;", &["`odd` has no floor; give it one in tests/it/tidy/rooms.rs"]);
}

#[test]
fn an_arrow_to_the_right_and_within_a_room_is_fine() {
    expect("src/live/x.rs", "use crate::{source::{X, f}, live::X as Y};", &[]);
    expect("src/live/x.rs", "use super::app::X;\nuse std::fmt; // crate::app\nconst A: &str = \"crate::app\";", &[]);
    expect("src/main.rs", "fn main() { house::cli::f() }", &[]);
    expect("src/cli/x.rs", "use crate::demo::X;", &[]);
}

#[test]
fn a_library_out_of_its_room_is_found() {
    let reading = "use std::{fmt, fs};\nfn f() { hyper::f(); pingora_core::f(); tokio::fs::read() }";
    let disk = "cli, app, demo, downstream/certificates, source, telemetry";
    expect("src/proxy/x.rs", "use pingora::http::X;\nfn f() { std::fmt::f() }", &[]);
    expect(
        "src/proxy/x.rs",
        reading,
        &[
            &format!("`std::fs` belongs in {disk}"),
            "`hyper::f` belongs in demo, upstream/ask",
            &format!("`tokio::fs::read` belongs in {disk}"),
        ],
    );
    expect("src/demo/x.rs", "use std::fs;\nuse rcgen::X;", &[]);
}
