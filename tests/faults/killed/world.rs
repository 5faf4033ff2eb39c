//! What the kills happen in: a lab, perhaps with a server, and what can be asked of it.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::harness::{Answer, Credentials, Engine, Lab, Server, lab::RESOURCE, wait::until};

/// The issuer of all servers of a world: their ports change, their tokens must not.
const ISSUER: &str = "https://auth.example.test";

/// A lab that outlives its servers.
pub(super) struct World {
    pub(super) lab: Lab,
    pub(super) engine: Engine,
}

impl World {
    /// A lab with keys and a resource.
    pub(super) async fn new(engine: Engine) -> Self {
        Self::of(Lab::new(engine).await, engine)
    }

    /// A lab as it is.
    pub(super) fn of(mut lab: Lab, engine: Engine) -> Self {
        lab.auth = lab.auth.with("AUTH_SERVER_ISSUER", ISSUER);
        Self { lab, engine }
    }

    /// How many acts the audit has; the program itself reads it, after a kill over the WAL that was left.
    pub(super) fn acts(&self) -> i64 {
        self.lab.auth.json(&["audit", "list", "--limit", "1"])[0]["id"].as_i64().unwrap_or(0)
    }

    /// Waits until PostgreSQL has seen that the killed command is gone: until then its transaction may still commit.
    /// SQLite has nobody behind the process.
    pub(super) async fn settled(&self) {
        if self.engine == Engine::Sqlite {
            return;
        }
        let name = self.lab.database.name();
        let query = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}_admin'");
        until("the killed command's session ends", Duration::from_secs(10), || async {
            (self.lab.database.number(&query).await == 0).then_some(())
        })
        .await;
    }

    /// Changes the database behind the program's back.
    pub(super) async fn execute(&self, sql: String) {
        let sql = AssertSqlSafe(sql);
        if self.engine == Engine::Sqlite {
            let mut file = self.lab.database.file().await;
            file.execute(sql).await.expect("SQL");
            file.close().await.expect("its end");
        } else {
            self.lab.database.superuser().await.execute(sql).await.expect("SQL");
        }
    }

    /// A file with a new secret, for a client's whose output may be lost.
    pub(super) fn secret_file(&self, name: &str) -> (PathBuf, String) {
        let secret = format!("{name}-{:-<40}", "a-secret-that-an-operator-brings");
        let path = self.lab.dir.path().join(format!("{name}.secret"));
        fs::write(&path, &secret).expect("secret file");
        (path, secret)
    }

    /// A client as the command line shows it; `None` for an unknown one.
    pub(super) fn shown(&self, id: &str) -> Option<Value> {
        let outcome = self.lab.auth.run(&["client", "show", id, "--json"]);
        assert!(outcome.code == 0 || outcome.stderr.contains("there is no client"), "{outcome:#?}");
        (outcome.code == 0).then(|| serde_json::from_str(&outcome.stdout).expect("one document"))
    }

    /// Whether a client gets a token.
    pub(super) async fn authenticates(&self, server: &Server, by: &Credentials) -> bool {
        let answer = self.lab.token(server, by, &[("resource", RESOURCE)]).await;
        let unknown = answer.status == 401 && answer.text("error") == "invalid_client";
        assert!(answer.status == 200 || unknown, "{answer:?}");
        answer.status == 200
    }

    /// Waits until the server knows whether this client gets a token.
    pub(super) async fn comes_to(&self, server: &Server, by: &Credentials, authenticates: bool) {
        let what = format!("{} gets a token: {authenticates}", by.id);
        until(&what, Duration::from_secs(10), || async {
            (self.authenticates(server, by).await == authenticates).then_some(())
        })
        .await;
    }

    /// Asks one of the endpoints that take a token.
    pub(super) async fn post(&self, url: String, by: &Credentials, token: &str) -> Option<Answer> {
        let form = [("token", token)];
        let sent =
            self.lab.http.post(url).basic_auth(&by.id, Some(&by.secret)).form(&form).send().await.ok()?;
        let (status, headers) = (sent.status().as_u16(), sent.headers().clone());
        Some(Answer { status, headers, body: sent.text().await.ok()? })
    }

    /// Whether introspection calls a token active.
    pub(super) async fn is_active(&self, server: &Server, by: &Credentials, token: &str) -> bool {
        let answer = self.post(server.at("/introspect"), by, token).await.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["active"].as_bool().expect("active")
    }
}
