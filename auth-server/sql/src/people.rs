//! Accounts, login sessions and consents. The running server writes them, and the administrator's commands.

use trefoil_shared::{ClientId, Secret, Timestamp};

use super::audit::Act;
use super::client_rows::json;
use super::statement::{Row, Statement, Step};
use super::{PAGE, Store, StoreError, is_full};
use crate::model::{Consent, Session, User};

const USER: &str = "SELECT sub, username, password, claims, enabled, not_before, created_at, updated_at, revision \
     FROM users WHERE sub = $1";
const USER_BY_NAME: &str = "SELECT sub, username, password, claims, enabled, not_before, created_at, updated_at, \
     revision FROM users WHERE username = $1";
const USERS: &str = "SELECT sub, username, password, claims, enabled, not_before, created_at, updated_at, revision \
     FROM users WHERE username > $1 ORDER BY username LIMIT $2";
const ADD_USER: &str = "INSERT INTO users (sub, username, password, claims, enabled, not_before, created_at, \
     updated_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) ON CONFLICT (username) DO NOTHING";
const CHANGE_USER: &str = "UPDATE users SET username = $2, password = $3, claims = $4, enabled = $5, not_before = $6, \
     updated_at = $7, revision = revision + 1 WHERE sub = $1 AND revision = $8";
const REMOVE_USER: &str = "DELETE FROM users WHERE sub = $1";
const END_SESSIONS_OF: &str = "DELETE FROM sessions WHERE sub = $1";
const DROP_CONSENTS_OF: &str = "DELETE FROM consents WHERE sub = $1";

const SESSION: &str = "SELECT id_hash, sid, sub, methods, address, agent, authenticated_at, used_at, expires_at \
     FROM sessions WHERE id_hash = $1";
const SESSIONS_OF: &str = "SELECT id_hash, sid, sub, methods, address, agent, authenticated_at, used_at, expires_at \
     FROM sessions WHERE sub = $1 ORDER BY used_at DESC, id_hash LIMIT $2";
/// A session begins only for the account as it was when its person proved itself: a change that is under way is waited
/// for, and one that is done is seen.
const ADD_SESSION_POSTGRES: &str = "WITH u AS (SELECT sub FROM users WHERE sub = $3 AND enabled AND not_before < $7 \
     AND COALESCE(password, '') = $10 FOR SHARE) \
     INSERT INTO sessions (id_hash, sid, sub, methods, address, agent, authenticated_at, used_at, expires_at) \
     SELECT $1, $2, u.sub, $4, $5, $6, $7, $8, $9 FROM u RETURNING id_hash";
const ADD_SESSION_SQLITE: &str = "INSERT INTO sessions (id_hash, sid, sub, methods, address, agent, authenticated_at, used_at, expires_at) \
     SELECT $1, $2, u.sub, $4, $5, $6, $7, $8, $9 FROM users u WHERE u.sub = $3 AND u.enabled \
     AND u.not_before < $7 AND COALESCE(u.password, '') = $10 RETURNING id_hash";
const USE_SESSION: &str = "UPDATE sessions SET used_at = $2 WHERE id_hash = $1 AND used_at < $2";
const END_SESSION: &str = "DELETE FROM sessions WHERE sid = $1 AND sub = $2";

const CONSENTS_OF: &str = "SELECT sub, client_id, redirect_host, scopes, resources, granted_at FROM consents \
     WHERE sub = $1 ORDER BY granted_at DESC, client_id, redirect_host LIMIT $2";
const CONSENT: &str = "SELECT sub, client_id, redirect_host, scopes, resources, granted_at FROM consents \
     WHERE sub = $1 AND client_id = $2 AND redirect_host = $3";
const KEEP_CONSENT: &str = "INSERT INTO consents (sub, client_id, redirect_host, scopes, resources, granted_at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sub, client_id, redirect_host) DO UPDATE SET \
     scopes = excluded.scopes, resources = excluded.resources, granted_at = excluded.granted_at";
const DROP_CONSENT: &str = "DELETE FROM consents WHERE sub = $1 AND client_id = $2";

const ATTEMPTS: usize = 10;

