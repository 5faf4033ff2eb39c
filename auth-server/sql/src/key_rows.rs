//! Rows of signing keys: their public half and life, authenticated under the root secret (decision 9), and the wrapped
//! private half beside them, where there is one.

use trefoil_shared::Timestamp;

use super::audit::Act;
use super::client_rows::json_word;
use super::pool::Access;
use super::private_keys::{self, wrapped_of};
use super::run::Work;
use super::statement::{Row, Statement, Step};
use super::{Store, StoreError};
use crate::model::{KeyRow, KeyState};
use crate::secrets::{RootSecrets, WrappedKey};

/// A row as it was read, and what guards the next change of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredKey {
    /// The key.
    pub row: KeyRow,
    /// Its private half, where the database keeps it. It can be unwrapped.
    pub wrapped: Option<WrappedKey>,
    revision: i64,
    mac: String,
}

/// All rows: those that a holder of the root secret wrote, and the kids of those that somebody else did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredKeys {
    /// Authentic rows, by algorithm, the oldest first.
    pub keys: Vec<StoredKey>,
    /// Rows that failed, or whose private half did: ignored, and reason for an alarm.
    pub rejected: Vec<String>,
}

/// A new row, or the new state of one that was read.
#[derive(Clone, Debug)]
pub struct KeyWrite {
    row: KeyRow,
    revision: i64,
    /// The MAC that the row must still have; empty for a row that must not be there.
    seen: String,
    wrapped: Option<WrappedKey>,
}

impl KeyWrite {
    /// A row that is not there yet.
    pub fn new(row: KeyRow) -> Self {
        Self { row, revision: 1, seen: String::new(), wrapped: None }
    }

    /// The same with the private half of a new key, which comes in the same transaction.
    #[must_use]
    pub fn with_private_half(self, wrapped: Option<WrappedKey>) -> Self {
        Self { wrapped, ..self }
    }

    /// The next state of a row; refused if it has changed since it was read.
    pub fn change(from: &StoredKey, row: KeyRow) -> Self {
        Self { row, revision: from.revision + 1, seen: from.mac.clone(), wrapped: None }
    }

    /// What becomes of the private half in the same transaction.
    fn private_half(&self) -> Option<Step> {
        match (&self.wrapped, self.row.state) {
            (Some(wrapped), _) => Some(private_keys::add(&self.row.kid, wrapped)),
            (None, KeyState::Revoked | KeyState::Gone) => Some(private_keys::drop(&self.row.kid)),
            (None, KeyState::Standby | KeyState::Active | KeyState::Retiring) => None,
        }
    }

    /// The kid of a row that is not there yet.
    pub fn new_kid(&self) -> Option<&str> {
        self.seen.is_empty().then_some(self.row.kid.as_str())
    }
}

/// One or two rows, in one statement. Rows are taken in this order on both databases: the active key steps down
/// before the standby steps up, as the index of one active key an algorithm wants, and two changes at once lock in
/// the same order. A row is replaced only as it was read.
const WRITE_ONE: &str = "INSERT INTO keys (kid, algorithm, public_jwk, state, created_at, published_at, activated_at, \
     retired_at, gone_at, revision, root_id, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     ON CONFLICT (kid) DO UPDATE SET state = excluded.state, published_at = excluded.published_at, \
     activated_at = excluded.activated_at, retired_at = excluded.retired_at, gone_at = excluded.gone_at, \
     revision = excluded.revision, root_id = excluded.root_id, mac = excluded.mac \
     WHERE keys.mac = $13 RETURNING kid";
const WRITE_TWO: &str = "INSERT INTO keys (kid, algorithm, public_jwk, state, created_at, published_at, activated_at, \
     retired_at, gone_at, revision, root_id, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12), \
     ($13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24) \
     ON CONFLICT (kid) DO UPDATE SET state = excluded.state, published_at = excluded.published_at, \
     activated_at = excluded.activated_at, retired_at = excluded.retired_at, gone_at = excluded.gone_at, \
     revision = excluded.revision, root_id = excluded.root_id, mac = excluded.mac \
     WHERE keys.mac = CASE WHEN excluded.kid = $25 THEN $26 ELSE $27 END RETURNING kid";
/// One statement and so one snapshot: which key is active, and which was. Of those that are over the newest 500 are
/// read, so that frequent rotation does not make each reading longer.
const LIST: &str = "SELECT keys.kid, algorithm, public_jwk, state, created_at, published_at, activated_at, retired_at, \
     gone_at, revision, keys.root_id, mac, private_keys.root_id AS wrapped_root_id, wrapped \
     FROM keys LEFT JOIN private_keys ON private_keys.kid = keys.kid \
     WHERE keys.gone_at IS NULL OR keys.kid IN (SELECT kid FROM keys WHERE gone_at IS NOT NULL \
     ORDER BY gone_at DESC, kid LIMIT 500) ORDER BY algorithm, created_at, keys.kid";

const CHANGED: &str =
    "the keys were changed by somebody else at the same time; look at `key list` and try again";

impl Store {
    /// The rows that are authentic. Others are named, never used.
    pub async fn keys(&self, roots: &RootSecrets) -> Result<StoredKeys, StoreError> {
        self.keys_since(roots, &[]).await
    }

