//! What is revoked, and the rows that say so.

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{
    CutOffKey, CutOffKind, CutOffScope, KEPT_AFTER_EXPIRY, RevocationList, TokenId,
};

use super::StoreError;
use super::statement::{Statement, Step};
use crate::protocol::Ends;

const INSERT: &str = "INSERT INTO revocations (id, kind, target, at, expires_at, created_at, counted_for) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
/// A cut-off in a transaction, which may have waited for other writers since its second was computed: by the database's
/// clock as the statement runs, where that is later. So it holds even if its writer is killed right afterwards.
macro_rules! insert_cut_off {
    ($clock:literal) => {
        concat!(
            "INSERT INTO revocations (id, kind, target, at, expires_at, created_at) \
             SELECT $6 || ':' || $1 || ':' || CAST(c.second AS TEXT), $6, $1, c.second, \
             $3 + c.second - $2, $4 FROM (SELECT CASE WHEN t.now + $5 > $2 THEN t.now + $5 ELSE $2 END AS second \
             FROM (SELECT ",
            $clock,
            " AS now) t) c WHERE TRUE ON CONFLICT (id) DO NOTHING"
        )
    };
}
const CUT_OFF_POSTGRES: &str =
    insert_cut_off!("CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp())) AS BIGINT)");
const CUT_OFF_SQLITE: &str = insert_cut_off!("unixepoch()");

const TOKEN: &str = "token";
/// Cut-offs of version 1; with a colon and names of claims after it, those of version 2.
const CUT_OFF: &str = "cut_off";
/// Stands for no second: every token, whenever issued.
const WHENEVER: i64 = -1;

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// One token, until it has expired.
    Token {
        /// Its `jti`.
        id: TokenId,
        /// When it expires by itself.
        expires_at: Timestamp,
    },
    /// Every token that the name covers, issued up to and including a second.
    CutOff {
        /// Whose tokens.
        name: CutOffName,
        /// Up to when they were issued; `None` for whenever.
        second: Option<Timestamp>,
        /// When the last of them has expired.
        expires_at: Timestamp,
    },
}

/// How a cut-off says whose tokens it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutOffName {
    /// As version 1 does.
    First(CutOffKey),
    /// By claims.
    Claims {
        /// Which claims.
        kind: CutOffKind,
        /// The hash of their values.
        key: CutOffKey,
        /// The name in version 1 that is written beside it, for replicas and verifiers that know no other. Not there
        /// once it is read back.
        first: Option<CutOffKey>,
    },
}

impl Revocation {
    /// Ends what was issued up to `second`. `max_lifetime` (seconds) is the longest life of a token.
    pub fn cut_off(scope: CutOffScope<'_>, second: Timestamp, max_lifetime: i64) -> Self {
        let name = CutOffName::Claims { kind: scope.kind(), key: scope.key(), first: scope.first_key() };
        Self::CutOff { name, second: Some(second), expires_at: second.plus(max_lifetime) }
    }

    /// Ends every token that the scope covers, whenever it was issued; the last of them has expired by `expires_at`.
    pub fn whenever(scope: CutOffScope<'_>, expires_at: Timestamp) -> Self {
        let name = CutOffName::Claims { kind: scope.kind(), key: scope.key(), first: scope.first_key() };
        Self::CutOff { name, second: None, expires_at }
    }

    /// Until when every holder keeps it: some time after what it means has expired.
    pub fn kept_until(&self) -> Timestamp {
        match self {
            Self::Token { expires_at, .. } | Self::CutOff { expires_at, .. } => {
                expires_at.plus(KEPT_AFTER_EXPIRY)
            }
        }
    }

    /// The rows that say it: a cut-off that version 1 can name has a second one for that.
    pub fn rows(&self) -> Vec<Self> {
        let Self::CutOff { name: CutOffName::Claims { kind, key, first }, second, expires_at } = self else {
            return vec![self.clone()];
        };
        let row = |name| Self::CutOff { name, second: *second, expires_at: *expires_at };
        let own = CutOffName::Claims { kind: kind.clone(), key: *key, first: None };
        // Version 1 has no word for "whenever".
        let first = first.filter(|_| second.is_some()).map(CutOffName::First);
        std::iter::once(own).chain(first).map(row).collect()
    }

    /// Adds it to a list.
    pub fn list(&self, list: &mut RevocationList) {
        match self {
            Self::Token { id, expires_at } => list.tokens.push((*id, *expires_at)),
            Self::CutOff { name: CutOffName::First(key), second, .. } => {
                list.before.extend(second.map(|second| (*key, second)));
            }
            Self::CutOff { name: CutOffName::Claims { kind, key, .. }, second, expires_at } => {
                if !list.kinds.contains(kind) {
                    list.kinds.push(kind.clone());
                }
                list.cut_offs.push((*key, *second, *expires_at));
            }
        }
    }

