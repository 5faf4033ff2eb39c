//! A database of its own on the private PostgreSQL cluster.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::harness::{Lab, variable};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database with its owner `NAME_admin` and the role `NAME_server`, each with the password `secret-of-NAME`.
pub(crate) struct Postgres {
    pub(crate) name: String,
    root: String,
}

impl Postgres {
    pub(crate) async fn create() -> Self {
        let root = variable("TREFOIL_TEST_POSTGRES")
            .expect("TREFOIL_TEST_POSTGRES is not set: run ./test, or tests/with-postgres cargo test");
        let name = format!("cli_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let made = Self { name, root };
        let name = &made.name;
        made.superuser(&[
            &format!("CREATE ROLE {name}_admin LOGIN PASSWORD 'secret-of-{name}'"),
            &format!("CREATE ROLE {name}_server LOGIN PASSWORD 'secret-of-{name}'"),
            &format!("CREATE DATABASE {name} OWNER {name}_admin"),
        ])
        .await;
        made
    }

    async fn superuser(&self, statements: &[&str]) {
        let mut connection = PgConnection::connect(&self.root).await.unwrap();
        for statement in statements {
            connection.execute(AssertSqlSafe((*statement).to_owned())).await.unwrap();
        }
    }

    fn place(&self) -> String {
        let (_, place) = self.root.split_once('@').unwrap();
        format!("{}/{}", place.split('/').next().unwrap(), self.name)
    }

    /// The URL of a role, with its password.
    pub(crate) fn url(&self, role: &str) -> String {
        format!("postgres://{0}_{role}:secret-of-{0}@{1}", self.name, self.place())
    }

    /// The URL of a role, without a password.
    pub(crate) fn bare_url(&self, role: &str) -> String {
        format!("postgres://{0}_{role}@{1}", self.name, self.place())
    }

    /// Runs statements as the owner.
    pub(crate) async fn run(&self, statements: &[String]) {
        let mut connection = PgConnection::connect(&self.url("admin")).await.unwrap();
        for statement in statements {
            connection.execute(AssertSqlSafe(statement.clone())).await.unwrap();
        }
    }
}

#[tokio::test]
async fn d01_roles_let_the_server_read_the_registry_and_not_write_it() {
    let database = Postgres::create().await;
    let lab = Lab::empty()
        .with("AUTH_SERVER_DATABASE__URL", &database.url("server"))
        .with("AUTH_SERVER_DATABASE__ADMIN_URL", &database.url("admin"));
    let refused = lab.refused(&["client", "list"]);
    assert!(
        refused.ends_with("run `auth-server db migrate`"),
        "PostgreSQL is migrated by its operator: {refused}"
    );
    lab.ok(&["db", "migrate"]);
    let printed = lab.ok(&["db", "roles"]);
    assert!(
        printed.contains("GRANT SELECT ON") && printed.contains(&format!("{}_server", database.name)),
        "{printed}"
    );
    assert_eq!(lab.run(&["doctor"]).code, 1, "the server's role has no rights yet");
    lab.ok(&["db", "roles", "--apply"]);
    lab.ok(&["key", "generate"]);
    assert!(lab.ok(&["doctor"]).contains("all is well"));
    let as_server = Lab::empty().with("AUTH_SERVER_DATABASE__URL", &database.url("server"));
    std::fs::create_dir(as_server.data()).unwrap();
    super::harness::set_mode(&as_server.data(), 0o700);
    std::fs::copy(lab.data().join("root_secret"), as_server.data().join("root_secret")).unwrap();
    let refused = as_server.refused(&["resource", "add", "api"]);
    assert!(refused.contains("set database.admin_url to the role that owns the tables"), "{refused}");
}

#[tokio::test]
async fn a_password_comes_from_pgpassword_or_pgpass() {
    let database = Postgres::create().await;
    let bare = || Lab::empty().with("AUTH_SERVER_DATABASE__URL", &database.bare_url("admin"));
    assert_eq!(bare().run(&["db", "status"]).code, 1);
    let password = format!("secret-of-{}", database.name);
    assert_eq!(bare().with("PGPASSWORD", &password).run(&["db", "status"]).code, 0);
    let lab = bare();
    let file = lab.file(".pgpass", &format!("*:*:*:*:{password}\n"));
    super::harness::set_mode(std::path::Path::new(&file), 0o600);
    assert_eq!(lab.run(&["db", "status"]).code, 0, "{:?}", lab.run(&["db", "status"]));
}

/// The README's installation: the configuration names the database, and the password comes as a systemd credential.
#[tokio::test]
async fn u03_doctor_uses_the_credential_of_the_service_and_names_what_it_could_not_reach() {
    let database = Postgres::create().await;
    let lab = Lab::empty()
        .with("AUTH_SERVER_DATABASE__URL", &database.url("server"))
        .with("AUTH_SERVER_DATABASE__ADMIN_URL", &database.url("admin"));
    lab.ok(&["db", "migrate"]);
    lab.ok(&["db", "roles", "--apply"]);
    lab.ok(&["key", "generate"]);
    let lab = lab.without("AUTH_SERVER_DATABASE__URL");
    let bare = database.bare_url("server");
    let configuration = lab.file("auth-server.toml", &format!("[database]\nurl = \"{bare}\"\n"));
    let doctor = ["doctor", "--config", &configuration];
    let outcome = lab.run(&doctor);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let (_, place) = bare.split_once('@').unwrap();
    for part in ["database.url", &format!("{}_server", database.name), &place.replace('/', ", database ")] {
        assert!(outcome.stdout.contains(part), "{part}: {outcome:?}");
    }
    assert!(
        !outcome.stdout.contains("see `auth-server doctor`") && !outcome.stdout.contains(".c:"),
        "{outcome:?}"
    );
    let credential = lab.file("auth-server.database_url", &format!("{}\n", database.url("server")));
    super::harness::set_mode(std::path::Path::new(&credential), 0o600);
    let outcome = lab.run(&doctor);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("secret-of-"), "{outcome:?}");
}
