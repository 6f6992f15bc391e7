-- Who acts and how they prove it (trust). Ids are UUIDs, moments are Unix milliseconds.

CREATE TABLE principals (
    id              BLOB    PRIMARY KEY CHECK (length(id) = 16),
    kind            TEXT    NOT NULL CHECK (kind IN ('person', 'agent', 'organization', 'operator')),
    handle          TEXT    NOT NULL UNIQUE CHECK (handle = lower(handle)),
    display_name    TEXT    NOT NULL DEFAULT '',
    bio             TEXT    NOT NULL DEFAULT '',
    install_admin   INTEGER NOT NULL DEFAULT 0 CHECK (install_admin = 0 OR (install_admin = 1 AND kind = 'person')),
    status          TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    tos_version     TEXT,
    tos_accepted_at INTEGER,
    created_at      INTEGER NOT NULL
) STRICT;
-- The install acts through exactly one row.
CREATE UNIQUE INDEX principals_one_operator ON principals (kind) WHERE kind = 'operator';

CREATE TABLE keys (
    id            BLOB    PRIMARY KEY CHECK (length(id) = 16),
    principal_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    fingerprint   TEXT    NOT NULL UNIQUE,
    public_key    BLOB    NOT NULL CHECK (length(public_key) = 32),
    label         TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER,
    revoke_reason TEXT    CHECK (revoke_reason IN ('compromised', 'retired'))
) STRICT;
CREATE INDEX keys_principal ON keys (principal_id);

CREATE TABLE auth_challenges (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    handle     TEXT    NOT NULL,
    public_key BLOB    NOT NULL CHECK (length(public_key) = 32),
    message    TEXT    NOT NULL,
    label      TEXT    NOT NULL DEFAULT '',
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX auth_challenges_expiry ON auth_challenges (expires_at);

-- A signed request that changes something is accepted once; the row commits with what the request did.
CREATE TABLE request_nonces (
    key_id     BLOB    NOT NULL REFERENCES keys (id) ON DELETE RESTRICT,
    nonce      TEXT    NOT NULL,
    taken_by   BLOB    NOT NULL, -- the request, so that its own later transactions are not taken for a replay
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_nonces_expiry ON request_nonces (expires_at);

CREATE TABLE install_state (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Everything that can be seen or hidden. Written in the transaction of the room that owns the thing; lists and
-- searches join it. This is the one table that other rooms may join.
CREATE TABLE resources (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    kind       TEXT NOT NULL CHECK (kind IN ('repository')),
    owner_id   BLOB NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    owner_handle TEXT NOT NULL, -- fixed for life, so a copy cannot go stale; saves lists the join
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'private')),
    state      TEXT NOT NULL CHECK (state IN ('nascent', 'live', 'archived', 'deleted'))
) STRICT;
CREATE INDEX resources_owner ON resources (owner_id, kind);