    /// The same for who has read them before: a row and private half that are still as they were `known` are authentic,
    /// and are not opened once more.
    pub async fn keys_since(
        &self,
        roots: &RootSecrets,
        known: &[StoredKey],
    ) -> Result<StoredKeys, StoreError> {
        let mut found = StoredKeys::default();
        for row in &self.read(Statement::new(LIST)).await? {
            match key_of(row, (roots, known)) {
                Ok(key) => found.keys.push(key),
                Err(_) => found.rejected.push(row.get("kid")?),
            }
        }
        Ok(found)
    }

    /// Writes one to three rows, the third a new one, in one transaction: where one of them is no longer as it was read,
    /// all are taken back, or an algorithm were left without an active key. With an act, the audit row comes in the same
    /// transaction (an administrator). A new row brings its private half with it, a withdrawn one takes it away.
    pub async fn write_keys(
        &self,
        roots: &RootSecrets,
        writes: &[KeyWrite],
        act: Option<&Act>,
    ) -> Result<(), StoreError> {
        let mut steps = match writes {
            [one] => vec![write_one(one, roots)],
            [one, two] => vec![write_two(one, two, roots)],
            [one, two, new] => vec![write_two(one, two, roots), write_one(new, roots)],
            _ => return Err(StoreError::Conflict("one to three keys are written at a time".to_owned())),
        };
        steps.extend(writes.iter().filter_map(KeyWrite::private_half));
        match act {
            Some(act) => {
                steps.insert(0, Act::queue_up());
                steps.push(act.step());
                self.transact(steps).await
            }
            None => self.runner.run(Access::Write, Work::Transaction(steps)).await.map(drop),
        }
    }
}

fn write_one(write: &KeyWrite, roots: &RootSecrets) -> Step {
    let statement = bind(Statement::new(WRITE_ONE), write, roots).text(&write.seen);
    Step::guarded_rows(statement, 1, CHANGED)
}

fn write_two(one: &KeyWrite, two: &KeyWrite, roots: &RootSecrets) -> Step {
    let statement = bind(bind(Statement::new(WRITE_TWO), one, roots), two, roots);
    Step::guarded_rows(statement.text(&one.row.kid).text(&one.seen).text(&two.seen), 2, CHANGED)
}

fn bind(statement: Statement, write: &KeyWrite, roots: &RootSecrets) -> Statement {
    let row = &write.row;
    let (root_id, mac) = authenticate(row, write.revision, roots);
    statement
        .text(&row.kid)
        .text(row.algorithm.to_string())
        .text(row.public_jwk.to_string())
        .text(json_word(&row.state))
        .int(row.created_at.seconds())
        .int(row.published_at.seconds())
        .opt_int(row.activated_at.map(Timestamp::seconds))
        .opt_int(row.retired_at.map(Timestamp::seconds))
        .opt_int(row.gone_at.map(Timestamp::seconds))
        .int(write.revision)
        .text(root_id)
        .text(mac)
}

fn key_of(row: &Row, (roots, known): (&RootSecrets, &[StoredKey])) -> Result<StoredKey, StoreError> {
    let state: String = row.get("state")?;
    let key = KeyRow {
        kid: row.get("kid")?,
        algorithm: row.parse("algorithm")?,
        public_jwk: row.json("public_jwk")?,
        state: state_of(&state)?,
        created_at: Timestamp(row.get("created_at")?),
        published_at: Timestamp(row.get("published_at")?),
        activated_at: row.get::<Option<i64>>("activated_at")?.map(Timestamp),
        retired_at: row.get::<Option<i64>>("retired_at")?.map(Timestamp),
        gone_at: row.get::<Option<i64>>("gone_at")?.map(Timestamp),
    };
    let (revision, root_id, mac): (i64, String, String) =
        (row.get("revision")?, row.get("root_id")?, row.get("mac")?);
    let stored = StoredKey { row: key, wrapped: wrapped_of(row)?, revision, mac };
    if known.contains(&stored) {
        return Ok(stored);
    }
    let StoredKey { row: key, wrapped, mac, .. } = &stored;
    let fields = fields(key, revision);
    if !roots.verify_row(&root_id, mac, &fields.each_ref().map(String::as_str)) {
        return Err(StoreError::Corrupt(format!("key {} is not authentic", key.kid)));
    }
    let opens = |wrapped| roots.unwrap_key(&key.kid, key.algorithm, wrapped).is_some();
    // Somebody has put another private half in its place: whose key that is cannot be known, so nothing signs with it
    // and nobody is told to trust it.
    if wrapped.as_ref().is_some_and(|wrapped| !opens(wrapped)) {
        return Err(StoreError::Corrupt(format!("the private half of key {} is not authentic", key.kid)));
    }
    Ok(stored)
}

fn state_of(text: &str) -> Result<KeyState, StoreError> {
    serde_json::from_value(text.into()).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn authenticate(row: &KeyRow, revision: i64, roots: &RootSecrets) -> (String, String) {
    roots.row_mac(&fields(row, revision).each_ref().map(String::as_str))
}

/// What the MAC covers: everything that decides what is published and what signs.
fn fields(row: &KeyRow, revision: i64) -> [String; 10] {
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.seconds().to_string());
    [
        row.kid.clone(),
        row.algorithm.to_string(),
        row.public_jwk.to_string(),
        json_word(&row.state),
        time(Some(row.created_at)),
        time(Some(row.published_at)),
        time(row.activated_at),
        time(row.retired_at),
        time(row.gone_at),
        revision.to_string(),
    ]
}
