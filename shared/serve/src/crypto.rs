//! The process-wide crypto provider of rustls.

/// Makes aws-lc-rs the provider of every rustls configuration in this process. Safe to call more than once.
pub fn install_crypto_provider() {
    // An error only says that a provider is installed already; ours is the only one in the dependency tree.
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
