//! Circles of files: each uses the next, and the last one uses the first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::modules::{Modules, Use};

/// Which file uses which, and where it does so first.
type Graph<'u> = BTreeMap<&'u str, BTreeMap<&'u str, &'u Use>>;

/// The shortest circle through every use that is part of one, each as `a.rs -> b.rs -> a.rs` with the line
/// of each use.
pub(super) fn circles(uses: &[Use]) -> Vec<String> {
    let mut graph = Graph::new();
    for used in uses {
        if let Some(to) = &used.to {
            graph.entry(&used.from).or_default().entry(to).or_insert(used);
        }
    }
    let mut circles = BTreeSet::new();
    for (from, to) in graph.iter().flat_map(|(from, uses)| uses.keys().map(move |to| (*from, *to))) {
        if let Some(mut circle) = way(&graph, to, from) {
            let first = (0..circle.len()).min_by_key(|at| circle[*at]).unwrap_or_default();
            circle.rotate_left(first);
            circles.insert((circle.len(), circle));
        }
    }
    circles.iter().map(|(_, circle)| shown(&graph, circle)).collect()
}

/// The files of the shortest way from one to another, both included.
fn way<'u>(graph: &Graph<'u>, from: &'u str, to: &'u str) -> Option<Vec<&'u str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = VecDeque::from([from]);
    while let Some(file) = next.pop_front() {
        if file == to {
            let mut way = vec![file];
            while way.last() != Some(&from) {
                way.push(before[way[way.len() - 1]]);
            }
            way.reverse();
            return Some(way);
        }
        for used in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if *used != from && !before.contains_key(used) {
                before.insert(used, file);
                next.push_back(used);
            }
        }
    }
    None
}

fn shown(graph: &Graph, circle: &[&str]) -> String {
    let closed: Vec<_> = circle.iter().chain(circle.first()).copied().collect();
    let uses = closed.windows(2).map(|pair| graph[pair[0]][pair[1]]);
    let lines: String = uses.map(|used| format!("\n    {}:{}: {}", used.from, used.line, used.path)).collect();
    closed.join(" -> ") + &lines
}

/// The first lines of the circles of a crate made of these files, `src/lib.rs` among them.
#[track_caller]
fn expect(files: &[(&str, &str)], want: &[&str]) {
    let read = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    let modules = Modules::of(&[("house".into(), "src/lib.rs".into())], false, &read);
    let found: Vec<_> =
        circles(&modules.uses()).iter().map(|it| it.lines().next().expect("files").to_owned()).collect();
    assert_eq!(found, want, "{files:?}");
}

const ABC: (&str, &str) = ("src/lib.rs", "mod a; mod b; mod c;");
const TWO: &str = "src/a.rs -> src/b.rs -> src/a.rs";

#[test]
fn circles_of_two_and_three_are_found() {
    let [b, c] = [("src/b.rs", "use crate::c::C; pub struct B;"), ("src/c.rs", "use crate::a::A; pub struct C;")];
    expect(
        &[ABC, ("src/a.rs", "use crate::b::B; pub struct A;"), b, c],
        &["src/a.rs -> src/b.rs -> src/c.rs -> src/a.rs"],
    );
    let back = ("src/b.rs", "use crate::a::A; pub struct B;");
    expect(&[ABC, ("src/a.rs", "use crate::b::B; pub struct A;"), back, ("src/c.rs", "use crate::a::A;")], &[TWO]);
}

#[test]
fn a_use_is_found_however_it_is_written() {
    let ways = [
        "use crate::b::B;",
        "use crate::{c, b::{self, B}};",
        "use super::b::B as Other;",
        "use super::b::*;",
        "use super::b;\nfn f() -> b::B { todo() }",
        "fn f() { crate::b::f() }",
        "fn f() { use super::b as other; other::f() }",
        "fn f() { println!(\"{}\", [super::b::F]) }",
        "impl crate::b::T for A {}",
        "#[derive(Debug)]\nstruct X { #[with(crate::b::f)] y: u8 }",
        "mod inner { use super::super::b::B; }",
        "use house::b::B;",
    ];
    for way in ways {
        let a = format!("{way}\npub struct A;");
        let b = "use crate::a::A; pub struct B; pub fn f() {} pub const F: u8 = 1; pub trait T {}";
        expect(&[ABC, ("src/a.rs", &a), ("src/b.rs", b), ("src/c.rs", "")], &[TWO]);
    }
}

#[test]
fn an_item_belongs_to_the_file_that_defines_it() {
    let lib = ("src/lib.rs", "mod a;");
    let child = ("src/a/b.rs", "use super::A; pub struct B;");
    let circle = ["src/a/b.rs -> src/a/mod.rs -> src/a/b.rs"];
    expect(&[lib, ("src/a/mod.rs", "mod b; use b::B; pub struct A;"), child], &circle);
    expect(&[lib, ("src/a/mod.rs", "mod b; pub use b::*; pub struct A;"), child], &circle);
    // What a `mod.rs` only passes on is not its own.
    let c = ("src/a/c.rs", "pub struct A;");
    expect(&[lib, ("src/a/mod.rs", "mod b; mod c; pub use b::B; pub use c::A;"), child, c], &[]);
    expect(&[lib, ("src/a/mod.rs", "mod b; mod c; pub use b::B; pub use c::*;"), child, c], &[]);
}

#[test]
fn declarations_tests_and_visibilities_are_no_uses() {
    let b = ("src/b.rs", "use crate::a::A; pub struct B;");
    let quiet = [
        "#[cfg(test)]\nuse crate::b::B;",
        "#[cfg(test)]\nmod tests { use crate::b::B; }",
        "impl A {\n#[cfg(test)]\nfn f() { crate::b::f() } }",
        "pub(in crate::b) struct C;",
        "const C: &str = \"crate::b::B\"; // crate::b::B",
        "use std::b::B;",
    ];
    for text in quiet {
        let a = format!("{text}\npub struct A;");
        expect(&[ABC, ("src/a.rs", &a), b, ("src/c.rs", "")], &[]);
    }
    expect(&[("src/lib.rs", "mod a;"), ("src/a/mod.rs", "mod b; pub struct A;"), ("src/a/b.rs", "use super::A;")], &[]);
}
