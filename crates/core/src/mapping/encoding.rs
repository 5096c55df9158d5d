//! A mapping's bytes to its text, which must be UTF-8.

use crate::diagnostic::{Code, Diagnostics};

/// What every gzip file begins with (RFC 1952 section 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What every ZIP archive that has files begins with (APPNOTE.TXT section 4.3.7).
const ZIP: &[u8] = b"PK\x03\x04";

/// The text of these bytes; `file` is how the fault names them.
pub(crate) fn text_of<'b>(bytes: &'b [u8], file: &str) -> Result<&'b str, Diagnostics> {
    if bytes.starts_with(GZIP) {
        let what = "it is compressed with gzip: it begins with 1f 8b".to_owned();
        let help = "store it uncompressed, and without `Content-Encoding: gzip`";
        return Err(Diagnostics::of_file(Code::NotText, file, (1, 1), what, help));
    }
    if bytes.starts_with(ZIP) {
        let what = "it is a ZIP archive: it begins with 50 4b 03 04".to_owned();
        let help = "store the mapping itself, not an archive or an office document with it";
        return Err(Diagnostics::of_file(Code::NotText, file, (1, 1), what, help));
    }
    std::str::from_utf8(bytes).map_err(|fault| not_text(bytes, fault.valid_up_to(), file))
}

/// As [`text_of`], without a byte order mark. A NUL is refused: the YAML reader would take it for the end of the text.
pub(crate) fn document_of<'b>(bytes: &'b [u8], file: &str) -> Result<&'b str, Diagnostics> {
    without_mark(text_of(bytes, file)?, file)
}

/// As [`document_of`], of what is text already.
pub(crate) fn without_mark<'t>(text: &'t str, file: &str) -> Result<&'t str, Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match memchr::memchr(0, text.as_bytes()) {
        Some(at) => Err(not_text(text.as_bytes(), at, file)),
        None => Ok(text),
    }
}

/// The fault of bytes that are no text, at the first byte that shows it.
fn not_text(bytes: &[u8], at: usize, file: &str) -> Diagnostics {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
    let what = match bytes[at] {
        0 => "the file holds a NUL byte".to_owned(),
        byte => format!("the file is not UTF-8 text: byte 0x{byte:02x}"),
    };
    Diagnostics::of_file(Code::NotText, file, (line as u32, column as u32), what, "save it as UTF-8")
}
