//! HTTP/2 frames as bytes (RFC 9113 section 4.1), however wrong, which no HTTP/2 library would write.

/// A frame type.
pub const DATA: u8 = 0;
/// A frame type.
pub const HEADERS: u8 = 1;
/// A frame type.
pub const PRIORITY: u8 = 2;
/// A frame type.
pub const RST_STREAM: u8 = 3;
/// A frame type.
pub const SETTINGS: u8 = 4;
/// A frame type.
pub const PUSH_PROMISE: u8 = 5;
/// A frame type.
pub const PING: u8 = 6;
/// A frame type.
pub const GOAWAY: u8 = 7;
/// A frame type.
pub const WINDOW_UPDATE: u8 = 8;
/// A frame type.
pub const CONTINUATION: u8 = 9;

/// A flag of SETTINGS and PING.
pub const ACK: u8 = 1;
/// A flag of DATA and HEADERS: nothing follows on the stream.
pub const END_STREAM: u8 = 1;
/// A flag of HEADERS and CONTINUATION: the header block is whole.
pub const END_HEADERS: u8 = 4;
/// A flag of DATA and HEADERS.
pub const PADDED: u8 = 8;
/// A flag of HEADERS.
pub const WITH_PRIORITY: u8 = 0x20;
/// HEADERS that are a whole request.
pub const WHOLE: u8 = END_STREAM | END_HEADERS;

/// What a connection begins with (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A setting.
pub const HEADER_TABLE_SIZE: u16 = 1;
/// A setting.
pub const ENABLE_PUSH: u16 = 2;
/// A setting.
pub const MAX_CONCURRENT_STREAMS: u16 = 3;
/// A setting.
pub const INITIAL_WINDOW_SIZE: u16 = 4;
/// A setting.
pub const MAX_FRAME_SIZE: u16 = 5;

/// The bytes of a frame; the stream may have its reserved bit set.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS with these values.
pub fn settings(list: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        list.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(SETTINGS, 0, 0, &payload)
}

/// WINDOW_UPDATE by this much.
pub fn window_update(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

/// RST_STREAM with the reason CANCEL.
pub fn reset(stream: u32) -> Vec<u8> {
    const CANCEL: u32 = 8;
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// HEADERS with these fields.
pub fn headers(stream: u32, flags: u8, list: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags, stream, &fields(list))
}

/// Fields in HPACK, each as a literal that no table keeps (RFC 7541 section 6.2.2).
pub fn fields(list: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in list {
        block.push(0);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A number with a prefix of 7 bits (RFC 7541 section 5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    const MOST: usize = 0x7f;
    let Some(mut rest) = length.checked_sub(MOST) else { return block.push(length.to_le_bytes()[0]) };
    block.push(0x7f);
    while rest >= 0x80 {
        block.push((rest % 0x80).to_le_bytes()[0] | 0x80);
        rest /= 0x80;
    }
    block.push(rest.to_le_bytes()[0]);
}
