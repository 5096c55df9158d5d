//! Lines of a log on their way out, which never make a request wait.
//!
//! A reader that has stopped (a blocked log driver, a full pipe) blocks whoever writes, and would with
//! it block every API. So lines go through a bounded queue to a thread of their own; what finds the
//! queue full is dropped and counted.
//!
//! **Invariant:** [`Lines::push`] takes no lock and makes no call that can block. It wakes the writer
//! only where that sleeps, and the writer lets lines gather before it writes them in one call: a
//! thousand requests a second wake it a hundred times, not a thousand.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use parking_lot::{Condvar, Mutex};

/// Lines that may wait: at some 600 bytes each, 5 MB.
const QUEUE: usize = 8_192;

/// Bytes that may wait: what clients choose can make lines many times as long as most are.
const WAITING: usize = 16 * 1024 * 1024;

/// Lines' memory that is kept to be used again.
const SPARE: usize = 1_024;

/// A line's memory that is larger than this is not kept.
const KEPT: usize = 2_048;

/// How long lines gather.
const GATHER: Duration = Duration::from_millis(10);

/// Bytes written in one call, or one line if that is more.
const BATCH: usize = 64 * 1024;

/// How long an end waits for the lines that came before it; a log nobody reads must not keep the
/// process.
const LAST_WORDS: Duration = Duration::from_secs(1);

static STDOUT: OnceLock<Option<Arc<Lines>>> = OnceLock::new();

/// The one queue for standard output, started with its first use, so that lines of different logs never
/// mix. `None` where no thread could be had. What is dropped is only counted: a note among the lines would
/// be none that a reader of them expects.
pub(crate) fn stdout() -> Option<Arc<Lines>> {
    let start = || {
        // Not through `io::stdout()`, whose lock the command line holds for as long as the process lives.
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Lines::start(Log::Access, Box::new(out), None)
    };
    let started = || start().inspect_err(|fault| log::warn!("nothing is written to standard output: {fault}")).ok();
    STDOUT.get_or_init(started).clone()
}

/// Waits until what was pushed to [`stdout`] so far has been written, but not for long.
pub(crate) fn flush_stdout() {
    if let Some(Some(lines)) = STDOUT.get() {
        lines.flush();
    }
}

/// What to write where lines are missing: a line, for how many.
pub(crate) type Note = fn(u64) -> String;

/// The logs there are. Two may share one queue; what is lost is counted for the log it was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// What the process has to say, on standard error.
    Operational,
    /// A line for each request, on standard output.
    Access,
    /// Metrics in CloudWatch's embedded metric format, on standard output.
    Emf,
}

/// Lines that were lost, by log. They are the process's and not one proxy's: the operational log is there
/// before a proxy is.
static LOST: [AtomicU64; Log::ALL.len()] = [const { AtomicU64::new(0) }; Log::ALL.len()];

impl Log {
    /// All of them.
    pub(crate) const ALL: [Log; 3] = [Log::Operational, Log::Access, Log::Emf];

