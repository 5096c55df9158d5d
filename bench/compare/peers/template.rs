//! Templates of the proxies' files.
//!
//! `{{name}}` is a value. Lines between `@each` and `@end` are there once for each domain, joined by what stands
//! behind `@each`. A line that begins with `@#` is a comment for readers of the template, and not in the file: some
//! formats have none, and a proxy should not have to read ours.

use super::Entry;

/// What the names in a template stand for.
pub type Values = [(&'static str, String)];

/// The file, or what is wrong with the template.
pub fn render(template: &str, values: &Values, entries: &[Entry]) -> Result<String, String> {
    let mut text = String::new();
    let mut lines = template.lines().filter(|line| !line.trim_start().starts_with("@#"));
    while let Some(line) = lines.next() {
        let Some(joint) = line.strip_prefix("@each") else {
            fill(line, values, None, &mut text)?;
            continue;
        };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "@end").collect();
        for (at, entry) in entries.iter().enumerate() {
            if at > 0 {
                text.push_str(joint.trim());
            }
            for line in &block {
                fill(line, values, Some(entry), &mut text)?;
            }
        }
    }
    Ok(text)
}

fn fill(line: &str, values: &Values, entry: Option<&Entry>, text: &mut String) -> Result<(), String> {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or_else(|| format!("`{line}`: a name without its end"))?;
        let value = match (name, entry) {
            ("domain", Some(entry)) => Some(&entry.domain),
            ("id", Some(entry)) => Some(&entry.id),
            _ => values.iter().find(|(known, _)| *known == name).map(|(_, value)| value),
        };
        text.push_str(before);
        text.push_str(value.ok_or_else(|| format!("`{line}`: there is no value `{name}`"))?);
        rest = after;
    }
    text.push_str(rest);
    text.push('\n');
    Ok(())
}
