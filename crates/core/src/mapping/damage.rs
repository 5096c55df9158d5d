//! Damage to the lines of a mapping that a YAML parser reports as something else, and often elsewhere: what a merge, a
//! wiki, a template or a quick edit left.
//!
//! Only a mapping that does not compile is searched for it. What is found is repaired in a copy, which is then compiled
//! for its other errors: one slip hides none of them, and is reported once.

use std::collections::HashMap;

use super::characters::{Odd, odd};
use super::entry::Key;
use super::placeholder;
use crate::diagnostic::{Code, Diagnostics, Fault, Faults, Place};

/// Seven of a character, as git writes them.
const MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// How much of a line is looked at, in bytes. The slips are at its start; a mapping may be one line of megabytes.
const MAX_LOOKED_AT: usize = 16 * 1_024;

/// What is damaged in a text.
pub(super) struct Damage {
    faults: Faults,
    /// The text without the damage, line for line.
    pub(super) repaired: String,
    /// The lines where the copy's columns are not the text's: from which on, and by how much.
    shifts: HashMap<u32, (u32, i32)>,
    /// The lines whose other errors come from the damage.
    spoiled: Vec<u32>,
    /// Whether an indentation was damaged: the repaired one may be too much or too little.
    is_reindented: bool,
}

/// One slip: what stands on a line, and how its copy differs.
struct Slip {
    column: usize,
    what: String,
    help: String,
    code: Code,
    repair: Repair,
}

enum Repair {
    /// The line is left out from this byte on.
    CommentOut(usize),
    /// These bytes become this text.
    Replace(std::ops::Range<usize>, &'static str),
    /// Everything from this byte on becomes some text; whatever is wrong with it does not matter.
    Spoil(usize),
}

impl Damage {
    /// Looks for damage. `None` if there is none.
    pub(super) fn of(text: &str) -> Option<Damage> {
        // Other line ends than these are rare, and would have to be counted apart.
        if memchr::memchr_iter(b'\r', text.as_bytes()).any(|at| text.as_bytes().get(at + 1) != Some(&b'\n')) {
            return None;
        }
        let mut scan = Scan::default();
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            scan.line(line, number);
        }
        scan.finish(text)
    }

    /// The damage, and what else is wrong with the text by what is wrong with its repaired copy.
    pub(super) fn diagnose(self, text: &str, file: &str, others: Option<Diagnostics>) -> Diagnostics {
        let Damage { faults, shifts, spoiled, is_reindented, .. } = self;
        let mut found = faults.locate(text, file);
        if let Some(mut others) = others {
            // Nothing but damage is not empty.
            others.retain(|found| match found.code {
                Code::EmptyFile => false,
                Code::BrokenYaml => !is_reindented && !spoiled.contains(&found.line),
                _ => !spoiled.contains(&found.line),
            });
            others.shift(|line, column| match shifts.get(&line) {
                Some((from, by)) if column >= *from => column.saturating_add_signed(*by).max(1),
                _ => column,
            });
            found.join(others);
        }
        found
    }
}

#[derive(Default)]
struct Scan {
    faults: Faults,
    /// The text up to the last damaged line.
    repaired: String,
    /// How many lines are in there already, or wait to be copied, by bytes.
    copied: usize,
    read: usize,
    shifts: HashMap<u32, (u32, i32)>,
    spoiled: Vec<u32>,
    edits: Vec<(usize, usize, String)>,
    /// The place of the merge's marker that nothing closed yet, and whether the other side has begun.
    merge: Option<(u32, bool)>,
    /// The first line indented with another character than spaces, the character, and how many such lines there are.
    indented: Option<(Place, Odd, u32)>,
}

