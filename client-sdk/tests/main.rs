//! The SDK against servers in this process, over real sockets. One binary, a module a topic.

#[cfg(test)]
mod mock;
#[cfg(test)]
mod suite {
    mod api;
    mod blocking;
    mod discovery;
    mod examples;
    mod layer;
    mod legacy;
    mod limits;
    mod processes;
    mod proxy;
    mod redaction;
    mod refusals;
    mod retries;
    mod revoke_introspect;
    mod session;
    mod session_key;
    mod store;
    mod tls;
    mod token;
    mod words;
}
