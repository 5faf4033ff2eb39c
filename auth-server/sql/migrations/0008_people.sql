-- People, what they signed in to and what they allowed: written by the running server.
CREATE TABLE users (
    sub TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password TEXT,
    claims TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    not_before BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL
);

CREATE TABLE sessions (
    id_hash TEXT PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    sub TEXT NOT NULL,
    methods TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_sub ON sessions (sub);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE consents (
    sub TEXT NOT NULL,
    client_id TEXT NOT NULL,
    redirect_host TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (sub, client_id, redirect_host)
);
