//! What each running server reports of itself (decision 10).

use std::collections::BTreeMap;

use trefoil_shared::Timestamp;

use super::client_rows::json;
use super::statement::{Row, Statement};
use super::{Store, StoreError};

/// A replica that has not reported for this long is not alive, in seconds.
const ALIVE: i64 = 30;

const REPORT: &str = "INSERT INTO replicas (replica_id, kids, seen_at) VALUES ($1, $2, $3) \
     ON CONFLICT (replica_id) DO UPDATE SET kids = excluded.kids, seen_at = excluded.seen_at";
const LIVE: &str = "SELECT replica_id, kids, seen_at FROM replicas WHERE seen_at > $1 ORDER BY replica_id";
const LEAVE: &str = "DELETE FROM replicas WHERE replica_id = $1";

/// A running server.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Replica {
    /// Its id.
    pub id: String,
    /// The kids whose private halves it holds, and since when it publishes each.
    pub kids: BTreeMap<String, Timestamp>,
    /// When it last said so.
    pub seen_at: Timestamp,
}

impl Store {
    /// Says which private halves this replica holds, and since when it publishes each key.
    pub async fn report_replica(
        &self,
        id: &str,
        kids: &BTreeMap<String, Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = Statement::new(REPORT).text(id).text(json(&kids)).int(now.seconds());
        self.write(statement).await.map(drop)
    }

    /// The replicas that are alive, by their reports.
    pub async fn live_replicas(&self, now: Timestamp) -> Result<Vec<Replica>, StoreError> {
        let since = now.plus(-ALIVE).seconds();
        self.read(Statement::new(LIVE).int(since)).await?.iter().map(replica_of).collect()
    }

    /// Forgets a replica that shuts down, so that nobody waits for it.
    pub async fn remove_replica(&self, id: &str) -> Result<(), StoreError> {
        self.write(Statement::new(LEAVE).text(id)).await.map(drop)
    }
}

fn replica_of(row: &Row) -> Result<Replica, StoreError> {
    Ok(Replica {
        id: row.get("replica_id")?,
        kids: row.json("kids")?,
        seen_at: Timestamp(row.get("seen_at")?),
    })
}
