-- Movements of refs in chains (hub), and what a repository asks of signatures.
ALTER TABLE repositories ADD COLUMN require_signed_commits TEXT NOT NULL DEFAULT 'off'
    CHECK (require_signed_commits IN ('off', 'registered', 'members'));
ALTER TABLE repositories ADD COLUMN require_signed_refs INTEGER NOT NULL DEFAULT 0;
-- Those of the last entry of the ref; 0 and nothing for one that has not moved since there is a log.
ALTER TABLE refs ADD COLUMN counter INTEGER NOT NULL DEFAULT 0 CHECK (counter >= 0);
ALTER TABLE refs ADD COLUMN entry_hash BLOB;

CREATE TABLE ref_log (
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    ref           TEXT    NOT NULL,
    counter       INTEGER NOT NULL CHECK (counter >= 1),
    old           TEXT    NOT NULL, -- a commit id; empty for none
    new           TEXT    NOT NULL,
    prev          BLOB,
    pusher_key    TEXT    NOT NULL,
    time_text     TEXT    NOT NULL,
    signature     BLOB,
    entry_hash    BLOB    NOT NULL UNIQUE CHECK (length(entry_hash) = 32),
    forced        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (repository_id, ref, counter)
) STRICT, WITHOUT ROWID;

CREATE TABLE ref_seals (
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL CHECK (seq >= 1),
    entry_hash    BLOB    NOT NULL REFERENCES ref_log (entry_hash) ON DELETE CASCADE,
    prev_seal     BLOB,
    evidence      BLOB,
    principal     TEXT    NOT NULL, -- the handle that was sealed
    via           TEXT    NOT NULL CHECK (via IN ('msign', 'token', 'ssh', 'server', 'mirror', 'import')),
    time_text     TEXT    NOT NULL,
    server_key    TEXT    NOT NULL,
    signature     BLOB    NOT NULL,
    seal_hash     BLOB    NOT NULL CHECK (length(seal_hash) = 32),
    PRIMARY KEY (repository_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX ref_seals_entry ON ref_seals (entry_hash);
