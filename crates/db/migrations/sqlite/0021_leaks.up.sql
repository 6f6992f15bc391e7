-- What becomes of keys and tokens that were left in a file, and what of them may pass (hub).
ALTER TABLE repositories ADD COLUMN secret_protection TEXT NOT NULL DEFAULT 'warn'
    CHECK (secret_protection IN ('off', 'warn', 'refuse'));

CREATE TABLE secret_passes (
    repository_id BLOB NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    fingerprint   BLOB NOT NULL CHECK (length(fingerprint) = 8),
    principal_id  BLOB NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    reason        TEXT NOT NULL DEFAULT '' CHECK (length(reason) <= 350),
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, fingerprint)
) STRICT;
CREATE INDEX secret_passes_principal ON secret_passes (principal_id);
