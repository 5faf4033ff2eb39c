//! What a command works with: settings, database, root secret, the present moment, and who asks.

use std::path::PathBuf;

use trefoil_serve::{Clock, SystemClock};
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::CutOffScope;

use super::CliError;
use super::output::{Screen, note};
use crate::config::{LoadedSettings, Settings, Surroundings};
use crate::data_dir::{self, DataDirError};
use crate::protocol::{Ends, cut_off_second, late_second};
use crate::secrets::{OsRng, Rng, RootSecrets};
use crate::store::{Act, Revocation, Store, StoreError};

/// What a command works with.
pub(super) struct Context {
    pub(super) loaded: LoadedSettings,
    pub(super) screen: Screen,
    actor: String,
}

impl Context {
    /// The context of this process.
    pub(super) fn new(loaded: LoadedSettings, around: &Surroundings) -> Self {
        let no_color = around.get("NO_COLOR").is_some();
        Self { loaded, screen: Screen::of_stdout(no_color), actor: actor(around) }
    }

    /// The checked configuration.
    pub(super) fn settings(&self) -> &Settings {
        &self.loaded.settings
    }

    /// The present moment by the system's clock.
    #[expect(clippy::unused_self, reason = "the clock is part of what a command works with")]
    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Where random bytes come from.
    #[expect(clippy::unused_self, reason = "the generator is part of what a command works with")]
    pub(super) fn rng(&self) -> &dyn Rng {
        &OsRng
    }

    /// An act of whoever runs this command, for the audit: the actor is the operating system's user (decision 4).
    pub(super) fn act(&self, action: &str, target: &impl ToString) -> Act {
        Act::new(self.now(), &self.actor, action, &target.to_string())
    }

    /// A cut-off by the database's clock, which tokens go by (decision 19): the transaction that writes it may take a
    /// later second, and [`Self::cut_late_ones`] sees by this one how long it took.
    pub(super) async fn cut_off(
        &self,
        store: &Store,
        scope: CutOffScope<'_>,
        ends: Ends,
    ) -> Result<Revocation, CliError> {
        Ok(self.cut_off_at(scope, cut_off_second(store.now().await?, ends)))
    }

    /// The act with the end of access as it was, what replicas issue until they have seen the change included.
    pub(super) async fn ending(
        &self,
        act: Act,
        store: &Store,
        scope: CutOffScope<'_>,
    ) -> Result<Act, CliError> {
        Ok(act.revoking(self.cut_off(store, scope, Ends::Access).await?))
    }

    /// [`Self::cut_late_ones`] for an act that [`Self::ending`] gave, if it is one.
    pub(super) async fn cut_late_access(&self, act: &Act, store: &Store, scope: CutOffScope<'_>) {
        if let Some(reckoned) = &act.revokes {
            self.cut_late_ones(store, (scope, Ends::Access), reckoned).await;
        }
    }

    fn cut_off_at(&self, scope: CutOffScope<'_>, second: Timestamp) -> Revocation {
        Revocation::cut_off(scope, second, self.settings().grants.cut_off_kept())
    }

