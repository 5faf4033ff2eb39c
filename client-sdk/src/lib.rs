//! What client apps call: get a token, keep it, use it.
