//! What a change does as Markdown: a comment on a pull request.

use std::fmt::Write;

use super::access::{Line, MOST_LINES};
use super::requests::{End, MOST_GROUPS, MOST_OF_A_GROUP, changing, counted};
use super::{Against, Verdict};

impl Against<'_> {
    /// Tables of what happens to requests and to access. They are cut where text is, `--all` or not: GitHub takes 65,536
    /// characters in a comment.
    pub(in crate::cli) fn markdown(&self) -> String {
        let verdict = match self.verdict {
            Verdict::None => "no change",
            Verdict::Hot => "hot: running tasks take it from the mapping's source",
            Verdict::Deployment => "a deployment is needed",
            Verdict::Held => "running tasks hold it",
        };
        let Against { added, removed, changed, unchanged, .. } = self;
        let counts = format!("{added} added, {removed} removed, {changed} changed, {unchanged} unchanged");
        let mut text = format!("\nAgainst {}: {counts}; **{verdict}**\n", code(self.mapping));
        self.write_requests(&mut text);
        self.write_access(&mut text);
        text
    }

    fn write_requests(&self, text: &mut String) {
        if self.requests.len() == 0 {
            text.push_str("\n#### Requests: none changes\n");
            return;
        }
        let _ = writeln!(text, "\n#### Requests: {}, most dangerous first\n", changing(self.requests.len()));
        text.push_str(
            "| change | requests | before | after | one of them, for `nameplate explain` |\n|---|---|---|---|---|\n",
        );
        let groups = self.requests.groups();
        let mut hidden = 0;
        for (at, group) in groups.iter().enumerate() {
            let shown = if at < MOST_GROUPS { MOST_OF_A_GROUP } else { 0 };
            hidden += group.classes.len().saturating_sub(shown);
            for class in group.classes.iter().take(shown) {
                let keys: Vec<String> = class.keys().map(|key| code(&key)).collect();
                let keys = if keys.is_empty() { String::new() } else { format!("<br>{}", keys.join("<br>")) };
                let _ = writeln!(
                    text,
                    "| {}{keys} | {}, {} | {} | {} | {} |",
                    group.kind.what(),
                    code(&class.place()),
                    class.verbs_as_text,
                    ending(&group.old, &class.old),
                    ending(&group.new, &class.new),
                    code(&class.request.to_string()),
                );
            }
        }
        if hidden > 0 {
            let _ = writeln!(text, "\nand {} more; `nameplate check --against --all` shows them", counted(hidden));
        }
    }

    fn write_access(&self, text: &mut String) {
        if self.access.is_same() {
            text.push_str("\n#### Access: resource policies stay as they are\n");
            return;
        }
        let (granted, revoked) = (&self.access.granted, &self.access.revoked);
        let _ = writeln!(
            text,
            "\n#### Access: {} granted, {} revoked by resource policies\n",
            granted.len(),
            revoked.len()
        );
        text.push_str("| | API | verbs | path and below | one of the calls |\n|---|---|---|---|---|\n");
        for (sign, lines) in [("granted", granted), ("revoked", revoked)] {
            for line in lines.iter().take(MOST_LINES) {
                let Line { api_id, region, call, .. } = line;
                let (verbs, place, through) = (line.verbs(), code(&line.place()), line.through());
                let _ =
                    writeln!(text, "| {sign} | {api_id} in {region}{through} | {verbs} | {place} | {} |", code(call));
            }
            if let Some(more @ 1..) = lines.len().checked_sub(MOST_LINES) {
                let _ = writeln!(text, "| {sign} | and {more} more | | | |");
            }
        }
    }
}

/// What happens to requests, and for one of them where it ends; a refusal ends where it is said.
fn ending(what: &str, end: &End<'_>) -> String {
    match end {
        End::Forwarded { .. } => format!("{what} {}", code(&end.shown())),
        End::Refused { .. } => what.to_owned(),
    }
}

/// Text in a cell of a table, whatever it is.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', r"\|").replace(['\n', '\r'], " "))
}