    /// The statement that writes one of [`Self::rows`].
    pub(super) fn statement(&self, now: Timestamp, counted_for: Option<&str>) -> Statement {
        let (kind, target, at) = self.columns();
        let id = match self {
            Self::Token { id, .. } => format!("{TOKEN}:{id}"),
            // Where there is no second, a later one that covers newer tokens is a row beside the first.
            Self::CutOff { second: None, .. } => {
                format!("{kind}:{target}:{at}:{}", self.kept_until().seconds())
            }
            Self::CutOff { second: Some(_), .. } => format!("{kind}:{target}:{at}"),
        };
        Statement::new(INSERT)
            .text(id)
            .text(kind)
            .text(target)
            .int(at)
            .int(self.kept_until().seconds())
            .int(now.seconds())
            .opt_text(counted_for)
    }

    fn columns(&self) -> (String, String, i64) {
        match self {
            Self::Token { id, expires_at } => (TOKEN.to_owned(), id.to_string(), expires_at.seconds()),
            Self::CutOff { name, second, .. } => {
                let at = second.map_or(WHENEVER, Timestamp::seconds);
                match name {
                    CutOffName::First(key) => (CUT_OFF.to_owned(), key.to_string(), at),
                    CutOffName::Claims { kind, key, .. } => (kind_column(kind), key.to_string(), at),
                }
            }
        }
    }

    /// The steps that write it with whatever else happens in a transaction.
    pub(super) fn steps(&self, now: Timestamp, ends: Ends) -> Vec<Step> {
        self.rows().iter().map(|row| Step::any(row.in_transaction(now, ends))).collect()
    }

    fn in_transaction(&self, now: Timestamp, ends: Ends) -> Statement {
        let (kind, target, at) = self.columns();
        match self {
            Self::CutOff { second: Some(_), .. } => Statement::by_database(CUT_OFF_POSTGRES, CUT_OFF_SQLITE)
                .text(target)
                .int(at)
                .int(self.kept_until().seconds())
                .int(now.seconds())
                .int(ends.ahead())
                .text(kind),
            Self::CutOff { second: None, .. } | Self::Token { .. } => self.statement(now, None),
        }
    }
}

/// The column `kind` of cut-offs by these claims.
fn kind_column(kind: &CutOffKind) -> String {
    format!("{CUT_OFF}:{}", kind.names().collect::<Vec<_>>().join(","))
}

/// By what the cut-offs of a kind are named.
pub(super) enum NamedBy {
    /// As version 1 does.
    First,
    /// By these claims.
    Claims(CutOffKind),
}

/// What the column `kind` of a cut-off says; `None` for what is none or of a newer version.
pub(super) fn kind_of(column: &str) -> Option<NamedBy> {
    let names = column.strip_prefix(CUT_OFF)?;
    if names.is_empty() {
        return Some(NamedBy::First);
    }
    let names: Vec<&str> = names.strip_prefix(':')?.split(',').filter(|name| !name.is_empty()).collect();
    CutOffKind::of(&names).map(NamedBy::Claims)
}

/// What a row says; `None` for a kind that a newer version has written.
pub(super) fn revocation_of(
    kind: &str,
    target: &str,
    (at, kept): (i64, i64),
) -> Result<Option<Revocation>, StoreError> {
    let corrupt = || StoreError::Corrupt(format!("revocation of {target}"));
    let expires_at = Timestamp(kept).plus(-KEPT_AFTER_EXPIRY);
    if kind == TOKEN {
        let id = TokenId::from_text(target).ok_or_else(corrupt)?;
        return Ok(Some(Revocation::Token { id, expires_at }));
    }
    let Some(kind) = kind_of(kind) else { return Ok(None) };
    let key = CutOffKey::from_text(target).ok_or_else(corrupt)?;
    let name = match kind {
        NamedBy::First => CutOffName::First(key),
        NamedBy::Claims(kind) => CutOffName::Claims { kind, key, first: None },
    };
    let second = (at != WHENEVER).then_some(Timestamp(at));
    Ok(Some(Revocation::CutOff { name, second, expires_at }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn w03_every_row_is_read_back_as_it_was_written_also_one_of_version_1() {
        let whenever = |scope: CutOffScope<'_>| Revocation::CutOff {
            name: CutOffName::Claims { kind: scope.kind(), key: scope.key(), first: scope.first_key() },
            second: None,
            expires_at: NOW,
        };
        let pair = CutOffScope::SubjectAtClient { sub: "u", client_id: "c" };
        let all = [
            Revocation::Token { id: TokenId::from_bytes([7; 12]), expires_at: NOW },
            Revocation::cut_off(CutOffScope::Everybody, NOW, 60),
            Revocation::cut_off(CutOffScope::Client("c"), NOW, 60),
            Revocation::cut_off(pair, NOW, 60),
            whenever(CutOffScope::Grant("g")),
            whenever(CutOffScope::Client("c")),
        ];
        let rows: Vec<Revocation> = all.iter().flat_map(Revocation::rows).collect();
        assert_eq!(rows.len(), 8, "two of them have a row for version 1, too");
        for row in rows {
            let (kind, target, at) = row.columns();
            let read = revocation_of(&kind, &target, (at, row.kept_until().seconds())).unwrap();
            assert_eq!(read, Some(row));
        }
        assert_eq!(revocation_of("something", "x", (0, 0)).unwrap(), None);
        assert_eq!(revocation_of("cut_offs", "x", (0, 0)).unwrap(), None);
    }
}
