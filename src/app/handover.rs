//! Listening sockets, from a process that is replaced to the one that replaces it.
//!
//! The new process waits at a socket of its own until the old one sends what it listens on, then
//! answers once it accepts connections; only then does the old one stop. Both have the same sockets in
//! between, so that no connection is refused and none waits for a process that is gone.
//!
//! **Invariant:** sockets go to and come from a process of the same user, or of root. The place has its mode from its first
//! moment on, and each side asks the kernel who the other is.

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
/// The time between two looks at whether somebody has come.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for this long, and returns whether the process has been told to stop.
pub(super) type Pause<'p> = &'p mut dyn FnMut(Duration) -> bool;

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
        let listener = bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Place { listener, path: path.to_owned() })
    }

    /// Waits for the old process. `None` where this one has been told to stop before anything was handed over.
    pub(super) fn wait(self, patience: Duration, pause: Pause<'_>) -> io::Result<Option<Inherited>> {
        let give_up = Instant::now() + patience;
        loop {
            match self.listener.accept() {
                Ok((old, _)) => match take(old, pause) {
                    Ok(inherited) => return Ok(inherited),
                    // Who comes and says nothing has only looked whether somebody waits here.
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {}
                    Err(e) if e.kind() == io::ErrorKind::PermissionDenied => log::warn!("{e}; waiting on"),
                    Err(e) => return Err(e),
                },
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(e),
                Err(_) if Instant::now() >= give_up => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) if pause(LOOK) => return Ok(None),
                Err(_) => {}
            }
        }
    }
}

/// Takes the sockets of an old process that has come, once it sends them.
fn take(mut old: UnixStream, pause: Pause<'_>) -> io::Result<Option<Inherited>> {
    check_peer(&old)?;
    old.set_nonblocking(true)?;
    let give_up = Instant::now() + PATIENCE;
    let sockets = loop {
        match receive(&mut old) {
            Ok(sockets) => break sockets,
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(e),
            Err(_) if Instant::now() >= give_up => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) if pause(LOOK) => return Ok(None),
            Err(_) => {}
        }
    };
    Ok(Some(Inherited { sockets, old: Some(old) }))
}

/// Binds a socket that only this user can reach, from its first moment on: Linux gives the file the mode of the socket.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let mode = fs::Permissions::from_mode(0o600);
    // As a file, for its mode.
    let socket =
        fs::File::from(OwnedFd::from(socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?));
    if cfg!(target_os = "linux") {
        socket.set_permissions(mode.clone())?;
    }
    let socket = socket2::Socket::from(OwnedFd::from(socket));
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    if cfg!(not(target_os = "linux")) {
        fs::set_permissions(path, mode)?;
    }
    socket.listen(1)?;
    Ok(UnixListener::from(OwnedFd::from(socket)))
}

/// Fails unless the process at the other end is of this user, or of root.
#[cfg(target_os = "linux")]
fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    if may_be_given_sockets(peer.uid, rustix::process::geteuid()) {
        return Ok(());
    }
    let said = format!("process {} of user {} is at the other end", peer.pid, peer.uid.as_raw());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, said))
}

/// Elsewhere the mode of the socket has to do.
#[cfg(not(target_os = "linux"))]
fn check_peer(_stream: &UnixStream) -> io::Result<()> {
    Ok(())
}

fn may_be_given_sockets(peer: rustix::process::Uid, own: rustix::process::Uid) -> bool {
    peer == own || peer.is_root()
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
    check_peer(&new)?;
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
    // The rest, if there is any, is on its way.
    old.set_nonblocking(false)?;
    old.set_read_timeout(Some(PATIENCE))?;
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

    fn going_on(time: Duration) -> bool {
        std::thread::sleep(time);
        false
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
            let mut inherited = place.wait(PATIENCE, &mut going_on).expect("no error").expect("handed over");
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
            drop(place.wait(PATIENCE, &mut going_on).expect("no error").expect("handed over"));
            assert!(old.join().expect("no panic").is_err());
        });
    }

    #[test]
    fn nobody_there_is_an_error_on_either_side() {
        let (_folder, path) = folder();
        assert!(hand_over(&path, &listening(&["a"]).0).is_err());
        let waited = Place::new(&path).expect("a place").wait(Duration::from_millis(1), &mut going_on);
        assert_eq!(waited.err().map(|e| e.kind()), Some(io::ErrorKind::TimedOut));
    }

    #[test]
    fn a_place_that_was_left_behind_is_taken_and_one_in_use_is_not() {
        let (_folder, path) = folder();
        drop(UnixListener::bind(&path).expect("bound"));
        let _place = Place::new(&path).expect("nobody waits there any more");
        assert_eq!(Place::new(&path).err().map(|e| e.kind()), Some(io::ErrorKind::AddrInUse));
    }

    #[test]
    fn the_socket_is_this_users_from_its_first_moment_on() {
        let (_folder, path) = folder();
        let _listener = bind(&path).expect("bound");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn sockets_go_to_the_same_user_and_to_root() {
        let uid = rustix::process::Uid::from_raw;
        assert!(may_be_given_sockets(uid(1_000), uid(1_000)) && may_be_given_sockets(uid(0), uid(1_000)));
        assert!(!may_be_given_sockets(uid(1_000), uid(0)) && !may_be_given_sockets(uid(1_001), uid(1_000)));
        let (_folder, path) = folder();
        let _listener = bind(&path).expect("bound");
        check_peer(&UnixStream::connect(&path).expect("somebody listens")).expect("ourselves");
    }

    #[test]
    fn who_only_looks_whether_somebody_waits_ends_nothing() {
        let (_folder, path) = folder();
        let place = Place::new(&path).expect("a place");
        assert_eq!(Place::new(&path).err().map(|e| e.kind()), Some(io::ErrorKind::AddrInUse));
        let (sockets, _) = listening(&["a"]);
        std::thread::scope(|scope| {
            let old = scope.spawn(|| hand_over(&path, &sockets));
            let inherited = place.wait(PATIENCE, &mut going_on).expect("no error").expect("handed over");
            inherited.serving().expect("the old process hears it");
            old.join().expect("no panic").expect("handed over");
        });
    }

    #[test]
    fn who_is_told_to_stop_waits_no_longer() {
        let (_folder, path) = folder();
        let place = Place::new(&path).expect("a place");
        assert!(place.wait(PATIENCE, &mut |_| true).expect("no error").is_none());
        let place = Place::new(&path).expect("a place");
        // Connected, and nothing sent.
        let _old = UnixStream::connect(&path).expect("somebody waits");
        assert!(place.wait(PATIENCE, &mut |_| true).expect("no error").is_none());
        assert!(!path.exists());
    }
}
