//! `audit list`.

use serde_json::{Value, json};
use trefoil_shared::Timestamp;

use super::args::AuditCommand;
use super::context::Context;
use super::output::Report;
use super::table::{fixed, optional, prose};
use super::{CliError, table, when};
use crate::store::AuditEntry;

/// Runs it.
pub(super) async fn run(command: AuditCommand, cx: &Context) -> Result<Report, CliError> {
    let AuditCommand::List { limit } = command;
    let entries = match cx.store_to_read().await? {
        Some(store) => store.audit(i64::from(limit)).await?,
        None => Vec::new(),
    };
    let now = cx.now();
    let row = |entry: &AuditEntry| {
        let act = &entry.act;
        vec![
            when::rfc3339(act.at),
            act.actor.clone(),
            when::relative(act.at, now),
            act.action.clone(),
            act.target.clone(),
            detail(&act.detail),
        ]
    };
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    let text = if rows.is_empty() {
        "nothing yet: every act of an administrator will stand here".to_owned()
    } else {
        let columns =
            [fixed("when"), optional("who"), optional("age"), fixed("what"), fixed("on"), prose("detail")];
        table::list(cx.screen, &columns, &rows)
    };
    Ok(Report::new(json!(entries), text))
}

/// `name=value` for each member; what an update changed as `name=before->after`. Members without a value are left out.
fn detail(detail: &Value) -> String {
    let Value::Object(members) = detail else { return plain(detail) };
    let shown = members.iter().filter(|(_, value)| !plain(value).is_empty());
    let of_member = |(name, value): (&String, &Value)| match value.as_object() {
        Some(change) if change.len() == 2 && change.contains_key("from") && change.contains_key("to") => {
            let side = |side: &str| change.get(side).map(|value| timed(name, value)).unwrap_or_default();
            let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
            format!("{name}={}->{}", or_none(side("from")), or_none(side("to")))
        }
        Some(_) | None => format!("{name}={}", timed(name, value)),
    };
    shown.map(of_member).collect::<Vec<_>>().join(" ")
}

/// Members that are times are numbers of seconds in the document.
fn timed(name: &str, value: &Value) -> String {
    match value.as_i64() {
        Some(at) if name.ends_with("_at") => when::rfc3339(Timestamp(at)),
        Some(_) | None => plain(value),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Object(members) => {
            let pairs = members.iter().map(|(name, value)| format!("{name}:{}", timed(name, value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u05_details_are_read_as_names_and_values() {
        let act = json!({ "name": "Ann", "scopes": ["read", "write"], "gone": null, "expires_at": 0 });
        assert_eq!(detail(&act), "expires_at=1970-01-01T00:00:00Z name=Ann scopes=read,write");
        let update = json!({
            "audience": { "from": "a", "to": "b" }, "token_lifetime": { "from": null, "to": 60 },
        });
        assert_eq!(detail(&update), "audience=a->b token_lifetime=none->60");
        assert_eq!(detail(&Value::Null), "");
    }
}
