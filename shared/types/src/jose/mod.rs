//! The one strict JOSE verifier: signatures by aws-lc-rs with keys parsed once, header and claims checked here.
