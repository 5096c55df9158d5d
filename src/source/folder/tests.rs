//! What a folder brings, from one fetch to the next.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt;
use tempfile::TempDir;

use super::super::parts::{Found, PartRead};
use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

struct Tree {
    _folder: TempDir,
    root: PathBuf,
}

impl Tree {
    fn of(files: &[(&str, &str)]) -> Tree {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder").join("mapping");
        fs::create_dir(&root).expect("a folder");
        let tree = Tree { _folder: folder, root };
        files.iter().for_each(|(name, text)| tree.write(name, text));
        tree
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    /// Puts a file into another's place, so that it is whole from the beginning.
    fn replace(&self, name: &str, text: &str) {
        let beside = self.root.join("beside");
        fs::write(&beside, text).expect("written");
        fs::rename(beside, self.root.join(name)).expect("renamed");
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.root.join(name)).expect("removed");
    }

    fn open(&self, rules: ReloadRules) -> Folder {
        Folder::new(&self.root, &rules)
    }
}

fn polled() -> ReloadRules {
    ReloadRules { watch: false, ..ReloadRules::default() }
}

async fn poll(folder: &mut Folder) -> String {
    shown(folder.fetch(FetchMode::IfChanged).await)
}

/// A line for each part: `name: text`, or what else was found.
fn shown(fetched: Result<Fetched, FetchError>) -> String {
    let line = |part: PartRead| match part.found {
        Found::Same => format!("{}: same", part.name),
        Found::Text(text) => format!("{}: `{}`", part.name, String::from_utf8_lossy(&text)),
        Found::Unsettled => format!("{}: unsettled", part.name),
        Found::Failed(error) => format!("{}: failed: {}", part.name, error.cause),
    };
    match fetched {
        Ok(Fetched::Parts(parts)) => parts.into_iter().map(line).collect::<Vec<_>>().join("\n"),
        Ok(Fetched::Unchanged) => "unchanged".into(),
        other => format!("{other:?}"),
    }
}

/// Waits for the next look as the keeper does, and reads.
async fn look_once(folder: &mut Folder) -> String {
    tokio::time::timeout(PATIENCE, folder.changed()).await.expect("the change is noticed");
    poll(folder).await
}

/// Looks until a text was brought; a part that is not whole yet may take several looks.
async fn look(folder: &mut Folder) -> String {
    loop {
        let seen = look_once(folder).await;
        if seen.contains('`') {
            return seen;
        }
    }
}

#[tokio::test]
async fn the_first_reading_brings_every_part_in_the_order_of_names() {
    let tree = Tree::of(&[("b.yaml", "B"), ("a/z.json", "Z"), ("a.yml", "A"), ("README.md", "no part")]);
    let mut folder = tree.open(polled());
    assert_eq!(poll(&mut folder).await, "a.yml: `A`\na/z.json: `Z`\nb.yaml: `B`");
    assert_eq!(poll(&mut folder).await, "unchanged");
    let asked = shown(folder.fetch(FetchMode::Always).await);
    assert_eq!(asked, "a.yml: same\na/z.json: same\nb.yaml: same", "somebody asks for it");
}

#[tokio::test]
async fn an_empty_folder_is_a_mapping_without_parts() {
    let tree = Tree::of(&[]);
    let mut folder = tree.open(polled());
    assert_eq!((poll(&mut folder).await.as_str(), poll(&mut folder).await.as_str()), ("", "unchanged"));
    fs::remove_dir(&tree.root).expect("removed");
    assert!(folder.fetch(FetchMode::IfChanged).await.expect_err("no folder").help.contains("--mapping"));
}

#[tokio::test]
async fn a_changed_part_is_read_once_it_has_been_still_and_no_other_is() {
    let tree = Tree::of(&[("a.yaml", "A"), ("b.yaml", "B")]);
    let mut folder = tree.open(polled());
    poll(&mut folder).await;
    tree.write("b.yaml", "other");
    let polled = poll(&mut folder).await;
    let brought = if polled.contains("unsettled") { look(&mut folder).await } else { polled };
    assert_eq!(brought, "a.yaml: same\nb.yaml: `other`");
    assert_eq!(poll(&mut folder).await, "unchanged");
    assert!(folder.changed().now_or_never().is_none(), "there is nothing to look at");
}

