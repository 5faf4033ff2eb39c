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
    mod redaction;
    mod retries;
    mod revoke_introspect;
    mod session;
    mod store;
    mod tls;
    mod token;
}
