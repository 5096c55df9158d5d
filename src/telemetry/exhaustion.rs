//! What the process can run out of.

/// Whether the system has run out of descriptors or memory, which says nothing of the other side.
pub(crate) fn is_exhaustion(e: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let codes = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    e.raw_os_error().is_some_and(|code| codes.iter().any(|known| known.raw_os_error() == code))
}