impl Scan {
    fn line(&mut self, line: &str, number: u32) {
        let start = self.read;
        self.read += line.len();
        let end = (0..=line.len().min(MAX_LOOKED_AT)).rev().find(|end| line.is_char_boundary(*end));
        let text = &line[..end.unwrap_or(0)];
        let text = text.trim_end_matches(['\n', '\r']);
        if self.marker(text, number) {
            self.edit(start, text, number, Repair::CommentOut(0));
            return;
        }
        self.indentation(start, text, number);
        if let Some(slip) = slip(text) {
            let column = text[..slip.column].chars().count() as u32 + 1;
            let at = Place { line: number, column };
            self.faults.push(Fault::at(at, slip.what, slip.help).code(slip.code));
            self.edit(start, text, number, slip.repair);
        }
    }

    /// Whether the line is a merge's marker, or of its other side.
    fn marker(&mut self, text: &str, number: u32) -> bool {
        let is = |marker: &str| text.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        match self.merge {
            None if is(MARKERS[0]) || is(MARKERS[3]) => {
                let what = format!("`{}` is the marker of an unfinished merge", &text[..MARKERS[0].len()]);
                let help = "keep one of the two versions, and delete the lines `<<<<<<<`, `=======` and `>>>>>>>`";
                let at = Place { line: number, column: 1 };
                self.faults.push(Fault::at(at, what, help).code(Code::MergeConflict));
                self.merge = is(MARKERS[0]).then_some((number, false));
                true
            }
            Some(_) if is(MARKERS[3]) => {
                self.merge = None;
                true
            }
            Some((line, _)) if is(MARKERS[1]) || is(MARKERS[2]) => {
                self.merge = Some((line, true));
                true
            }
            Some((_, is_other)) => is_other,
            None => false,
        }
    }

    /// Notes an indentation with something else than spaces and tabs, and repairs it.
    fn indentation(&mut self, start: usize, text: &str, number: u32) {
        let indent = &text[..indent_of(text)];
        let Some((at, found)) = indent.char_indices().find_map(|(at, c)| Some((at, odd(c)?))) else { return };
        let column = indent[..at].chars().count() as u32 + 1;
        let first = (Place { line: number, column }, found, 0);
        self.indented.get_or_insert(first).2 += 1;
        let spaces = indent.chars().filter(|c| *c == ' ' || *c == '\t' || odd(*c).is_some_and(|odd| odd.is_space));
        let with: String = spaces.map(|c| if c == '\t' { c } else { ' ' }).collect();
        let by = indent.chars().count() - with.len();
        self.shifts.insert(number, (1, by as i32));
        self.edits.push((start, start + indent.len(), with));
    }

    fn edit(&mut self, start: usize, text: &str, number: u32, repair: Repair) {
        match repair {
            Repair::CommentOut(from) => {
                let first = text[from..].chars().next().map_or(0, char::len_utf8);
                self.edits.push((start + from, start + from + first, "#".into()));
            }
            Repair::Replace(range, with) => {
                let before = text[range.clone()].chars().count() as i32;
                let from = text[..range.start].chars().count() as u32 + 1 + with.chars().count() as u32;
                self.shifts.insert(number, (from, before - with.chars().count() as i32));
                self.edits.push((start + range.start, start + range.end, with.into()));
            }
            Repair::Spoil(from) => {
                self.spoiled.push(number);
                self.edits.push((start + from, start + text.len(), "x".into()));
            }
        }
    }

    fn finish(mut self, text: &str) -> Option<Damage> {
        if let Some((at, found, lines)) = self.indented {
            let more = if lines > 1 { format!(" of this line and {} more", lines - 1) } else { String::new() };
            let what = format!("{} stands in the indentation{more}", found.name());
            self.faults.push(Fault::at(at, what, "indent with spaces, U+0020").code(Code::BadCharacter));
        }
        if self.faults.is_empty() {
            return None;
        }
        for (from, to, with) in &self.edits {
            // An indentation and a slip of one line are in order, and a slip begins behind its line's indentation. A repair
            // that is missing leaves another error where the first one stands.
            if *from < self.copied {
                continue;
            }
            self.repaired.push_str(&text[self.copied..*from]);
            self.repaired.push_str(with);
            self.copied = *to;
        }
        self.repaired.push_str(&text[self.copied..]);
        let Scan { faults, repaired, shifts, spoiled, indented, .. } = self;
        Some(Damage { faults, repaired, shifts, spoiled, is_reindented: indented.is_some() })
    }
}

