-- What the admin role alone writes (decision 1), and its audit (decision 4).
CREATE TABLE registry_version (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO registry_version (id, version) VALUES (1, 0);

CREATE TABLE registry_changes (
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (version, kind, name)
);
CREATE INDEX registry_changes_by_time ON registry_changes (changed_at);

CREATE TABLE clients (
    client_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    profile TEXT NOT NULL,
    auth_methods TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    resources TEXT NOT NULL,
    scopes TEXT NOT NULL,
    default_scope TEXT,
    token_lifetime BIGINT,
    claims TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    import_source TEXT,
    import_digest TEXT,
    import_grant TEXT,
    import_revision BIGINT,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    removed_at BIGINT
);

CREATE INDEX clients_by_legacy ON clients (client_id) WHERE profile = 'legacy';

CREATE TABLE client_secrets (
    client_id TEXT NOT NULL REFERENCES clients (client_id),
    secret_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    hash TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (client_id, secret_id)
);

-- Imported secrets are few, and asked for at each change of the registry.
CREATE INDEX client_secrets_by_argon2 ON client_secrets (client_id) WHERE hash LIKE '$argon2%';

CREATE TABLE resources (
    name TEXT PRIMARY KEY,
    audience TEXT NOT NULL,
    scopes TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    token_lifetime BIGINT,
    token_format TEXT NOT NULL,
    introspectors TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE audit (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);

-- The roles that `db roles --apply` has served, so that a later migration serves them again.
CREATE TABLE database_roles (
    role TEXT PRIMARY KEY
);
