-- Private halves of signing keys, wrapped under the root secret, where `keys.store` is `database` (decision 10). A table
-- of its own: whoever may look at the keys need not see these.
CREATE TABLE private_keys (
    kid TEXT PRIMARY KEY,
    root_id TEXT NOT NULL,
    wrapped TEXT NOT NULL
);
