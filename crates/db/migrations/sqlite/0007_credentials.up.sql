-- Passkeys, accounts elsewhere, applications, secrets of publishers, requests that may be repeated (trust).

CREATE TABLE passkeys (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    principal_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    credential_id BLOB    NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key    BLOB    NOT NULL, -- COSE_Key, RFC 9052 section 7
    alg           INTEGER NOT NULL CHECK (alg IN (-7, -8)), -- ES256, EdDSA
    sign_count    INTEGER NOT NULL CHECK (sign_count >= 0),
    label         TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT;
CREATE INDEX passkeys_principal ON passkeys (principal_id);

CREATE TABLE external_identities (
    provider     TEXT    NOT NULL,
    subject      TEXT    NOT NULL, -- the name the provider never gives to anybody else
    principal_id BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    linked_at    INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX external_identities_principal ON external_identities (principal_id);

-- Applications that ask people for a token (RFC 7591). They hold no secret.
CREATE TABLE oauth_clients (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT    NOT NULL,
    redirect_uris TEXT    NOT NULL, -- a JSON list
    metadata_url  TEXT    UNIQUE,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT;
CREATE INDEX oauth_clients_unused ON oauth_clients (created_at) WHERE last_used_at IS NULL;

ALTER TABLE tokens ADD COLUMN client_id BLOB REFERENCES oauth_clients (id) ON DELETE RESTRICT;
CREATE INDEX tokens_client ON tokens (client_id);

-- A session may be opened by an account elsewhere too.
CREATE TABLE sessions_next (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    principal_id BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    opened_with  TEXT    NOT NULL CHECK (opened_with IN ('once', 'passkey', 'local', 'identity')),
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

-- What a publisher shows to others, or signs with. The value is sealed under a key of its own, and that one under the
-- install key.
CREATE TABLE secrets (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    publisher_id BLOB    NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    kind         TEXT    NOT NULL CHECK (kind IN ('webhook_signing', 'subcommand_bearer')),
    key_id       TEXT    NOT NULL, -- of the install key that seals it
    sealed_dek   BLOB    NOT NULL,
    sealed_value BLOB    NOT NULL,
    last4        TEXT    NOT NULL,
    activate_at  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX secrets_publisher ON secrets (publisher_id, kind) WHERE revoked_at IS NULL;

-- Whose private thing an install admin looks into, why, and until when.
CREATE TABLE break_glass (
    id        BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    admin_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    repo_id   BLOB    NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    reason    TEXT    NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    opened_at INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    closed_at INTEGER -- when the end was written down
) STRICT;
CREATE INDEX break_glass_repo ON break_glass (repo_id, admin_id);
CREATE INDEX break_glass_open ON break_glass (ends_at) WHERE closed_at IS NULL;

-- What a POST with an `Idempotency-Key` was answered. The row commits with what the request did; the answer follows.
CREATE TABLE idempotent_requests (
    principal_id BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    route        TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL CHECK (length(request_hash) = 32), -- of address and body
    status       INTEGER, -- nothing while the answer is not known
    headers      TEXT    NOT NULL DEFAULT '', -- JSON, those that tell about the answer
    body         BLOB,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (principal_id, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotent_requests_age ON idempotent_requests (created_at);

-- What somebody did, whatever the chain; whose things go, and when.
CREATE INDEX audit_events_by ON audit_events (actor_id, id);
CREATE INDEX principals_purge ON principals (purge_after) WHERE purge_after IS NOT NULL;

-- Whether those who train models are asked to leave a public repository alone.
ALTER TABLE repositories ADD COLUMN training_opt_out INTEGER NOT NULL DEFAULT 0 CHECK (training_opt_out IN (0, 1));
