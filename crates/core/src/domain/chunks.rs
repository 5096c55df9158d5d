//! The chunked transfer coding, checked byte by byte (RFC 9112 section 7.1).
//!
//! Pingora's parser decodes chunks and is lenient about what stands around their data. Whoever is lenient may find
//! another end of a message than the next reader, so what the grammar does not have is refused.

use super::token::is_token;

/// A body in chunks, wherever the pieces that it comes in are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    at: At,
    /// Of the current chunk: its size, and then what is left of its data.
    size: u64,
}

/// Chunks break their grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunks of the body are malformed")]
pub struct MalformedChunks;

/// What the next byte is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// A size; its first digit must be here.
    #[default]
    Size,
    /// More digits, or what follows them.
    SizeEnd,
    /// White space before the `;` of an extension.
    BeforeExtension,
    /// White space before an extension's name, or the name's first byte.
    BeforeName,
    Name,
    /// White space after a name.
    AfterName,
    /// White space before an extension's value, or the value's first byte.
    BeforeValue,
    Value,
    Quoted,
    /// A byte after a backslash.
    QuotedPair,
    /// After a quoted value.
    AfterQuoted,
    /// The LF of a chunk's first line.
    LineFeed,
    Data,
    DataCarriageReturn,
    DataLineFeed,
    /// The beginning of a trailer line, or of the line that ends it all.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    /// The last LF.
    End,
}

impl Chunks {
    /// Takes the next piece. Returns how many of its bytes belong to the body once that has ended with them, and `None`
    /// while there is more to come.
    pub fn take(&mut self, piece: &[u8]) -> Result<Option<usize>, MalformedChunks> {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            if self.at == At::Data {
                let skipped = usize::try_from(self.size).unwrap_or(usize::MAX).min(rest.len());
                self.size -= skipped as u64;
                rest = &rest[skipped..];
                if self.size == 0 {
                    self.at = At::DataCarriageReturn;
                }
                continue;
            }
            rest = after;
            if self.at == At::End {
                return if byte == b'\n' { Ok(Some(piece.len() - rest.len())) } else { Err(MalformedChunks) };
            }
            self.at = self.next(byte).ok_or(MalformedChunks)?;
        }
        Ok(None)
    }

    /// What follows this byte; `None` where it may not be here.
    fn next(&mut self, byte: u8) -> Option<At> {
        let is_space = matches!(byte, b' ' | b'\t');
        Some(match (self.at, byte) {
            (At::Size | At::SizeEnd, digit) if digit.is_ascii_hexdigit() => self.digit(digit)?,
            (At::SizeEnd | At::Name | At::AfterQuoted | At::Value, b'\r') => At::LineFeed,
            (At::SizeEnd | At::BeforeExtension | At::Name | At::AfterName, b';') => At::BeforeName,
            (At::Value | At::AfterQuoted, b';') => At::BeforeName,
            (At::SizeEnd | At::BeforeExtension | At::Value | At::AfterQuoted, _) if is_space => At::BeforeExtension,
            (At::BeforeName, _) if is_space => At::BeforeName,
            (At::BeforeName | At::Name, byte) if is_token(byte) => At::Name,
            (At::Name | At::AfterName, b'=') => At::BeforeValue,
            (At::Name | At::AfterName, _) if is_space => At::AfterName,
            (At::BeforeValue, _) if is_space => At::BeforeValue,
            (At::BeforeValue, b'"') => At::Quoted,
            (At::BeforeValue | At::Value, byte) if is_token(byte) => At::Value,
            (At::Quoted, b'"') => At::AfterQuoted,
            (At::Quoted, b'\\') => At::QuotedPair,
            (At::Quoted | At::QuotedPair, byte) if is_text(byte) => At::Quoted,
            (At::LineFeed, b'\n') if self.size == 0 => At::Trailer,
            (At::LineFeed, b'\n') => At::Data,
            (At::DataCarriageReturn, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => At::Size,
            (At::Trailer, b'\r') => At::End,
            (At::Trailer | At::TrailerName, byte) if is_token(byte) => At::TrailerName,
            (At::TrailerName, b':') => At::TrailerValue,
            (At::TrailerValue, b'\r') => At::TrailerLineFeed,
            (At::TrailerValue, byte) if is_text(byte) => At::TrailerValue,
            (At::TrailerLineFeed, b'\n') => At::Trailer,
            _ => return None,
        })
    }

    /// One more digit of the size; `None` where no 64 bits hold it.
    fn digit(&mut self, digit: u8) -> Option<At> {
        if self.at == At::Size {
            self.size = 0;
        }
        let value = char::from(digit).to_digit(16)?;
        self.size = self.size.checked_mul(16)?.checked_add(u64::from(value))?;
        Some(At::SizeEnd)
    }
}

