//! Ends HTTP/2 connections that send frames for their own sake.
//!
//! SETTINGS and PING are to be answered, and PRIORITY, WINDOW_UPDATE, unknown and empty frames read: none of them is under
//! flow control, so a client can keep a core busy with them for as long as it likes. Each takes one token. Requests, data
//! and what the client is sent earn tokens, because real clients send such frames beside real work; time earns some too.

use std::time::{Duration, Instant};

/// Frames that a client may send ahead of any work.
const BURST: u32 = 10_000;
/// Tokens that a second earns.
const PER_SECOND: u32 = 200;
/// Tokens that a request earns, and a piece of a body.
const PER_REQUEST: u32 = 32;
const PER_DATA: u32 = 8;
/// Bytes sent to the client that earn a token: it opens windows for what it takes, in frames of up to 16 KiB.
const BYTES: u32 = 2_048;

const HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const PADDED: u8 = 8;

/// A client sends too many frames that ask for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flood;

/// The frames of one connection, wherever the pieces that they come in are cut.
#[derive(Debug)]
pub(super) struct Frames {
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    have: usize,
    /// Bytes to pass over: the preface, then payloads.
    skip: usize,
    tokens: u32,
    /// When time earned tokens the last time.
    earned_at: Instant,
    /// Bytes sent that have not earned a token yet.
    sent: u32,
}

impl Frames {
    /// A connection that begins with a preface of `preface` bytes.
    pub(super) fn new(preface: usize, now: Instant) -> Frames {
        Frames { header: [0; HEADER], have: 0, skip: preface, tokens: BURST, earned_at: now, sent: 0 }
    }

    /// Reads on. The clock is asked only where the tokens have run out.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: impl Fn() -> Instant) -> Result<(), Flood> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (HEADER - self.have).min(bytes.len());
            self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == HEADER {
                self.have = 0;
                self.frame(&now)?;
            }
        }
        Ok(())
    }

    /// Notes bytes that were sent to the client.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.earn(self.sent / BYTES);
        self.sent %= BYTES;
    }

    fn frame(&mut self, now: &impl Fn() -> Instant) -> Result<(), Flood> {
        let [a, b, c, kind, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.skip = length as usize;
        match kind {
            HEADERS => self.earn(PER_REQUEST),
            // The last piece of a body may be empty, and padding is no piece.
            DATA if flags & END_STREAM != 0 || length > 0 && flags & PADDED == 0 => self.earn(PER_DATA),
            // h2 has limits of its own for these.
            RST_STREAM | CONTINUATION => {}
            _ => return self.spend(now),
        }
        Ok(())
    }

    fn spend(&mut self, now: &impl Fn() -> Instant) -> Result<(), Flood> {
        if self.tokens == 0 {
            let now = now();
            let waited = now.saturating_duration_since(self.earned_at).min(Duration::from_secs(3_600));
            self.earn((waited.as_secs_f64() * f64::from(PER_SECOND)) as u32);
            if self.tokens > 0 {
                self.earned_at = now;
            }
        }
        self.tokens = self.tokens.checked_sub(1).ok_or(Flood)?;
        Ok(())
    }

    fn earn(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_add(tokens).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: u8 = 6;
    const PREFACE: usize = 24;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let size = u32::try_from(length).expect("a short frame").to_be_bytes();
        [&size[1..], &[kind, flags, 0, 0, 0, 1], &vec![0; length]].concat()
    }

    /// After how many of these a connection is ended, with nothing but time in between.
    fn ended_after(piece: &[u8], pause: Duration) -> Option<u32> {
        let start = Instant::now();
        let mut frames = Frames::new(0, start);
        (1..=30_000).find(|turn| frames.read(piece, || start + *turn * pause).is_err())
    }

    #[test]
    fn frames_for_their_own_sake_are_ended() {
        for kind in [2, 4, PING, 8, 0x16] {
            assert_eq!(ended_after(&frame(kind, 0, 8), Duration::ZERO), Some(BURST + 1), "{kind}");
        }
        assert_eq!(ended_after(&frame(DATA, 0, 0), Duration::ZERO), Some(BURST + 1));
        assert_eq!(ended_after(&frame(DATA, PADDED, 11), Duration::ZERO), Some(BURST + 1));
        assert!(ended_after(&frame(PING, 0, 8), Duration::from_millis(1)).is_some());
    }

    #[test]
    fn now_and_then_or_beside_work_they_are_not() {
        let beside = |work: Vec<u8>, times: usize| [work, frame(PING, 0, 8).repeat(times)].concat();
        assert_eq!(ended_after(&frame(PING, 0, 8), Duration::from_millis(6)), None);
        assert_eq!(ended_after(&beside(frame(HEADERS, END_STREAM, 20), 30), Duration::ZERO), None);
        assert_eq!(ended_after(&beside(frame(DATA, 0, 1), 7), Duration::ZERO), None);
        assert_eq!(ended_after(&frame(DATA, 0, 100), Duration::ZERO), None);
    }

    #[test]
    fn a_client_that_takes_a_long_response_may_open_windows() {
        let start = Instant::now();
        let mut frames = Frames::new(0, start);
        for _ in 0..30_000 {
            frames.sent(16 * 1024 + HEADER);
            assert_eq!(frames.read(&frame(8, 0, 4).repeat(3), || start), Ok(()));
        }
    }

    #[test]
    fn it_makes_no_difference_where_the_pieces_are_cut() {
        let all = [vec![b'x'; PREFACE], frame(4, 0, 6), frame(HEADERS, 0, 300), frame(PING, 0, 8)].concat();
        let now = Instant::now();
        for size in 1..all.len() {
            let mut frames = Frames::new(PREFACE, now);
            all.chunks(size).for_each(|piece| frames.read(piece, || now).expect("few frames"));
            assert_eq!((frames.have, frames.skip, frames.tokens), (0, 0, BURST - 1), "pieces of {size}");
        }
    }
}
