-- What the running server writes (decision 1).
CREATE TABLE root_secrets (
    root_id TEXT PRIMARY KEY,
    slot BIGINT NOT NULL UNIQUE CHECK (slot = 1),
    claimed_at BIGINT NOT NULL
);

CREATE TABLE keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT,
    gone_at BIGINT,
    revision BIGINT NOT NULL,
    root_id TEXT NOT NULL,
    mac TEXT NOT NULL
);
CREATE UNIQUE INDEX keys_one_active ON keys (algorithm) WHERE state = 'active';
CREATE UNIQUE INDEX keys_one_standby ON keys (algorithm) WHERE state = 'standby';

CREATE TABLE secret_rehashes (
    client_id TEXT NOT NULL,
    replaces TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, replaces)
);

CREATE TABLE opaque_tokens (
    hash TEXT PRIMARY KEY,
    jti TEXT NOT NULL,
    client_id TEXT NOT NULL,
    document TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX opaque_tokens_by_expiry ON opaque_tokens (expires_at);

CREATE TABLE replicas (
    replica_id TEXT PRIMARY KEY,
    kids TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);
