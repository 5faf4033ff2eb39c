//! Wrapped private halves, each beside the row of its key (decision 10).

use super::audit::Act;
use super::pool::Access;
use super::run::Work;
use super::statement::{Row, Statement, Step};
use super::{Store, StoreError};
use crate::secrets::WrappedKey;

const ADD: &str = "INSERT INTO private_keys (kid, root_id, wrapped) VALUES ($1, $2, $3)";
/// For a key that is there already. One that was withdrawn meanwhile gets none.
const ADD_LATER: &str = "INSERT INTO private_keys (kid, root_id, wrapped) SELECT kid, $2, $3 FROM keys \
     WHERE kid = $1 AND state IN ('standby', 'active', 'retiring') ON CONFLICT (kid) DO NOTHING";
const DROP_ROW: &str = "DELETE FROM keys WHERE kid = $1";
const DROP: &str = "DELETE FROM private_keys WHERE kid = $1";

/// The private half of a new key, in the transaction of its row.
pub(super) fn add(kid: &str, wrapped: &WrappedKey) -> Step {
    Step::any(Statement::new(ADD).text(kid).text(&wrapped.root_id).text(&wrapped.text))
}

/// The private half of a withdrawn key goes, in the transaction of its row. There may be none.
pub(super) fn drop(kid: &str) -> Step {
    Step::any(Statement::new(DROP).text(kid))
}

/// What stands beside a key's row.
pub(super) fn wrapped_of(row: &Row) -> Result<Option<WrappedKey>, StoreError> {
    let root_id: Option<String> = row.get("wrapped_root_id")?;
    let text: Option<String> = row.get("wrapped")?;
    Ok(root_id.zip(text).map(|(root_id, text)| WrappedKey { root_id, text }))
}

impl Store {
    /// Gives keys that are here already their private halves: all of them, or none. One that has its own keeps it.
    pub async fn add_private_keys(
        &self,
        halves: &[(String, WrappedKey)],
        act: Option<&Act>,
    ) -> Result<(), StoreError> {
        let add = |(kid, wrapped): &(String, WrappedKey)| {
            Step::any(Statement::new(ADD_LATER).text(kid).text(&wrapped.root_id).text(&wrapped.text))
        };
        self.change_private_keys(halves.iter().map(add).collect(), act).await
    }

    /// Takes private halves out of the database.
    pub async fn drop_private_keys(&self, kids: &[String], act: Option<&Act>) -> Result<(), StoreError> {
        self.change_private_keys(kids.iter().map(|kid| drop(kid)).collect(), act).await
    }

    /// Removes a key whose row or private half is not authentic, with both. Nothing of it can be kept: what it says is
    /// somebody else's.
    pub async fn drop_rejected_key(&self, kid: &str, act: Option<&Act>) -> Result<(), StoreError> {
        let row = Step::any(Statement::new(DROP_ROW).text(kid));
        self.change_private_keys(vec![row, drop(kid)], act).await
    }

    async fn change_private_keys(&self, mut steps: Vec<Step>, act: Option<&Act>) -> Result<(), StoreError> {
        if steps.is_empty() {
            return Ok(());
        }
        match act {
            Some(act) => {
                steps.insert(0, Act::queue_up());
                steps.push(act.step());
                self.transact(steps).await
            }
            None => self.runner.run(Access::Write, Work::Transaction(steps)).await.map(std::mem::drop),
        }
    }
}
