//! `db roles`: the rights of the server's role, table by table, and the time-outs that it carries.

use serde_json::json;

use super::context::Context;
use super::output::{Report, note};
use super::{CliError, table};
use crate::store::{RoleStatements, Store, StoreError};

/// Prints the statements, or runs them.
pub(super) async fn run(cx: &Context, apply: bool, role: Option<String>) -> Result<Report, CliError> {
    if cx.settings().database.is_sqlite() {
        return Err(CliError::new("SQLite has no roles", "db roles is for PostgreSQL; see database.url"));
    }
    let role = role.or_else(|| cx.settings().database.role()).ok_or_else(|| {
        CliError::new(
            "database.url names no user",
            "name the server role with --role ROLE, or put it into the URL",
        )
    })?;
    let store = if apply { Some(cx.store().await?) } else { cx.store_to_read().await? };
    let store =
        store.ok_or_else(|| CliError::new("there is no database yet", "auth-server db migrate makes it"))?;
    let statements = store.roles_sql(&role).await?;
    if Some(&role) == cx.settings().database.as_admin().role().as_ref() {
        note(&format!("{role} is the admin role, too: give the server a role of its own in database.url"));
    }
    let all: Vec<&String> = statements.rights.iter().chain(&statements.limits).collect();
    if !apply {
        let sql: Vec<&str> = all.iter().map(|sql| sql.as_str()).collect();
        let text = format!("{};\n-- db roles --apply runs these", sql.join(";\n"));
        let document = json!({ "role": role, "applied": false, "statements": all, "limits_applied": false });
        return Ok(Report::new(document, text));
    }
    let act = cx.act("db roles", &role).with_detail(json!({ "statements": statements.rights.len() }));
    store.apply_roles(&role, Some(&act)).await?;
    let limited = apply_limits((&store, &statements), &role, cx).await?;
    let rights = table::count(statements.rights.len(), "statement", "statements");
    let carries = if limited { ", and carries its time-outs" } else { "" };
    let text = format!("the role {role} has the server's rights: {rights}{carries}");
    let document = json!({ "role": role, "applied": true, "statements": all, "limits_applied": limited });
    Ok(Report::new(document, text))
}

/// The owner of the tables may give rights on them, but a role's settings belong to who may create roles, and to the
/// role itself. Where neither can be had, the server sets them in each of its sessions: only a pooler in transaction
/// mode wants them in the role.
async fn apply_limits(
    (store, statements): (&Store, &RoleStatements),
    role: &str,
    cx: &Context,
) -> Result<bool, CliError> {
    match store.apply_role_limits(&statements.limits).await {
        Ok(()) => return Ok(true),
        Err(StoreError::NotPermitted(_)) => {}
        Err(other) => return Err(other.into()),
    }
    let database = &cx.settings().database;
    if database.role().as_deref() == Some(role)
        && let Ok(server) = Store::connect(&database.for_one_command()).await
        && server.apply_role_limits(&statements.limits).await.is_ok()
    {
        return Ok(true);
    }
    note(&format!(
        "warning: the time-outs of {role} were not set in the role, as neither this role may do that nor could {role} \
         connect; run as a superuser: {}",
        statements.limits.join("; ")
    ));
    Ok(false)
}
