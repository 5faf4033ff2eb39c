-- For whom a revocation counts against the limit of live entries; NULL for those that count against nobody.
ALTER TABLE revocations ADD COLUMN counted_for TEXT;
CREATE INDEX revocations_by_holder ON revocations (counted_for, expires_at) WHERE counted_for IS NOT NULL;
-- An administrator asks about one token among millions of rows.
CREATE INDEX revocations_cut_offs ON revocations (kind, target) WHERE kind <> 'token';
