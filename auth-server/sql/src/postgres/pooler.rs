//! Poolers between this program and PostgreSQL.
//!
//! In session mode a pooler is a longer cable. In transaction mode each transaction may run on another server
//! connection: what `SET` says reaches somebody else, and a prepared statement of one client can be taken for another's
//! of the same name, unless the pooler keeps track of them (PgBouncer from 1.21 with `max_prepared_statements`).

use std::net::IpAddr;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use super::PostgresPlan;
use crate::Pooling;
use crate::open::NoConnection;

/// Where the server connection ends, as the server sees it. `port` without `address` is a Unix socket.
const FAR_END: &str = "SELECT pg_backend_pid() AS pid, CAST(host(inet_server_addr()) AS TEXT) AS address, \
     CAST(current_setting('port') AS INTEGER) AS port";
const PID: &str = "SELECT pg_backend_pid() AS pid";
/// Whether two clients take turns on one server connection shows at once; with several it takes a few.
const TURNS: usize = 3;

/// Looks at the way to the database once: refuses a pooler that hands out transactions where sessions are expected, and
/// one that cannot keep prepared statements apart.
pub(super) async fn look(plan: &PostgresPlan, connection: &mut PgConnection) -> Result<(), NoConnection> {
    let explain = |error: sqlx::Error| plan.target.explain(&error);
    match plan.pooling {
        Pooling::Transaction if plan.may_probe => {
            let mut second = plan.connect().await?;
            let apart = statements_stay_apart(connection, &mut second).await;
            let _closed = second.close().await;
            apart.map_err(|error| match error {
                None => NoConnection::lasting(format!("{}: {NOT_TRACKED}", plan.target)),
                Some(error) => explain(error),
            })
        }
        Pooling::Transaction => Ok(()),
        Pooling::Session => {
            if !plan.may_probe || ends_where_it_leads(plan, connection).await.map_err(explain)? {
                return Ok(());
            }
            let mut second = plan.connect().await?;
            let shared = takes_turns(connection, &mut second).await;
            let _closed = second.close().await;
            if shared.map_err(explain)? {
                return Err(NoConnection::lasting(format!("{}: {TRANSACTION_MODE}", plan.target)));
            }
            Ok(())
        }
    }
}

const TRANSACTION_MODE: &str = "a pooler hands out the server's connections by transaction, so that session settings and \
     prepared statements do not hold; set pool_mode = session for this database, or, with PgBouncer 1.21 or newer and its \
     max_prepared_statements above 0, database.pooling = \"transaction\"";

/// What is said where a pooler mixes up prepared statements.
pub(crate) const NOT_TRACKED: &str = "the pooler does not keep the prepared statements of its clients apart; \
     set pool_mode = session for this database, or use PgBouncer 1.21 or newer with max_prepared_statements above 0";

/// Whether the server connection ends where the URL leads, so that nothing is in between.
async fn ends_where_it_leads(
    plan: &PostgresPlan,
    connection: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    let row = connection.fetch_one(sqlx::raw_sql(FAR_END)).await?;
    let address: Option<String> = row.try_get("address")?;
    let port: i32 = row.try_get("port")?;
    let options = &plan.options;
    if i32::from(options.get_port()) != port {
        return Ok(false);
    }
    let socket = options.get_socket().is_some() || options.get_host().starts_with('/');
    let Some(address) = address.and_then(|text| text.parse::<IpAddr>().ok()) else { return Ok(socket) };
    if socket {
        return Ok(false);
    }
    let host = options.get_host().trim_start_matches('[').trim_end_matches(']').to_owned();
    // A name that is not found any more is as good as another address: then the second connection tells.
    let led_to = tokio::net::lookup_host((host, options.get_port())).await;
    Ok(led_to.is_ok_and(|mut all| all.any(|one| one.ip().to_canonical() == address.to_canonical())))
}

/// Whether two clients that hold their connections at the same time are served by one server process.
async fn takes_turns(first: &mut PgConnection, second: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let own = pid(first).await?;
    for _ in 0..TURNS {
        if pid(second).await? == own || pid(first).await? != own {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn pid(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    connection.fetch_one(sqlx::raw_sql(PID)).await?.try_get("pid")
}

/// Whether two clients can prepare different statements under one name, as each driver counts its own from 1. `Err(None)`:
/// they cannot.
async fn statements_stay_apart(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<(), Option<sqlx::Error>> {
    for _ in 0..TURNS {
        let one = answer(first, "SELECT 1 AS answer").await?;
        let two = answer(second, "SELECT 2 AS answer").await?;
        if (one, two) != (1, 2) {
            return Err(None);
        }
    }
    Ok(())
}

async fn answer(connection: &mut PgConnection, sql: &'static str) -> Result<i32, Option<sqlx::Error>> {
    let row = sqlx::query(sql).fetch_one(connection).await.map_err(|error| {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if code.is_some_and(|code| is_mixed_up(&code)) { None } else { Some(error) }
    })?;
    row.try_get("answer").map_err(Some)
}

/// `duplicate_prepared_statement` and `invalid_sql_statement_name`, which no driver causes on a connection of its own.
pub(crate) fn is_mixed_up(code: &str) -> bool {
    matches!(code, "42P05" | "26000")
}
