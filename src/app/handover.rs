//! Listening sockets, from a process that is replaced to the one that replaces it.
//!
//! The new process waits at a socket of its own until the old one sends what it listens on, then
//! answers once it accepts connections; only then does the old one stop. Both have the same sockets in
//! between, so that no connection is refused and none waits for a process that is gone.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

/// Sockets that one message can carry; the kernel takes up to 253.
const MOST: usize = 64;
/// Bytes of their names.
const NAMES: usize = 8 * 1024;
/// How long either side waits for the other, once both are there.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the new process says when it accepts connections.
const SERVING: u8 = b'+';

/// Where a new process waits for the sockets of the old one. Dropped, the place is gone.
pub(super) struct Place {
    listener: UnixListener,
    path: PathBuf,
}

/// What an old process has handed over.
#[derive(Default)]
pub(super) struct Inherited {
    sockets: Vec<(String, TcpListener)>,
    /// The old process, which waits to hear that we serve.
    old: Option<UnixStream>,
}

impl Place {
    /// Only who may act as this user can reach it.
    pub(super) fn new(path: &Path) -> io::Result<Place> {
        // What is left of a process that was killed while it waited would be in the way.
        match UnixStream::connect(path) {
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process waits there")),
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Place { listener, path: path.to_owned() })
    }

    /// Waits for the old process.
    pub(super) fn wait(self, patience: Duration) -> io::Result<Inherited> {
        let give_up = Instant::now() + patience;
        let mut old = loop {
            match self.listener.accept() {
                Ok((old, _)) => break old,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && Instant::now() < give_up => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::TimedOut.into()),
                Err(e) => return Err(e),
            }
        };
        old.set_nonblocking(false)?;
        old.set_read_timeout(Some(PATIENCE))?;
        let sockets = receive(&mut old)?;
        Ok(Inherited { sockets, old: Some(old) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Inherited {
    /// The socket for an address as the settings write it, if the old process had it. One that is not
    /// asked for closes with this.
    pub(super) fn take(&mut self, name: &str) -> Option<TcpListener> {
        let at = self.sockets.iter().position(|(known, _)| known == name)?;
        Some(self.sockets.remove(at).1)
    }

    /// Tells the old process that we accept connections, and it may stop.
    pub(super) fn serving(self) -> io::Result<()> {
        match self.old {
            Some(mut old) => old.write_all(&[SERVING]),
            None => Ok(()),
        }
    }
}

/// Sends sockets with their names to the process that waits at a place; returns once it serves.
pub(super) fn hand_over(place: &Path, sockets: &[(String, OwnedFd)]) -> io::Result<()> {
    let mut new = UnixStream::connect(place)?;
    new.set_read_timeout(Some(PATIENCE))?;
    new.set_write_timeout(Some(PATIENCE))?;
    let names: Vec<&str> = sockets.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join("\n") + "\n\n";
    if sockets.len() > MOST || names.len() > NAMES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("more than {MOST} listeners")));
    }
    let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().map(|(_, socket)| socket.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("the sockets do not fit one message"));
    }
    let sent = sendmsg(&new, &[IoSlice::new(names.as_bytes())], &mut control, SendFlags::empty())?;
    new.write_all(&names.as_bytes()[sent..])?;
    let mut answer = [0];
    new.read_exact(&mut answer)?;
    if answer[0] == SERVING { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// The sockets come with the first bytes of their names.
fn receive(old: &mut UnixStream) -> io::Result<Vec<(String, TcpListener)>> {
    let mut names = vec![0; NAMES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(&*old, &mut [IoSliceMut::new(&mut names)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut sockets: Vec<TcpListener> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            sockets.extend(descriptors.map(TcpListener::from));
        }
    }
    let mut length = got.bytes;
    while !names[..length].ends_with(b"\n\n") {
        match old.read(&mut names[length..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => length += read,
        }
    }
    let names = std::str::from_utf8(&names[..length]).map_err(|_| io::ErrorKind::InvalidData)?;
    let names: Vec<String> = names.trim_end().split('\n').map(str::to_owned).collect();
    if names.len() != sockets.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "other sockets than names"));
    }
    Ok(names.into_iter().zip(sockets).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("upgrade.sock");
        (folder, path)
    }

    fn listening(names: &[&str]) -> (Vec<(String, OwnedFd)>, Vec<std::net::SocketAddr>) {
        let bound: Vec<_> = names.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let addresses = bound.iter().map(|listener| listener.local_addr().expect("bound")).collect();
        (names.iter().map(|name| (*name).to_owned()).zip(bound.into_iter().map(OwnedFd::from)).collect(), addresses)
    }

    #[test]
    fn a_socket_arrives_by_its_name_with_what_waits_in_it() {
        let (_folder, path) = folder();
        let place = Place::new(&path).expect("a place");
        let (sockets, addresses) = listening(&["0.0.0.0:8080", "127.0.0.1:9901"]);
        let _waiting = TcpStream::connect(addresses[1]).expect("accepted by the kernel");
        std::thread::scope(|scope| {
            let old = scope.spawn(|| hand_over(&path, &sockets));
            let mut inherited = place.wait(PATIENCE).expect("handed over");
            let admin = inherited.take("127.0.0.1:9901").expect("it is there");
            assert!(inherited.take("127.0.0.1:1").is_none());
            assert_eq!(admin.local_addr().expect("an address"), addresses[1]);
            admin.accept().expect("the connection that waited");
            inherited.serving().expect("the old process hears it");
            old.join().expect("no panic").expect("it knows that the new one serves");
        });
        assert!(!path.exists(), "the place is gone");
    }

    #[test]
    fn a_new_process_that_fails_keeps_the_old_one_serving() {
        let (_folder, path) = folder();
        let place = Place::new(&path).expect("a place");
        let (sockets, _) = listening(&["a"]);
        std::thread::scope(|scope| {
            let old = scope.spawn(|| hand_over(&path, &sockets));
            drop(place.wait(PATIENCE).expect("handed over"));
            assert!(old.join().expect("no panic").is_err());
        });
    }

    #[test]
    fn nobody_there_is_an_error_on_either_side() {
        let (_folder, path) = folder();
        assert!(hand_over(&path, &listening(&["a"]).0).is_err());
        let waited = Place::new(&path).expect("a place").wait(Duration::from_millis(1));
        assert_eq!(waited.err().map(|e| e.kind()), Some(io::ErrorKind::TimedOut));
    }

    #[test]
    fn a_place_that_was_left_behind_is_taken_and_one_in_use_is_not() {
        let (_folder, path) = folder();
        drop(UnixListener::bind(&path).expect("bound"));
        let _place = Place::new(&path).expect("nobody waits there any more");
        assert_eq!(Place::new(&path).err().map(|e| e.kind()), Some(io::ErrorKind::AddrInUse));
    }
}