#[tokio::test]
async fn a_part_that_goes_on_changing_holds_up_no_other() {
    let tree = Tree::of(&[("a.yaml", "A"), ("b.yaml", "B")]);
    let mut folder = tree.open(ReloadRules::default());
    poll(&mut folder).await;
    for text in ["whole", "again"] {
        tree.write("a.yaml", "half of ");
        tree.replace("b.yaml", text);
        let seen = look_once(&mut folder).await;
        assert!(seen.ends_with(&format!("\nb.yaml: `{text}`")), "{seen}");
    }
}

#[tokio::test]
async fn a_part_that_is_removed_is_not_in_the_list() {
    let tree = Tree::of(&[("a.yaml", "A"), ("b.yaml", "B")]);
    let mut folder = tree.open(polled());
    poll(&mut folder).await;
    tree.remove("a.yaml");
    assert_eq!(poll(&mut folder).await, "b.yaml: same");
    assert_eq!(poll(&mut folder).await, "unchanged");
}

#[tokio::test]
async fn a_part_that_failed_is_brought_again_once_it_can_be_read() {
    let tree = Tree::of(&[("a.yaml", "A"), ("b.yaml", "B")]);
    let mut folder = tree.open(polled());
    poll(&mut folder).await;
    // The same file, and for a while its name leads nowhere.
    fs::rename(tree.root.join("a.yaml"), tree.root.join("kept")).expect("renamed");
    symlink("gone", tree.root.join("a.yaml")).expect("a link");
    let failed = poll(&mut folder).await;
    assert!(failed.starts_with("a.yaml: failed: No such file") && failed.ends_with("\nb.yaml: same"), "{failed}");
    assert_eq!(poll(&mut folder).await, failed, "an error is not `unchanged`");
    symlink("kept", tree.root.join("gone")).expect("a link");
    let polled = poll(&mut folder).await;
    let brought = if polled.contains("unsettled") { look(&mut folder).await } else { polled };
    assert_eq!(brought, "a.yaml: `A`\nb.yaml: same");
}

#[tokio::test]
async fn a_linked_folder_whose_target_is_away_removes_no_part() {
    let tree = Tree::of(&[("..teams/pay/a.yaml", "A"), ("b.yaml", "B")]);
    symlink("..teams/pay", tree.root.join("pay")).expect("a link");
    let mut folder = tree.open(polled());
    assert_eq!(poll(&mut folder).await, "b.yaml: `B`\npay/a.yaml: `A`");
    let (here, away) = (tree.root.join("..teams"), tree.root.join("..away"));
    fs::rename(&here, &away).expect("renamed");
    let failed = poll(&mut folder).await;
    assert!(failed.starts_with("b.yaml: same\npay/a.yaml: failed: its folder cannot be read: No such"), "{failed}");
    let first = poll(&mut tree.open(polled())).await;
    assert!(first.starts_with("b.yaml: `B`\npay/: failed: its folder cannot be read: No such"), "{first}");
    fs::rename(&away, &here).expect("renamed");
    let polled = poll(&mut folder).await;
    let brought = if polled.contains("unsettled") { look(&mut folder).await } else { polled };
    assert_eq!(brought, "b.yaml: same\npay/a.yaml: `A`");
}

#[tokio::test]
async fn many_large_parts_of_one_team_leave_room_for_the_others_and_for_the_owners() {
    let names: Vec<String> = (0..30).map(|at| format!("a/{at:02}.yaml")).collect();
    let text = "x".repeat(10);
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, &*text)).collect();
    files.extend([("owners.yaml", "OWNERS: []"), ("pay/z.yaml", "Z"), ("web.yaml", &*text)]);
    let tree = Tree::of(&files);
    let mut folder = tree.open(ReloadRules { max_bytes: 100, ..polled() });
    let seen = poll(&mut folder).await;
    let has = |line: &str| seen.lines().any(|seen| seen == line);
    assert!(has("owners.yaml: `OWNERS: []`") && has("pay/z.yaml: `Z`") && has("web.yaml: `xxxxxxxxxx`"), "{seen}");
    assert!(has("a/00.yaml: `xxxxxxxxxx`") && seen.contains("a/29.yaml: failed: with its 10 bytes"), "{seen}");
    let again = shown(folder.fetch(FetchMode::Ordered).await);
    assert_eq!(again.matches("failed").count(), seen.matches("failed").count(), "it stays so");
}

