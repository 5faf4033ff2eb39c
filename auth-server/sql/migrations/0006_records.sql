-- What expires by itself, found by its key alone: records (with a body) and counters (with a total).
CREATE TABLE records (
    key TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    body TEXT,
    total BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX records_by_expiry ON records (expires_at);
