//! The database of the model: it has a clock, and numbers what was committed in batches, in the order of the commits.

use trefoil_auth_server::store::{CutOffName, NumberedRevocation, Revocation, RevocationsSince};
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::TokenId;

use super::{BEGINNING, CLIENTS, Millis};

/// A client as the registry has it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Registered {
    pub(super) disabled: bool,
    pub(super) removed: bool,
    /// How often its secret was rotated.
    pub(super) secret: u32,
}

/// The registry, and after how many changes: that goes on over a restore.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RegistryView {
    pub(super) clients: [Registered; CLIENTS],
    pub(super) change: u64,
}

#[derive(Clone, Debug)]
struct Contents {
    epoch: String,
    revision: i64,
    waiting: Vec<Revocation>,
    numbered: Vec<NumberedRevocation>,
    registry: RegistryView,
}

pub(super) struct Database {
    contents: Contents,
    backup: Contents,
    /// How far its clock is from true time.
    clock: Millis,
    epochs: u32,
}

/// What makes two rows one.
#[derive(PartialEq, Eq)]
enum RowId {
    Token(TokenId),
    CutOff(CutOffName, Option<Timestamp>),
}

impl Database {
    pub(super) fn new(clock: Millis) -> Self {
        let contents = Contents {
            epoch: "epoch-0".to_owned(),
            revision: 0,
            waiting: Vec::new(),
            numbered: Vec::new(),
            registry: RegistryView::default(),
        };
        Self { backup: contents.clone(), contents, clock, epochs: 0 }
    }

    /// Its clock, in milliseconds since 1970.
    pub(super) fn now_millis(&self, at: Millis) -> i64 {
        BEGINNING * 1_000 + at + self.clock
    }

    pub(super) fn now(&self, at: Millis) -> Timestamp {
        Timestamp(self.now_millis(at).div_euclid(1_000))
    }

    pub(super) fn registry(&self) -> RegistryView {
        self.contents.registry
    }

    /// A change of the registry; its number.
    pub(super) fn change(&mut self, client: usize, change: impl FnOnce(&mut Registered)) -> u64 {
        let registry = &mut self.contents.registry;
        change(&mut registry.clients[client]);
        registry.change += 1;
        registry.change
    }

    /// To revoke twice is to revoke once.
    pub(super) fn revoke(&mut self, revocation: &Revocation) {
        for row in revocation.rows() {
            let id = row_id(&row);
            let numbered = self.contents.numbered.iter().map(|row| &row.revocation);
            if !numbered.chain(&self.contents.waiting).any(|there| row_id(there) == id) {
                self.contents.waiting.push(row);
            }
        }
    }

    /// Gives all that waits the next number.
    pub(super) fn number(&mut self) {
        let contents = &mut self.contents;
        if !contents.waiting.is_empty() {
            contents.revision += 1;
            let revision = contents.revision;
            let rows = contents.waiting.drain(..).map(|it| NumberedRevocation { revision, revocation: it });
            contents.numbered.extend(rows);
        }
    }

    pub(super) fn since(&self, revision: i64, at: Millis) -> RevocationsSince {
        let rows = self.contents.numbered.iter().filter(|row| row.revision > revision);
        RevocationsSince {
            epoch: self.contents.epoch.clone(),
            revision: self.contents.revision,
            pending: !self.contents.waiting.is_empty(),
            more: false,
            now: self.now(at),
            rows: rows.cloned().collect(),
        }
    }

    pub(super) fn sweep(&mut self, at: Millis) {
        let now = self.now(at);
        self.contents.numbered.retain(|row| row.revocation.kept_until() >= now);
    }

    pub(super) fn back_up(&mut self) {
        self.backup = self.contents.clone();
    }

    pub(super) fn put_back(&mut self) {
        let change = self.contents.registry.change + 1;
        self.contents = self.backup.clone();
        self.contents.registry.change = change;
    }

    /// `db restored`.
    pub(super) fn begin_epoch(&mut self, everybody: &Revocation) {
        self.epochs += 1;
        self.contents.epoch = format!("epoch-{}", self.epochs);
        self.revoke(everybody);
        self.number();
    }
}

fn row_id(revocation: &Revocation) -> RowId {
    match revocation {
        Revocation::Token { id, .. } => RowId::Token(*id),
        Revocation::CutOff { name, second, .. } => RowId::CutOff(name.clone(), *second),
    }
}