/// The bytes of a line's indentation, of whatever it is made.
fn indent_of(text: &str) -> usize {
    let is_blank = |c: char| matches!(c, ' ' | '\t') || odd(c).is_some_and(Odd::is_blank);
    text.len() - text.trim_start_matches(is_blank).len()
}

/// The slip on a line, if there is one.
fn slip(text: &str) -> Option<Slip> {
    let indent = indent_of(text);
    let line = &text[indent..];
    if let Some(at) = text.find('\u{feff}').filter(|at| *at >= indent) {
        let what = odd('\u{feff}').map(Odd::what).unwrap_or_default();
        let repair = Repair::Replace(at..at + '\u{feff}'.len_utf8(), "");
        let help = "delete it: it cannot be seen".to_owned();
        return Some(Slip { column: at, what, help, code: Code::BadCharacter, repair });
    }
    if line.starts_with("```") {
        let (what, help) = ("a line of Markdown".into(), "delete it".into());
        return Some(Slip { column: indent, what, help, code: Code::BrokenYaml, repair: Repair::CommentOut(indent) });
    }
    if line.starts_with("{%") || line.starts_with("{{") {
        let (_, found) = placeholder::first(line, false).filter(|(at, _)| *at == 0)?;
        // A mapping in braces may begin like this; a template's mark stands alone or in front of text.
        return Some(of_placeholder(indent, found, Repair::CommentOut(indent)));
    }
    let dash = line.strip_prefix('-').map_or(0, |rest| 1 + rest.len() - rest.trim_start_matches(' ').len());
    let key = Key::NAMES.into_iter().chain(["APIS"]).find(|key| line[dash..].starts_with(key))?;
    let (key_at, key_end) = (indent + dash, indent + dash + key.len());
    let rest = &text[key_end..];
    if dash == 1 && rest.starts_with(": ") {
        let (what, help) = (format!("no space between `-` and `{key}`"), format!("write `- {key}: `"));
        let repair = Repair::Replace(key_at..key_at, " ");
        return Some(Slip { column: key_at, what, help, code: Code::BrokenYaml, repair });
    }
    if let Some(value) = rest.strip_prefix(": ") {
        let at = text.len() - value.trim_start_matches(' ').len();
        let is_reserved = text[at..].starts_with("{{") || text[at..].starts_with("{%") || text[at..].starts_with('%');
        let (_, found) = placeholder::first(&text[at..], false).filter(|(offset, _)| is_reserved && *offset == 0)?;
        return Some(of_placeholder(at, found, Repair::Spoil(at)));
    }
    let help = format!("write `{key}: ` and the value");
    if let Some(value) = rest.strip_prefix(':') {
        let first = value.chars().next()?;
        let space = if odd(first).is_some_and(Odd::is_blank) { first.len_utf8() } else { 0 };
        let what = match odd(first).filter(|_| space > 0) {
            Some(found) => found.what(),
            None => format!("no space between `{key}:` and its value"),
        };
        let code = if space > 0 { Code::BadCharacter } else { Code::BrokenYaml };
        let repair = Repair::Replace(key_end + 1..key_end + 1 + space, " ");
        let is_key = first != '\t' && first != ':';
        return is_key.then_some(Slip { column: key_end + 1, what, help, code, repair });
    }
    let equals = rest.trim_start_matches(' ').strip_prefix('=')?;
    let range = key_end..text.len() - equals.len();
    let (column, what) = (range.end - 1, "`=` stands where `: ` belongs".to_owned());
    Some(Slip { column, what, help, code: Code::BrokenYaml, repair: Repair::Replace(range, ": ") })
}

fn of_placeholder(column: usize, found: &str, repair: Repair) -> Slip {
    let (what, help) = (placeholder::what(found), placeholder::HELP.to_owned());
    Slip { column, what, help, code: Code::Placeholder, repair }
}
