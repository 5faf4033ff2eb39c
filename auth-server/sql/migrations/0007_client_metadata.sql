-- What is rarely needed of a client, as one JSON document: a member more needs no migration.
ALTER TABLE clients ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