/// Reports whether a field's value or a quoted string may have this byte: no controls but the tab.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: impl AsRef<[u8]>) -> Result<Option<usize>, MalformedChunks> {
        Chunks::default().take(text.as_ref())
    }

    #[test]
    fn what_the_grammar_has_is_taken() {
        let bodies = [
            "0\r\n\r\n",
            "000\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "00005\r\nhello\r\n000\r\n\r\n",
            "A\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n",
            "5;a\r\nhello\r\n0\r\n\r\n",
            "5;a=b;c=d\r\nhello\r\n0;last\r\n\r\n",
            "5;a=\"b;\\\"\\\\ c\"\r\nhello\r\n0\r\n\r\n",
            "5 \t; a = b ; c\r\nhello\r\n0\r\n\r\n",
            "0\r\nx: y\r\nz:\r\nw: a b \t\u{e4}\r\n\r\n",
        ];
        for body in bodies {
            assert_eq!(whole(body), Ok(Some(body.len())), "{body:?}");
            assert_eq!(whole(format!("{body}GET")), Ok(Some(body.len())), "{body:?} and the next request");
        }
    }

    #[test]
    fn what_it_does_not_have_is_not() {
        let bodies = [
            "\r\n",
            " 5\r\n",
            "5 \r\n",
            "5\t\r\n",
            "+5\r\n",
            "0x5\r\n",
            "5g\r\n",
            "5\n",
            "5\rh",
            "10000000000000000\r\n",
            "5;\r\n",
            "5; \r\n",
            "5;;a\r\n",
            "5;a=\r\n",
            "5;a b\r\n",
            "5;a=b c\r\n",
            "5;a=\"b\"c\r\n",
            "5;a\nb\r\n",
            "5;a\0\r\n",
            "5;a=\"\0\"\r\n",
            "5;a=\"\n\"\r\n",
            "5\r\nhello!",
            "5\r\nhello\n",
            "5\r\nhello\r\n\r\n",
            "0\r\ngarbage\r\n",
            "0\r\n: y\r\n",
            "0\r\nx : y\r\n",
            "0\r\n x: y\r\n",
            "0\r\nx: y\n",
            "0\r\nx: y\r\n folded\r\n",
            "0\r\nx: \0\r\n",
            "0\r\n\n",
            "0\r\n\r\r",
        ];
        for body in bodies {
            assert_eq!(whole(body), Err(MalformedChunks), "{body:?}");
        }
    }

    #[test]
    fn a_body_that_stops_is_not_whole() {
        let body = "5;a=\"b\"\r\nhello\r\n0\r\nx: y\r\n\r\n";
        for end in 0..body.len() {
            assert_eq!(whole(&body[..end]), Ok(None), "{:?}", &body[..end]);
        }
    }

    proptest! {
        #[test]
        fn it_makes_no_difference_where_the_pieces_are_cut(body in "[0-2];?a?=?\"?\\PC?(\r\n|\n)?[a-b]{0,2}(\r\n)?0?(\r\n)?x?:?(\r\n\r\n)?", cut in 0..40_usize) {
            let body = body.as_bytes();
            let cut = cut.min(body.len());
            let mut chunks = Chunks::default();
            let first = chunks.take(&body[..cut]);
            let both = match first {
                Ok(None) => chunks.take(&body[cut..]).map(|end| end.map(|end| cut + end)),
                ended => ended,
            };
            prop_assert_eq!(both, whole(body));
        }
    }
}
