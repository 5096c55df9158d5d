//! Characters that look like others, or cannot be seen: what word processors, wikis and chats leave in a text.

use crate::diagnostic::{Code, Fault, Place};

/// The first such character of a value, as an error of the value that starts at a place.
pub(super) fn odd_in_value(at: Place, value: &str) -> Option<Fault> {
    let (offset, odd) = first_odd(value)?;
    let is_quote = matches!(odd.meant, Some('"' | '\''));
    let is_outside = offset == 0 || value[offset..].chars().count() == 1;
    let help = match odd.meant {
        Some(_) if is_quote && is_outside => "delete it, or quote the whole value with `\"`".to_owned(),
        Some(meant) => format!("write `{meant}`"),
        None if odd.is_space => "delete it".to_owned(),
        None => "delete it: it cannot be seen".to_owned(),
    };
    Some(Fault::in_value(at, value, offset, odd.what(), help).code(Code::BadCharacter))
}

/// The first such character of a key.
pub(super) fn odd_in_key(at: Place, key: &str) -> Option<Fault> {
    let (offset, odd) = first_odd(key)?;
    let help = match odd.meant {
        Some(meant @ ('"' | '\'')) => format!("delete it, or quote the key with `{meant}`"),
        Some(meant) => format!("write `{meant}`"),
        None if odd.is_space => "write a space, U+0020, or delete it".to_owned(),
        None => "delete it: it cannot be seen".to_owned(),
    };
    Some(Fault::in_value(at, key, offset, odd.what(), help).code(Code::BadCharacter))
}

/// A character that is not the one it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    character: char,
    name: &'static str,
    /// The character of ASCII that was probably meant.
    meant: Option<char>,
    pub(super) is_space: bool,
}

impl Odd {
    /// Whether it looks like a space, or like nothing.
    pub(super) fn is_blank(self) -> bool {
        self.meant.is_none()
    }

    /// Its code point and name.
    pub(super) fn name(self) -> String {
        let Odd { character, name, .. } = self;
        format!("U+{:04X} {name}", u32::from(character))
    }

    /// What is wrong.
    pub(super) fn what(self) -> String {
        format!("{} stands here", self.name())
    }
}

/// The first one in a text, and its byte.
pub(super) fn first_odd(text: &str) -> Option<(usize, Odd)> {
    if text.is_ascii() {
        return None;
    }
    let mut odd = text.char_indices().filter_map(|(at, c)| Some((at, odd(c)?)));
    odd.next().or_else(|| look_alike(text))
}

