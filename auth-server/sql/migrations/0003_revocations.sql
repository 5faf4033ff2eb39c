-- Revocations, which the running server writes (decisions 17 to 19). A row stands until what it means has expired.
CREATE TABLE revocations (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    revision BIGINT
);
CREATE INDEX revocations_by_revision ON revocations (revision);
CREATE INDEX revocations_without_revision ON revocations (id) WHERE revision IS NULL;
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

-- How far the numbering is. The epoch is random, and empty until the first server has started.
CREATE TABLE revocation_state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    revision BIGINT NOT NULL
);
INSERT INTO revocation_state (id, epoch, revision) VALUES (1, '', 0);
