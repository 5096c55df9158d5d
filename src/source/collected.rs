//! A body of unknown length, up to a limit.
//!
//! **Invariant:** it takes as much memory as has arrived, and the system has that back when it is dropped. A buffer
//! that grows by doubling would hold three times as much for a moment, and the allocator would keep it afterwards.

use std::io;

use bytes::Bytes;
use memmap2::{MmapMut, MmapOptions};

use super::bounded_read::LARGE;

/// What has arrived of a body.
pub(super) struct Collected {
    /// Pages that nobody has written to take no memory.
    room: MmapMut,
    filled: usize,
}

impl Collected {
    /// Makes room for a body of at most `most` bytes, or of as many as its sender announced.
    pub(super) fn up_to(most: u64, announced: Option<u64>) -> io::Result<Collected> {
        let most = announced.map_or(most, |announced| announced.min(most)).max(1);
        let room = usize::try_from(most).map_err(io::Error::other)?;
        Ok(Collected { room: MmapOptions::new().len(room).no_reserve_swap().map_anon()?, filled: 0 })
    }

    /// Takes the next piece; returns whether there was room for it.
    #[must_use]
    pub(super) fn add(&mut self, piece: &[u8]) -> bool {
        let Some(room) = self.room.get_mut(self.filled..self.filled + piece.len()) else { return false };
        room.copy_from_slice(piece);
        self.filled += piece.len();
        true
    }

    /// Returns everything that has arrived.
    pub(super) fn into_bytes(self) -> Bytes {
        if self.filled < LARGE {
            return Bytes::copy_from_slice(&self.room[..self.filled]);
        }
        let filled = self.filled;
        Bytes::from_owner(self.room).slice(..filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_in_pieces_is_whole_in_the_end() {
        for length in [0, 1, 10_000, 3 * LARGE] {
            let text: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            for announced in [None, Some(length as u64)] {
                let mut collected = Collected::up_to(4 * LARGE as u64, announced).expect("room");
                assert!(text.chunks(999).all(|piece| collected.add(piece)));
                assert_eq!(collected.into_bytes(), text, "{length}");
            }
        }
    }

    #[test]
    fn a_piece_over_the_limit_has_no_room() {
        let mut collected = Collected::up_to(5_000, None).expect("room");
        assert!(collected.add(&[b'a'; 4_999]));
        assert!(!collected.add(b"bc"));
        assert!(collected.add(b"b"));
        assert!(!collected.add(b"c"));
        assert_eq!(collected.into_bytes().len(), 5_000);
    }
}
