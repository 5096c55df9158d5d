//! The TLS library that sources use.

/// Makes TLS to a source use the same library as everything else.
pub(super) fn use_ring() {
    // Err: somebody has chosen already, and it is the only choice there is.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
