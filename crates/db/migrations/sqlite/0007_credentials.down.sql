ALTER TABLE repositories DROP COLUMN training_opt_out;
DROP INDEX principals_purge;
DROP INDEX audit_events_by;
DROP TABLE idempotent_requests;
DROP TABLE break_glass;
DROP TABLE secrets;
DROP INDEX tokens_client;
ALTER TABLE tokens DROP COLUMN client_id;
DROP TABLE oauth_clients;
DROP TABLE external_identities;
DROP TABLE passkeys;

-- Who came by an account elsewhere signs in again.
DELETE FROM sessions WHERE opened_with = 'identity';
CREATE TABLE sessions_next (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    principal_id BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    opened_with  TEXT    NOT NULL CHECK (opened_with IN ('once', 'passkey', 'local')),
    key_id       BLOB    REFERENCES keys (id) ON DELETE RESTRICT, -- whose signature opened it
    auth_time    INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    idle_until   INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ip           TEXT    NOT NULL DEFAULT '',
    user_agent   TEXT    NOT NULL DEFAULT '',
    revoked_at   INTEGER
) STRICT;
INSERT INTO sessions_next SELECT * FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_next RENAME TO sessions;
CREATE INDEX sessions_principal ON sessions (principal_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_key ON sessions (key_id);
CREATE INDEX sessions_end ON sessions (ends_at);