impl Store {
    /// An account.
    pub async fn user(&self, sub: &str) -> Result<Option<User>, StoreError> {
        self.read(Statement::new(USER).text(sub)).await?.first().map(user_of).transpose()
    }

    /// The account of that name, as PRECIS maps it.
    pub async fn user_named(&self, username: &str) -> Result<Option<User>, StoreError> {
        self.read(Statement::new(USER_BY_NAME).text(username)).await?.first().map(user_of).transpose()
    }

    /// Every account in the order of the names, read a page at a time.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut users: Vec<User> = Vec::new();
        loop {
            let after = users.last().map_or("", |last| last.username.as_str());
            let page = self.read(Statement::new(USERS).text(after).int(PAGE)).await?;
            for row in &page {
                users.push(user_of(row)?);
            }
            if !is_full(&page, PAGE) {
                return Ok(users);
            }
        }
    }

    /// Makes an account. A conflict where the name is taken.
    pub async fn add_user(&self, user: &User, act: &Act) -> Result<(), StoreError> {
        let statement = bind(Statement::new(ADD_USER).text(&user.sub), user)
            .int(user.created_at.seconds())
            .int(user.updated_at.seconds());
        let taken = format!("the account {} exists", user.username);
        let mut steps = act.all_steps();
        steps.push(Step::guarded(statement, taken));
        self.transact(steps).await
    }

    /// Changes an account, as [`Store::change_client`] does a client. `None` where there is nothing to change. With
    /// `ends_sessions` its login sessions go in the same transaction.
    pub async fn change_user<E: From<StoreError>>(
        &self,
        sub: &str,
        ends_sessions: bool,
        mut change: impl FnMut(&User) -> Result<Option<(User, Option<Act>)>, E>,
    ) -> Result<Option<User>, E> {
        let mut last = unknown(sub);
        for _ in 0..ATTEMPTS {
            let rows = self.read(Statement::new(USER).text(sub)).await?;
            let Some(row) = rows.first() else { return Err(unknown(sub).into()) };
            let (user, revision): (User, i64) = (user_of(row)?, row.get("revision")?);
            let Some((changed, act)) = change(&user)? else { return Ok(None) };
            let statement = bind(Statement::new(CHANGE_USER).text(sub), &changed)
                .int(changed.updated_at.seconds())
                .int(revision);
            let busy = format!("the account {} is being changed by somebody else", user.username);
            let mut steps = act.as_ref().map(Act::all_steps).unwrap_or_default();
            steps.push(Step::guarded(statement, busy));
            if ends_sessions {
                steps.push(Step::any(Statement::new(END_SESSIONS_OF).text(sub)));
            }
            match self.transact(steps).await {
                Ok(()) => return Ok(Some(changed)),
                Err(conflict @ StoreError::Conflict(_)) => last = conflict,
                Err(other) => return Err(other.into()),
            }
        }
        Err(last.into())
    }

    /// Removes an account with its sessions and consents.
    pub async fn remove_user(&self, sub: &str, act: &Act) -> Result<(), StoreError> {
        let mut steps = act.all_steps();
        steps.push(Step::guarded(Statement::new(REMOVE_USER).text(sub), String::new()));
        for sql in [END_SESSIONS_OF, DROP_CONSENTS_OF] {
            steps.push(Step::any(Statement::new(sql).text(sub)));
        }
        match self.transact(steps).await {
            Err(StoreError::Conflict(_)) => Err(unknown(sub)),
            other => other,
        }
    }

    /// The login session whose cookie has this hash; whether it is over is for the caller to say.
    pub async fn session(&self, id_hash: &str) -> Result<Option<Session>, StoreError> {
        self.read(Statement::new(SESSION).text(id_hash)).await?.first().map(session_of).transpose()
    }

    /// The login sessions of a person, those used last first; at most a page of them.
    pub async fn sessions_of(&self, sub: &str) -> Result<Vec<Session>, StoreError> {
        self.read(Statement::new(SESSIONS_OF).text(sub).int(PAGE)).await?.iter().map(session_of).collect()
    }

    /// Begins a login session of an account as it was read: `false` where it has changed since.
    pub async fn add_session(&self, session: &Session, of: &User) -> Result<bool, StoreError> {
        let password = of.password.as_ref().map(|phc| phc.reveal().to_owned());
        let statement = Statement::by_database(ADD_SESSION_POSTGRES, ADD_SESSION_SQLITE)
            .text(&session.id_hash)
            .text(&session.sid)
            .text(&session.sub)
            .text(json(&session.methods))
            .text(&session.address)
            .text(&session.agent)
            .int(session.authenticated_at.seconds())
            .int(session.used_at.seconds())
            .int(session.expires_at.seconds())
            .text(password.unwrap_or_default());
        Ok(!self.write(statement).await?.is_empty())
    }

    /// Notes that a login session was used.
    pub async fn use_session(&self, id_hash: &str, now: Timestamp) -> Result<(), StoreError> {
        self.write(Statement::new(USE_SESSION).text(id_hash).int(now.seconds())).await.map(drop)
    }

    /// Ends a login session of this person.
    pub async fn end_session(&self, sid: &str, sub: &str) -> Result<(), StoreError> {
        self.write(Statement::new(END_SESSION).text(sid).text(sub)).await.map(drop)
    }

    /// What a person allowed, the newest first; at most a page of it.
    pub async fn consents_of(&self, sub: &str) -> Result<Vec<Consent>, StoreError> {
        self.read(Statement::new(CONSENTS_OF).text(sub).int(PAGE)).await?.iter().map(consent_of).collect()
    }

    /// What a person allowed a client that is answered at this host.
    pub async fn consent(
        &self,
        sub: &str,
        client: &ClientId,
        redirect_host: &str,
    ) -> Result<Option<Consent>, StoreError> {
        let statement = Statement::new(CONSENT).text(sub).text(client.as_str()).text(redirect_host);
        self.read(statement).await?.first().map(consent_of).transpose()
    }

    /// Keeps what a person allowed, in the place of what it allowed before.
    pub async fn keep_consent(&self, consent: &Consent) -> Result<(), StoreError> {
        let statement = Statement::new(KEEP_CONSENT)
            .text(&consent.sub)
            .text(consent.client_id.as_str())
            .text(&consent.redirect_host)
            .text(consent.scopes.to_string())
            .text(json(&consent.resources))
            .int(consent.granted_at.seconds());
        self.write(statement).await.map(drop)
    }

    /// Forgets what a person allowed a client.
    pub async fn drop_consent(&self, sub: &str, client: &ClientId) -> Result<(), StoreError> {
        self.write(Statement::new(DROP_CONSENT).text(sub).text(client.as_str())).await.map(drop)
    }
}

