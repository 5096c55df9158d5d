//! Which TLS handshakes with the endpoint were full, and which resumed a session.
//!
//! Pingora keeps the TLS of its connections to itself and tells only version and cipher. But it asks the
//! process's crypto provider to verify what servers sign, and a server signs its handshake unless that
//! resumes a session (RFC 8446 section 2.2, RFC 5246 section 7.3). So our provider, else rustls's own, notes
//! the task in which such a signature was verified; a request connects in one task.
//!
//! **Invariant:** one lock for each new connection, and none for a request on one that was kept.

use std::collections::VecDeque;
use std::sync::OnceLock;

use parking_lot::Mutex;
use rustls::SignatureScheme;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{AlgorithmIdentifier, FipsStatus, InvalidSignature, SignatureVerificationAlgorithm};
use tokio::task::{self, Id};

use crate::telemetry::metrics::Handshake;

/// Notes that may wait to be taken. One waits from the server's signature to the end of its handshake, as a
/// rule in the same packet, and for good where the request ends in between or was none of the proxy's.
const MOST: usize = 1_024;

static NOTES: Notes = Notes(Mutex::new(VecDeque::new()));

/// The tasks that have verified a signature, the oldest first.
struct Notes(Mutex<VecDeque<Id>>);

impl Notes {
    fn add(&self, task: Id) {
        let mut tasks = self.0.lock();
        if tasks.len() == MOST {
            tasks.pop_front();
        }
        tasks.push_back(task);
    }

    /// Takes what there is of a task; says whether there was any.
    fn take(&self, task: Id) -> bool {
        let mut tasks = self.0.lock();
        let before = tasks.len();
        tasks.retain(|noted| *noted != task);
        tasks.len() < before
    }
}

/// Whether the process's provider is ours.
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// Makes our provider the process's, before somebody else does so with one that notes nothing.
pub(crate) fn install() {
    let installed = INSTALLED.get_or_init(|| provider().install_default().is_ok());
    if !installed {
        log::warn!("TLS handshakes with the endpoint are not counted by kind: the process has another crypto provider");
    }
}

fn provider() -> CryptoProvider {
    let provider = ring::default_provider();
    let known = provider.signature_verification_algorithms;
    let noting = |(scheme, algorithms): &(SignatureScheme, &'static [&'static dyn SignatureVerificationAlgorithm])| {
        let algorithms: Vec<_> = algorithms.iter().map(|algorithm| Noting::leak(*algorithm)).collect();
        (*scheme, &*algorithms.leak())
    };
    // Those of `all` verify certificates, how many and whether at all depends on the chain; those of
    // `mapping` what the server signs.
    let mapping = known.mapping.iter().map(noting).collect::<Vec<_>>().leak();
    CryptoProvider { signature_verification_algorithms: WebPkiSupportedAlgorithms { mapping, ..known }, ..provider }
}

/// This task begins a connection.
pub(crate) fn begin() {
    if let Some(task) = task::try_id() {
        NOTES.take(task);
    }
}

/// How the handshake of this task's new connection went, where that can be told.
pub(crate) fn ended() -> Option<Handshake> {
    let task = task::try_id().filter(|_| INSTALLED.get() == Some(&true))?;
    Some(if NOTES.take(task) { Handshake::Full } else { Handshake::Resumed })
}

/// An algorithm that notes when it has verified a signature.
#[derive(Debug)]
struct Noting(&'static dyn SignatureVerificationAlgorithm);

impl Noting {
    /// Providers name their algorithms for good; this is once for each process.
    fn leak(algorithm: &'static dyn SignatureVerificationAlgorithm) -> &'static dyn SignatureVerificationAlgorithm {
        Box::leak(Box::new(Noting(algorithm)))
    }
}

impl SignatureVerificationAlgorithm for Noting {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify_signature(key, message, signature)?;
        if let Some(task) = task::try_id() {
            NOTES.add(task);
        }
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }

    fn fips_status(&self) -> FipsStatus {
        self.0.fips_status()
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of so many tasks.
    fn tasks(count: usize) -> Vec<Id> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        (0..count).map(|_| runtime.spawn(async {}).id()).collect()
    }

    #[test]
    fn a_note_is_its_tasks_and_is_taken_once() {
        let notes = Notes(Mutex::default());
        let [one, other, third] = tasks(3)[..] else { panic!("three") };
        // TLS 1.2 tries algorithms in turn: more than one may note.
        [one, other, one].into_iter().for_each(|task| notes.add(task));
        assert_eq!([third, one, one, other, other].map(|task| notes.take(task)), [false, true, false, true, false]);
    }

    #[test]
    fn notes_that_nobody_takes_give_way_to_new_ones() {
        let notes = Notes(Mutex::default());
        let tasks = tasks(MOST + 1);
        tasks.iter().for_each(|task| notes.add(*task));
        assert_eq!(notes.0.lock().len(), MOST);
        assert!(!notes.take(tasks[0]) && notes.take(tasks[1]) && notes.take(tasks[MOST]));
    }

    #[test]
    fn what_verifies_certificates_notes_nothing() {
        let (ours, theirs) = (provider(), ring::default_provider());
        let (ours, theirs) = (ours.signature_verification_algorithms, theirs.signature_verification_algorithms);
        assert_eq!(ours.supported_schemes(), theirs.supported_schemes());
        assert!(ours.all.iter().all(|algorithm| !format!("{algorithm:?}").contains("Noting")));
        assert!(ours.mapping.iter().all(|(_, list)| list.iter().all(|a| format!("{a:?}").contains("Noting"))));
    }
}
