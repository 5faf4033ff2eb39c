//! What the end-to-end tests stand on: processes, databases, a whole lab of both servers.

pub(crate) mod browser;
pub(crate) mod chaos;
pub(crate) mod cli;
pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod counts;
pub(crate) mod database;
pub(crate) mod device;
pub(crate) mod environment;
pub(crate) mod http;
pub(crate) mod lab;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod pgbouncer;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod small_disk;
pub(crate) mod strace;
pub(crate) mod visitor;
pub(crate) mod wait;

pub(crate) use database::Engine;
pub(crate) use http::Answer;
pub(crate) use lab::{Credentials, Lab};
pub(crate) use process::Server;

/// Runs one async body as two tests, `NAME::on_sqlite` and `NAME::on_postgres`: `on_both!(NAME, |engine| { .. });`.
macro_rules! on_both {
    ($name:ident, |$engine:ident| $body:block) => {
        mod $name {
            use super::*;

            async fn body($engine: crate::harness::Engine) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                body(crate::harness::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                body(crate::harness::Engine::Postgres).await;
            }
        }
    };
}
