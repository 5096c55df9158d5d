//! A port on loopback, and a thread for each connection to it: what stand-ins that speak HTTP/1 are made of.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A port that takes connections. Dropped, it stops.
pub struct Accepting {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Accepting {
    /// Serves each connection on a thread of its own.
    pub fn start(serve: impl Fn(&TcpStream) + Send + Sync + 'static) -> Accepting {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stopping, serve) = (Arc::<AtomicBool>::default(), Arc::new(serve));
        let is_stopping = Arc::clone(&stopping);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_stopping.load(Ordering::Relaxed) {
                    return;
                }
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(&stream));
            }
        });
        Accepting { address, stopping, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the accepting thread, which then sees that it should stop.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
