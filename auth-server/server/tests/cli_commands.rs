//! The real binary, in private directories: every command, every refusal.

#[cfg(test)]
mod cli {
    mod audit;
    mod clients;
    mod completions;
    mod configuration;
    mod database;
    mod doctor;
    mod files;
    mod harness;
    mod help;
    mod import;
    mod keys;
    mod log;
    mod log_reader;
    mod output;
    mod postgres;
    mod reading;
    mod refusals;
    mod resources;
    mod revocations;
    mod secrets;
    mod server;
    #[path = "../../../../tests/harness/stalled_log.rs"]
    mod stalled_log;
    mod terminal;
    mod tokens;
    mod updates;
}
