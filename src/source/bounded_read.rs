//! Everything that a reader gives, up to a limit.
//!
//! Where the thread shares a core with requests, it offers the core after each piece: see
//! [`nameplate_core::domain::pace`].

use std::io::{self, Read};

use bytes::Bytes;
use memmap2::MmapMut;

/// From this size on, a file's bytes have pages of their own: the system has them back as soon as nobody
/// reads them, where the allocator would keep them for another second.
pub(super) const LARGE: usize = 1024 * 1024;

/// Bytes read between two offers of the core.
const PIECE: usize = 128 * 1024;

/// Everything a reader gives, unless that is over `limit` bytes. `expected` bytes are made room for
/// at once: grown by doubling, the buffer of a large file would leave twice its size behind.
pub(crate) fn read_up_to(limit: u64, reader: impl Read, expected: usize) -> io::Result<Option<Bytes>> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX - 1);
    let mut reader = Yielding(reader.take(limit + 1));
    let mut bytes = Vec::new();
    if expected >= LARGE {
        // One more, so that the end is seen in it.
        let mut room = MmapMut::map_anon(expected.min(most) + 1)?;
        let read = fill(&mut reader, &mut room)?;
        if read > most {
            return Ok(None);
        }
        if read < room.len() {
            return Ok(Some(Bytes::from_owner(room).slice(..read)));
        }
        // It has grown since it was asked how long it is.
        bytes.extend_from_slice(&room);
    } else {
        bytes.reserve_exact(expected + 1);
    }
    reader.read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then(|| Bytes::from(bytes)))
}

/// Reads until the end, or until there is no more room.
fn fill(reader: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < room.len() {
        match reader.read(&mut room[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// A reader that is read in pieces, and offers the core after each.
struct Yielding<R>(R);

impl<R: Read> Read for Yielding<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len().min(PIECE);
        let read = self.0.read(&mut room[..most])?;
        std::thread::yield_now();
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_read_no_further_than_the_limit() {
        struct Endless(u64);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += buffer.len() as u64;
                buffer.fill(b'#');
                Ok(buffer.len())
            }
        }
        for expected in [0, LARGE] {
            let mut endless = Endless(0);
            assert_eq!(read_up_to(9_999, &mut endless, expected).expect("read"), None);
            assert_eq!(endless.0, 10_000, "{expected}");
        }
        assert_eq!(read_up_to(3, &b"abc"[..], 3).expect("read"), Some(Bytes::from("abc")));
    }

    #[test]
    fn a_large_file_is_read_whole_however_long_it_was_said_to_be() {
        let text: Vec<u8> = (0..3 * LARGE).map(|n| (n % 251) as u8).collect();
        for expected in [0, LARGE, text.len() - 1, text.len(), text.len() + 1, 9 * LARGE] {
            for limit in [text.len(), text.len() + 1, 9 * LARGE] {
                let read = read_up_to(limit as u64, &*text, expected).expect("read");
                assert!(read.is_some_and(|read| read == text), "{expected} of {limit}");
            }
            assert_eq!(read_up_to(text.len() as u64 - 1, &*text, expected).expect("read"), None, "{expected}");
        }
    }
}
