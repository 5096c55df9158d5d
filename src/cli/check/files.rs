//! Which files a command line names: patterns become the files they match.

use std::path::Path;

use nameplate_core::settings::MappingSource;

/// The same mappings, with each pattern in its place replaced by the files it matches, in their order.
pub(super) fn expanded(mappings: &[MappingSource]) -> Result<Vec<MappingSource>, String> {
    let lists = mappings.iter().map(|mapping| match mapping.file().and_then(pattern_of) {
        Some(pattern) => matching(pattern),
        None => Ok(vec![mapping.clone()]),
    });
    Ok(lists.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The pattern that a path is. A file of that very name is a file.
fn pattern_of(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    (text.contains(['*', '?', '[']) && !path.exists()).then_some(text)
}

fn matching(pattern: &str) -> Result<Vec<MappingSource>, String> {
    let paths = glob::glob(pattern).map_err(|e| {
        format!("`{pattern}` is not a pattern of files: {e}\n  help: write `*`, `?`, `[a-z]`, or `**` for any folders")
    })?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|e| format!("cannot read {}: {}", e.path().display(), e.error()))?;
        if path.is_file() {
            found.push(MappingSource::File(path));
        }
    }
    match found.is_empty() {
        true => Err(format!("no file matches `{pattern}`\n  help: name a mapping file, or `-` for standard input")),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_pattern_is_the_files_it_matches() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("teams/b.yaml")).expect("a folder named like a file");
        for name in ["teams/a.yaml", "teams/c.yaml", "teams/d.json", "odd[1].yaml"] {
            fs::write(path(name), "").expect("written");
        }
        let names = |pattern: &str| {
            let list = expanded(&[MappingSource::File(path(pattern))])?;
            let name = |source: &MappingSource| source.file()?.file_name()?.to_str().map(str::to_owned);
            Ok::<_, String>(list.iter().filter_map(name).collect::<Vec<_>>())
        };
        assert_eq!(names("**/*.yaml").expect("files"), ["odd[1].yaml", "a.yaml", "c.yaml"]);
        assert_eq!(names("odd[1].yaml").expect("a file"), ["odd[1].yaml"], "a file of that name is no pattern");
        assert_eq!(names("none.yaml").expect("left to the reader"), ["none.yaml"]);
        assert!(names("teams/*.yml").expect_err("nothing").starts_with("no file matches"));
        assert!(names("teams/[a").expect_err("no pattern").contains("is not a pattern of files"));
    }
}
