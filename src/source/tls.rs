//! The TLS library that sources use.

/// TLS to a source goes through the same library as everything else; it has to be told.
pub(super) fn use_ring() {
    // Err: somebody has chosen already, and it is the only choice there is.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
