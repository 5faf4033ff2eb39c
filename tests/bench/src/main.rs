//! `./bench`: our servers beside the limit that the same stack reaches on the same core, in the same run.

mod arguments;
mod certificate;
mod database;
mod issuer;
mod limit;
mod limit_sql;
mod load;
mod machine;
mod measure;
mod process;
mod profile;
mod report;
mod sample;
mod sections;
mod verifier;

use arguments::{Arguments, Mode};
use clap::Parser;

/// The limit is this stack at its best, so it has the servers' allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    trefoil_serve::install_crypto_provider();
    // One thread: the limit stands on one core, and the load must leave the other core to the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let arguments = Arguments::parse();
    runtime.block_on(async {
        match &arguments.mode {
            Some(Mode::Limit(limit)) => limit::serve(limit).await,
            Some(Mode::Profile(profile)) => profile::run(&arguments, profile).await,
            None => sections::run(&arguments).await,
        }
    })
}