/// What a character is, if it is one of these.
pub(super) fn odd(character: char) -> Option<Odd> {
    let (name, meant, is_space) = match character {
        '\u{a0}' => ("NO-BREAK SPACE", None, true),
        '\u{202f}' => ("NARROW NO-BREAK SPACE", None, true),
        '\u{2007}' => ("FIGURE SPACE", None, true),
        '\u{3000}' => ("IDEOGRAPHIC SPACE", None, true),
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' => ("(a typographic space)", None, true),
        '\u{200b}' => ("ZERO WIDTH SPACE", None, false),
        '\u{200c}' => ("ZERO WIDTH NON-JOINER", None, false),
        '\u{200d}' => ("ZERO WIDTH JOINER", None, false),
        '\u{2060}' => ("WORD JOINER", None, false),
        '\u{feff}' => ("BYTE ORDER MARK", None, false),
        '\u{ad}' => ("SOFT HYPHEN", None, false),
        '\u{200e}' => ("LEFT-TO-RIGHT MARK", None, false),
        '\u{200f}' => ("RIGHT-TO-LEFT MARK", None, false),
        '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ("(a mark of direction)", None, false),
        '\u{201c}' => ("LEFT DOUBLE QUOTATION MARK", Some('"'), false),
        '\u{201d}' => ("RIGHT DOUBLE QUOTATION MARK", Some('"'), false),
        '\u{201e}' => ("DOUBLE LOW-9 QUOTATION MARK", Some('"'), false),
        '\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2033}' => ("(a typographic quote)", Some('"'), false),
        '\u{2018}' => ("LEFT SINGLE QUOTATION MARK", Some('\''), false),
        '\u{2019}' => ("RIGHT SINGLE QUOTATION MARK", Some('\''), false),
        '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{b4}' => ("(a typographic quote)", Some('\''), false),
        '\u{2010}' => ("HYPHEN", Some('-'), false),
        '\u{2011}' => ("NON-BREAKING HYPHEN", Some('-'), false),
        '\u{2012}' => ("FIGURE DASH", Some('-'), false),
        '\u{2013}' => ("EN DASH", Some('-'), false),
        '\u{2014}' => ("EM DASH", Some('-'), false),
        '\u{2015}' => ("HORIZONTAL BAR", Some('-'), false),
        '\u{2212}' => ("MINUS SIGN", Some('-'), false),
        '\u{3002}' => ("IDEOGRAPHIC FULL STOP", Some('.'), false),
        '\u{2024}' => ("ONE DOT LEADER", Some('.'), false),
        '\u{2044}' => ("FRACTION SLASH", Some('/'), false),
        '\u{2215}' => ("DIVISION SLASH", Some('/'), false),
        '\u{2236}' => ("RATIO", Some(':'), false),
        '\u{2217}' => ("ASTERISK OPERATOR", Some('*'), false),
        '\u{3001}' => ("IDEOGRAPHIC COMMA", Some(','), false),
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = char::from_u32(u32::from(character) - 0xfee0);
            ("(a full-width character)", ascii, false)
        }
        _ => return None,
    };
    Some(Odd { character, name, meant, is_space })
}

/// A Cyrillic letter that looks like a Latin one, in a word that has Latin letters as well.
fn look_alike(text: &str) -> Option<(usize, Odd)> {
    const CYRILLIC: [(char, char); 10] = [
        ('а', 'a'),
        ('е', 'e'),
        ('о', 'o'),
        ('р', 'p'),
        ('с', 'c'),
        ('х', 'x'),
        ('у', 'y'),
        ('і', 'i'),
        ('ѕ', 's'),
        ('ј', 'j'),
    ];
    let latin = |c: char| CYRILLIC.iter().find(|(cyrillic, _)| *cyrillic == c).map(|(_, latin)| *latin);
    let mut word_at = 0;
    for word in text.split_inclusive(['.', '/']) {
        let is_mixed = word.chars().any(|c| c.is_ascii_alphabetic());
        let found = word.char_indices().find_map(|(at, character)| Some((at, character, latin(character)?)));
        if let (true, Some((at, character, meant))) = (is_mixed, found) {
            let name = "(a Cyrillic letter)";
            return Some((word_at + at, Odd { character, name, meant: Some(meant), is_space: false }));
        }
        word_at += word.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn first(text: &str, want: Option<(usize, &str)>) {
        let found = first_odd(text).map(|(at, odd)| (at, odd.what()));
        assert_eq!(found, want.map(|(at, what)| (at, format!("{what} stands here"))), "{text:?}");
    }

    #[test]
    fn each_is_named_by_its_code_point() {
        first("“a.example.com”", Some((0, "U+201C LEFT DOUBLE QUOTATION MARK")));
        first("a\u{a0}", Some((1, "U+00A0 NO-BREAK SPACE")));
        first("pay\u{200b}.example.com", Some((3, "U+200B ZERO WIDTH SPACE")));
        first("\u{feff}a", Some((0, "U+FEFF BYTE ORDER MARK")));
        first("eu–west–1", Some((2, "U+2013 EN DASH")));
        first("ａ.com", Some((0, "U+FF41 (a full-width character)")));
    }

    #[test]
    fn a_name_in_another_script_is_none() {
        first("bücher.example.com", None);
        first("支払い.example.com", None);
        first("оса.example.com", None);
        first("pаy.example.com", Some((1, "U+0430 (a Cyrillic letter)")));
    }
}