    /// An act may have waited for other writers after its cut-off was reckoned, and tokens were issued until it was
    /// done. Those are cut off, too. The act itself is done, so that a failure is only told.
    pub(super) async fn cut_late_ones(
        &self,
        store: &Store,
        (scope, ends): (CutOffScope<'_>, Ends),
        reckoned: &Revocation,
    ) {
        let Revocation::CutOff { second: Some(second), .. } = reckoned else { return };
        let cut = async {
            match late_second(*second, store.now().await?, ends) {
                Some(late) => store.revoke(&self.cut_off_at(scope, late), self.now()).await,
                None => Ok(()),
            }
        };
        if cut.await.is_err() {
            note("tokens that were issued in the last moments may live on until they expire");
        }
    }

    /// The database by the admin role, as it is.
    pub(super) async fn connect(&self) -> Result<Store, CliError> {
        let (settings, database) = (self.settings(), self.settings().database.as_admin());
        warn(if database.is_sqlite() { data_dir::prepare(settings) } else { data_dir::check(settings) })?;
        Ok(Store::connect(&database).await?)
    }

    /// The database by the admin role, with the schema that this program needs. SQLite is brought there, as nobody
    /// else is on it; on PostgreSQL `db migrate` is the operator's own step.
    pub(super) async fn store(&self) -> Result<Store, CliError> {
        let store = self.connect().await?;
        let status = store.schema().await?;
        if store.is_sqlite() && matches!(status.check(), Err(StoreError::SchemaTooOld { .. })) {
            let ran = store.migrate(&self.holder()).await?;
            // Empty where another command did it in the same moment.
            if !ran.is_empty() {
                let place = self.settings().data_dir.display();
                note(&format!("migrated the database in {place}: {}", ran.join(", ")));
            }
        } else {
            status.check()?;
        }
        Ok(store)
    }

    /// The database for a command that only reads: as [`Self::store`], but nothing is made or migrated. `None` where
    /// there is no database yet.
    pub(super) async fn store_to_read(&self) -> Result<Option<Store>, CliError> {
        let database = self.settings().database.as_admin();
        if database.sqlite_file().is_some_and(|file| !file.exists()) {
            return Ok(None);
        }
        warn(data_dir::check(self.settings()))?;
        let store = Store::connect(&database).await?;
        let status = store.schema().await?;
        if store.is_sqlite() && status.version == 0 {
            return Ok(None);
        }
        status.check()?;
        Ok(Some(store))
    }

    /// The root secret for a command that only reads. `None` where neither a file nor the database knows of one.
    pub(super) async fn roots_to_read(&self, store: &Store) -> Result<Option<RootSecrets>, CliError> {
        let files = self.settings().root_secret_files();
        let named = store.root_id().await?;
        if files.iter().any(|file| file.exists()) {
            let roots = RootSecrets::load(&files).map_err(|error| {
                CliError::new(error.to_string(), "see secrets.root and the data directory")
            })?;
            return match named {
                Some(id) if !roots.ids().any(|held| held == id) => Err(lost_root(&id, &files)),
                Some(_) | None => Ok(Some(roots)),
            };
        }
        named.map_or(Ok(None), |id| Err(lost_root(&id, &files)))
    }

    /// How a migrator calls itself in the lock (decision 31).
    pub(super) fn holder(&self) -> String {
        format!("{} (process {})", self.actor, std::process::id())
    }

    /// The root secret, made where this is the first command of all (decision 5). A database that was filled under
    /// another one is refused before any file is made.
    pub(super) async fn roots(&self, store: &Store) -> Result<RootSecrets, CliError> {
        let files = self.settings().root_secret_files();
        if let Some(id) = store.root_id().await?
            && !files.iter().any(|file| file.exists())
        {
            return Err(lost_root(&id, &files));
        }
        let settings = self.settings();
        let (roots, made) =
            RootSecrets::load_or_create(&settings.data_dir, &settings.secrets.root, self.rng()).map_err(
                |error| CliError::new(error.to_string(), "see secrets.root and the data directory"),
            )?;
        store.ensure_root(&roots, self.now()).await?;
        if made && let Some(file) = files.first() {
            note(&format!(
                "made the root secret {} (id {}): keep a copy of it, as losing it voids every client secret",
                file.display(),
                roots.writing_id()
            ));
        }
        Ok(roots)
    }
}

fn lost_root(id: &str, files: &[PathBuf]) -> CliError {
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let state = if files.iter().any(|file| file.exists()) { "is another one" } else { "is not there" };
    CliError::new(
        format!("this database was filled under the root secret {id}, and {} {state}", shown.join(", ")),
        "bring that file from the first server's data directory or your backup, or name it in secrets.root",
    )
}

/// Shows what is to be known of a data directory that can be used.
fn warn(checked: Result<Vec<String>, DataDirError>) -> Result<(), CliError> {
    let mend = "auth-server doctor looks at everything in it";
    for warning in checked.map_err(|error| CliError::new(error.to_string(), mend))? {
        note(&format!("warning: {warning}"));
    }
    Ok(())
}

/// Under sudo both names: whose rights, and who.
fn actor(around: &Surroundings) -> String {
    let user = whoami::username().unwrap_or_else(|_| "unknown".to_owned());
    match around.get("SUDO_USER").filter(|behind| *behind != user) {
        Some(behind) => format!("{user} ({behind})"),
        None => user,
    }
}