    /// What metrics and threads call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Log::Operational => "operational",
            Log::Access => "access",
            Log::Emf => "emf",
        }
    }

    /// How many of its lines were lost since the process started.
    pub(crate) fn lost(self) -> u64 {
        LOST[self as usize].load(Ordering::Relaxed)
    }

    fn lose(self) {
        LOST[self as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// A queue of lines and its writer, which live until the process ends.
pub(crate) struct Lines {
    log: Log,
    queue: ArrayQueue<(Log, Vec<u8>)>,
    /// Bytes of memory in it.
    waiting: AtomicUsize,
    spare: ArrayQueue<Vec<u8>>,
    /// Lines of this queue that were dropped, of whichever log.
    dropped: AtomicU64,
    asleep: AtomicBool,
    writer: OnceLock<Thread>,
    /// How many flushes were asked for, and how many of these have been served.
    asked: AtomicU64,
    served: Mutex<u64>,
    serves: Condvar,
}

impl Lines {
    /// A queue for this log, and a thread that writes what comes through it to `out`. A thread does
    /// not survive a fork: start this after it.
    pub(crate) fn start(log: Log, out: Box<dyn Write + Send>, note: Option<Note>) -> io::Result<Arc<Lines>> {
        let lines = Arc::new(Lines::new(log, QUEUE));
        let writer = Arc::clone(&lines);
        let thread = thread::Builder::new().name(log.name().into()).spawn(move || writer.write(out, note))?;
        let _ = lines.writer.set(thread.thread().clone());
        Ok(lines)
    }

    fn new(log: Log, queue: usize) -> Lines {
        Lines {
            log,
            queue: ArrayQueue::new(queue),
            waiting: AtomicUsize::new(0),
            spare: ArrayQueue::new(SPARE),
            dropped: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            writer: OnceLock::new(),
            asked: AtomicU64::new(0),
            served: Mutex::new(0),
            serves: Condvar::new(),
        }
    }

    /// Memory for a line, empty.
    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// A line, its end included, is to be written.
    pub(crate) fn push(&self, line: Vec<u8>) {
        self.push_of(self.log, line);
    }

    /// As [`Lines::push`], for another log that shares this queue.
    pub(crate) fn push_of(&self, log: Log, line: Vec<u8>) {
        let bytes = line.capacity();
        let fits = self.waiting.fetch_add(bytes, Ordering::Relaxed) <= WAITING;
        let pushed = if fits { self.queue.push((log, line)) } else { Err((log, line)) };
        if let Err((_, line)) = pushed {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            log.lose();
            self.keep(line);
        }
        // The queue's own tail is ordered the same way: whoever misses the writer's sleep is seen by the
        // writer's last look.
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    fn keep(&self, mut line: Vec<u8>) {
        if line.capacity() <= KEPT {
            line.clear();
            let _ = self.spare.push(line);
        }
    }

    /// Waits until what was pushed so far has been written, but not for long.
    pub(crate) fn flush(&self) {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.wake();
        let mut served = self.served.lock();
        self.serves.wait_while_for(&mut served, |served| *served < mine, LAST_WORDS);
    }

    fn write(&self, mut out: Box<dyn Write + Send>, note: Option<Note>) {
        let mut batch = Batch::default();
        let mut told = 0;
        loop {
            let asked = self.asked.load(Ordering::SeqCst);
            self.write_all(&mut out, &mut batch, note, &mut told);
            let mut served = self.served.lock();
            if *served < asked {
                *served = asked;
                self.serves.notify_all();
            }
            drop(served);
            self.asleep.store(true, Ordering::SeqCst);
            if self.queue.is_empty() && self.asked.load(Ordering::SeqCst) == asked {
                thread::park();
            }
            self.asleep.store(false, Ordering::SeqCst);
            if self.asked.load(Ordering::SeqCst) == asked {
                thread::sleep(GATHER);
            }
        }
    }

    /// Writes all there is.
    fn write_all(&self, out: &mut dyn Write, batch: &mut Batch, note: Option<Note>, told: &mut u64) {
        while let Some(first) = self.queue.pop() {
            if batch.torn {
                batch.bytes.push(b'\n');
            }
            let dropped = self.dropped.load(Ordering::Relaxed);
            if let Some(note) = note.filter(|_| dropped > *told) {
                batch.bytes.extend_from_slice(note(dropped - *told).as_bytes());
            }
            *told = dropped;
            self.take(batch, first);
            while batch.bytes.len() < BATCH
                && let Some(line) = self.queue.pop()
            {
                self.take(batch, line);
            }
            // Nobody reads it any more: there is nobody to tell but whoever reads the metrics.
            batch.torn = out.write_all(&batch.bytes).and_then(|()| out.flush()).is_err();
            if batch.torn {
                self.dropped.fetch_add(batch.lines.len() as u64, Ordering::Relaxed);
                batch.lines.iter().for_each(|log| log.lose());
            }
            batch.clear();
        }
    }

    fn take(&self, batch: &mut Batch, (log, line): (Log, Vec<u8>)) {
        self.waiting.fetch_sub(line.capacity(), Ordering::Relaxed);
        batch.bytes.extend_from_slice(&line);
        batch.lines.push(log);
        self.keep(line);
    }
}

/// What is written in one call, and which log each of its lines is of.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    lines: Vec<Log>,
    /// The one before was not written to its end: who reads on must not take the rest for one line.
    torn: bool,
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(2 * BATCH);
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Hands over what is written, and waits to be allowed to go on.
    struct Gate {
        written: Sender<Vec<u8>>,
        open: Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.written.send(bytes.to_vec());
            self.open.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gate() -> (Box<Gate>, Receiver<Vec<u8>>, Sender<()>) {
        let (written, sees) = channel();
        let (opens, open) = channel();
        (Box::new(Gate { written, open }), sees, opens)
    }

    fn numbered(lines: std::ops::Range<usize>) -> Vec<u8> {
        lines.map(|n| format!("{n}\n")).collect::<String>().into_bytes()
    }

    #[test]
    fn a_blocked_reader_blocks_nobody_and_what_is_lost_is_counted() {
        let (out, sees, open) = gate();
        let lines = Lines::start(Log::Operational, out, Some(|n| format!("{n} missing\n"))).expect("a thread");
        lines.push(b"first\n".to_vec());
        assert_eq!(sees.recv().expect("written"), b"first\n");
        // The writer is blocked from here on.
        for n in 0..QUEUE + 7 {
            lines.push(format!("{n}\n").into_bytes());
        }
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 7);
        drop((0..100).map(|_| open.send(())).collect::<Vec<_>>());
        lines.flush();
        let all: Vec<u8> = sees.try_iter().flatten().collect();
        assert_eq!(all, [b"7 missing\n".to_vec(), numbered(0..QUEUE)].concat());
    }

    #[test]
    fn lines_are_written_whole_and_in_their_order_and_their_memory_is_used_again() {
        let (out, sees, open) = gate();
        let lines = Lines::start(Log::Operational, out, None).expect("a thread");
        for _ in 0..1_000 {
            let _ = open.send(());
        }
        for n in 0..5_000 {
            let mut line = lines.buffer();
            line.extend_from_slice(format!("{n}\n").as_bytes());
            lines.push(line);
        }
        lines.flush();
        assert_eq!(sees.try_iter().flatten().collect::<Vec<u8>>(), numbered(0..5_000));
        assert!(lines.buffer().capacity() > 0);
    }

    #[test]
    fn lines_that_nobody_takes_count_as_dropped() {
        let (out, sees, open) = gate();
        drop((sees, open));
        let lines = Lines::start(Log::Operational, out, None).expect("a thread");
        lines.push(b"a\n".to_vec());
        lines.push(b"b\n".to_vec());
        lines.flush();
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 2);
    }

    // No other test loses lines of these two logs, whose counts are the process's.
    #[test]
    fn what_is_lost_counts_for_its_log_on_a_queue_that_two_share() {
        let (out, sees, open) = gate();
        let lines = Lines::start(Log::Access, out, None).expect("a thread");
        lines.push(b"first\n".to_vec());
        assert_eq!(sees.recv().expect("written"), b"first\n");
        for _ in 0..QUEUE {
            lines.push_of(Log::Emf, b"{}\n".to_vec());
        }
        assert_eq!((Log::Access.lost(), Log::Emf.lost()), (0, 0));
        lines.push(b"a\n".to_vec());
        lines.push_of(Log::Emf, b"{}\n".to_vec());
        lines.push(b"a\n".to_vec());
        assert_eq!((Log::Access.lost(), Log::Emf.lost()), (2, 1));
        // The one line that is being written, and all that wait.
        drop((sees, open));
        lines.flush();
        assert_eq!((Log::Access.lost(), Log::Emf.lost()), (3, 1 + QUEUE as u64));
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 4 + QUEUE as u64);
    }

    #[test]
    fn long_lines_fill_the_queue_before_memory() {
        let (out, sees, open) = gate();
        let lines = Lines::start(Log::Operational, out, None).expect("a thread");
        lines.push(b"first\n".to_vec());
        assert_eq!(sees.recv().expect("written"), b"first\n");
        for _ in 0..20 {
            lines.push(vec![b'x'; WAITING / 10]);
        }
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 9);
        drop((0..100).map(|_| open.send(())).collect::<Vec<_>>());
        lines.flush();
        lines.push(b"last\n".to_vec());
        lines.flush();
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 9, "there is room again");
    }

    /// Takes half of the first thing, and no more of it.
    struct Half(Sender<Vec<u8>>, usize);

    impl Write for Half {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            let count = if self.1 == 1 { bytes.len() / 2 } else { bytes.len() };
            if self.1 == 2 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let _ = self.0.send(bytes[..count].to_vec());
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_broke_off_spoils_no_other() {
        let (written, sees) = channel();
        let lines = Lines::start(Log::Operational, Box::new(Half(written, 0)), None).expect("a thread");
        for line in ["aaaaaaa\n", "b\n", "c\n"] {
            lines.push(line.into());
            lines.flush();
        }
        assert_eq!(sees.try_iter().flatten().collect::<Vec<u8>>(), b"aaaa\nb\nc\n");
    }

    #[test]
    fn an_end_does_not_wait_for_a_reader_for_ever() {
        let (out, sees, _open) = gate();
        let lines = Lines::start(Log::Operational, out, None).expect("a thread");
        lines.push(b"a\n".to_vec());
        assert_eq!(sees.recv().expect("written"), b"a\n");
        lines.flush();
    }
}