fn bind(statement: Statement, user: &User) -> Statement {
    statement
        .text(&user.username)
        .opt_text(user.password.as_ref().map(|phc| phc.reveal().to_owned()))
        .text(json(&user.claims))
        .flag(user.enabled)
        .int(user.not_before.seconds())
}

fn user_of(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        sub: row.get("sub")?,
        username: row.get("username")?,
        password: row.get::<Option<String>>("password")?.map(Secret::new),
        claims: row.json("claims")?,
        enabled: row.get("enabled")?,
        not_before: Timestamp(row.get("not_before")?),
        created_at: Timestamp(row.get("created_at")?),
        updated_at: Timestamp(row.get("updated_at")?),
    })
}

fn session_of(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id_hash: row.get("id_hash")?,
        sid: row.get("sid")?,
        sub: row.get("sub")?,
        methods: row.json("methods")?,
        address: row.get("address")?,
        agent: row.get("agent")?,
        authenticated_at: Timestamp(row.get("authenticated_at")?),
        used_at: Timestamp(row.get("used_at")?),
        expires_at: Timestamp(row.get("expires_at")?),
    })
}

fn consent_of(row: &Row) -> Result<Consent, StoreError> {
    Ok(Consent {
        sub: row.get("sub")?,
        client_id: row.parse("client_id")?,
        redirect_host: row.get("redirect_host")?,
        scopes: row.parse("scopes")?,
        resources: row.json("resources")?,
        granted_at: Timestamp(row.get("granted_at")?),
    })
}

fn unknown(sub: &str) -> StoreError {
    StoreError::NotFound(format!("there is no account {sub}"))
}
