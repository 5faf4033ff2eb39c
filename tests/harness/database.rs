//! A database of its own for each test: an SQLite file, or a PostgreSQL database with its two roles.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use super::environment::postgres_url;

/// The two engines that every test of state runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// One file.
    Sqlite,
    /// The private cluster.
    Postgres,
}

/// A test's own database. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Database {
    /// What `database.url` names: the server's role.
    pub(crate) url: String,
    /// What `database.admin_url` names: the admin's role.
    pub(crate) admin_url: String,
    name: Option<String>,
    /// The superuser's URL of the cluster that it is on.
    root: String,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Database {
    /// A fresh, empty database of that engine; `dir` holds the SQLite file.
    pub(crate) async fn create(engine: Engine, dir: &Path) -> Self {
        match engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}", dir.join("auth-server.db").display());
                Self { admin_url: url.clone(), url, name: None, root: String::new() }
            }
            Engine::Postgres => Self::on_cluster(&postgres_url()).await,
        }
    }

    /// A fresh database with its two roles on the cluster of this superuser.
    pub(crate) async fn on_cluster(root_url: &str) -> Self {
        let name = format!("t_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut root = PgConnection::connect(root_url).await.expect("the private PostgreSQL");
        for statement in [
            format!("CREATE ROLE {name}_admin LOGIN PASSWORD 'admin-of-{name}'"),
            format!("CREATE ROLE {name}_server LOGIN PASSWORD 'server-of-{name}'"),
            format!("CREATE DATABASE {name} OWNER {name}_admin"),
        ] {
            root.execute(AssertSqlSafe(statement)).await.expect("a database of its own");
        }
        let as_role = |role: &str| {
            let (_, place) = root_url.split_once('@').expect("URL");
            let host = place.split('/').next().unwrap_or_default();
            format!("postgres://{name}_{role}:{role}-of-{name}@{host}/{name}")
        };
        Self {
            url: as_role("server"),
            admin_url: as_role("admin"),
            name: Some(name),
            root: root_url.to_owned(),
        }
    }

    /// The database's name on the cluster.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().expect("a PostgreSQL database")
    }

    /// The one number that a query gives.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let sql = AssertSqlSafe(query.to_owned());
        if self.name.is_some() {
            sqlx::query_scalar(sql).fetch_one(&mut self.superuser().await).await.expect("a number")
        } else {
            self.file_says(query).await
        }
    }

    /// The one value that the SQLite file gives.
    pub(crate) async fn file_says<T>(&self, query: &str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        let mut file = self.file().await;
        let value =
            sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut file).await.expect("a value");
        file.close().await.expect("its end");
        value
    }

    /// A connection to the SQLite file, to be closed: one that is dropped ends some time later in a thread of its own,
    /// and whoever closes the file last deletes its log.
    pub(crate) async fn file(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.url).await.expect("the file")
    }

    /// A superuser's connection to this database.
    pub(crate) async fn superuser(&self) -> PgConnection {
        let (server, _) = self.root.rsplit_once('/').expect("URL");
        PgConnection::connect(&format!("{server}/{}", self.name())).await.expect("superuser")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        let url = std::mem::take(&mut self.root);
        // A thread of its own: a runtime may not block inside another one.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut root = PgConnection::connect(&url).await?;
                root.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await?;
                root.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {name}_admin, {name}_server")))
                    .await?;
                anyhow::Ok(())
            })
        });
        // The whole cluster is thrown away in the end, so a failure here may pass.
        let _ = dropped.join();
    }
}