#[tokio::test]
async fn the_owners_take_no_place_of_a_part_once_they_are_known() {
    let tree = Tree::of(&[("a.yaml", "A"), ("owners.yaml", "OWNERS: []")]);
    let mut folder = tree.open(ReloadRules { max_parts: 2, ..polled() });
    poll(&mut folder).await;
    tree.write("b.yaml", "B");
    let seen = shown(folder.fetch(FetchMode::Ordered).await);
    assert!(seen.contains("b.yaml: `B`"), "{seen}");
}

#[tokio::test]
async fn the_limits_name_the_part_that_breaks_them() {
    let tree = Tree::of(&[("a.yaml", "four"), ("c.yaml", "four")]);
    let mut folder = tree.open(ReloadRules { max_bytes: 10, max_parts: 3, ..polled() });
    poll(&mut folder).await;
    tree.write("a.yaml", "nine byte");
    tree.write("b.yaml", "2b");
    tree.write("d.yaml", "ddd");
    let mut lines = poll(&mut folder).await;
    while lines.contains("unsettled") {
        lines = look_once(&mut folder).await;
    }
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].starts_with("a.yaml: failed: with its 9 bytes, all parts have more than the 10"), "{lines:?}");
    assert!(["b.yaml: `2b`", "b.yaml: same"].contains(&lines[1]) && lines[2] == "c.yaml: same", "{lines:?}");
    assert!(lines[3].starts_with("d.yaml: failed: the mapping has more parts than the 3"), "{lines:?}");
}

#[tokio::test]
async fn a_reading_that_was_given_up_was_none() {
    let tree = Tree::of(&[("a.yaml", "A")]);
    let given_up = (0..100).find_map(|_| {
        let mut folder = tree.open(polled());
        folder.fetch(FetchMode::Always).now_or_never().is_none().then_some(folder)
    });
    let mut folder = given_up.expect("a thread takes longer than one look");
    assert_eq!(poll(&mut folder).await, "a.yaml: `A`");
}

#[tokio::test]
async fn a_new_folder_and_a_swapped_root_are_noticed() {
    let tree = Tree::of(&[("a.yaml", "A")]);
    let link = tree.root.with_file_name("current");
    symlink("mapping", &link).expect("a link");
    let mut folder = Folder::new(&link, &ReloadRules::default());
    poll(&mut folder).await;
    let other = tree.root.with_file_name("other");
    fs::create_dir_all(other.join("team")).expect("a folder");
    fs::write(other.join("team/b.yaml"), "B").expect("written");
    fs::rename(&other, tree.root.join("team")).expect("renamed");
    let seen = look(&mut folder).await;
    assert!(seen.ends_with("team/b.yaml: `B`"), "{seen}");

    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("c.yaml"), "C").expect("written");
    symlink("other", tree.root.with_file_name("next")).expect("a link");
    fs::rename(tree.root.with_file_name("next"), &link).expect("swapped");
    let seen = look(&mut folder).await;
    assert_eq!(seen, "c.yaml: `C`");
}

#[tokio::test]
async fn a_path_is_a_folder_or_a_file_whichever_is_there() {
    let tree = Tree::of(&[("a.yaml", "A")]);
    let fetch = |path: &Path, slash: &str| {
        let place: MappingSource = format!("{}{slash}", path.display()).parse().expect("a source");
        async move { shown(super::super::open(&place, &polled()).expect("a source").fetch(FetchMode::Always).await) }
    };
    assert_eq!(fetch(&tree.root, "").await, "a.yaml: `A`");
    assert_eq!(fetch(&tree.root, "/").await, "a.yaml: `A`");
    assert_eq!(fetch(&tree.root.join("a.yaml"), "").await, "Ok(Document(b\"A\"))");
    let error = fetch(&tree.root.join("a.yaml"), "/").await;
    assert!(error.contains("name the file without the final `/`"), "{error}");

    let later = tree.root.with_file_name("later");
    let place = MappingSource::File(later.clone());
    let mut source = super::super::open(&place, &polled()).expect("a source");
    source.fetch(FetchMode::Always).await.expect_err("nothing is there");
    fs::rename(&tree.root, &later).expect("renamed");
    assert_eq!(shown(source.fetch(FetchMode::Always).await), "a.yaml: `A`");
}
