//! The authorization server: issues, revokes and introspects tokens.
