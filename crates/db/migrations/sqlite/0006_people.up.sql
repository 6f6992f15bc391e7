-- Organizations, agents, tokens, sessions, and what was done (trust).

ALTER TABLE principals ADD COLUMN website_url TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN email TEXT;
ALTER TABLE principals ADD COLUMN deleted_at INTEGER;
ALTER TABLE principals ADD COLUMN purge_after INTEGER;

ALTER TABLE keys ADD COLUMN last_used_at INTEGER;
ALTER TABLE keys ADD COLUMN revoked_by BLOB REFERENCES principals (id) ON DELETE RESTRICT;
ALTER TABLE keys ADD COLUMN compromised_since INTEGER;

CREATE TABLE agents (
    principal_id    BLOB NOT NULL PRIMARY KEY REFERENCES principals (id) ON DELETE RESTRICT,
    owner_id        BLOB NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    model           TEXT NOT NULL DEFAULT '',
    capabilities    TEXT NOT NULL DEFAULT '[]', -- a JSON list of names
    scope           TEXT NOT NULL, -- JSON: bounds its keys and its tokens
    tos_accepted_by BLOB NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    disabled_at     INTEGER
) STRICT;
CREATE INDEX agents_owner ON agents (owner_id);

CREATE TABLE organizations (
    principal_id      BLOB    NOT NULL PRIMARY KEY REFERENCES principals (id) ON DELETE RESTRICT,
    base_level        TEXT    NOT NULL DEFAULT 'write' CHECK (base_level IN ('none', 'read', 'write')), -- of members
    publisher_enabled INTEGER NOT NULL DEFAULT 0 CHECK (publisher_enabled IN (0, 1))
) STRICT;

CREATE TABLE org_members (
    org_id       BLOB    NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    principal_id BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    role         TEXT    NOT NULL CHECK (role IN ('viewer', 'reviewer', 'member', 'admin', 'owner')),
    team_id      BLOB, -- teams come later
    invited_by   BLOB    REFERENCES principals (id) ON DELETE RESTRICT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (org_id, principal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX org_members_principal ON org_members (principal_id);
-- A program never rules over people.
CREATE TRIGGER org_members_agents_insert BEFORE INSERT ON org_members
WHEN NEW.role IN ('admin', 'owner') AND (SELECT kind FROM principals WHERE id = NEW.principal_id) <> 'person'
BEGIN SELECT RAISE(ABORT, 'only a person may be admin or owner of an organization'); END;
CREATE TRIGGER org_members_agents_update BEFORE UPDATE ON org_members
WHEN NEW.role IN ('admin', 'owner') AND (SELECT kind FROM principals WHERE id = NEW.principal_id) <> 'person'
BEGIN SELECT RAISE(ABORT, 'only a person may be admin or owner of an organization'); END;

CREATE TABLE collaborators (
    repo_id      BLOB    NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    principal_id BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    level        TEXT    NOT NULL CHECK (level IN ('read', 'triage', 'write', 'admin')),
    granted_by   BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (repo_id, principal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX collaborators_principal ON collaborators (principal_id);

-- Only a hash of a token is kept; the last characters tell tokens apart.
CREATE TABLE tokens (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    line_id      BLOB    NOT NULL, -- a token and what it was rotated into
    kind         TEXT    NOT NULL CHECK (kind IN ('admin', 'runner', 'agent', 'device', 'git', 'personal', 'executor',
                                                  'refresh', 'bootstrap', 'invite')),
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    last8        TEXT    NOT NULL CHECK (length(last8) = 8),
    principal_id BLOB    REFERENCES principals (id) ON DELETE RESTRICT, -- as whom it acts
    publisher_id BLOB    REFERENCES principals (id) ON DELETE RESTRICT, -- for which organization
    scope        TEXT    NOT NULL DEFAULT '{}', -- JSON
    label        TEXT    NOT NULL DEFAULT '',
    minted_by    BLOB    REFERENCES principals (id) ON DELETE RESTRICT,
    minted_with  BLOB    REFERENCES keys (id) ON DELETE RESTRICT,
    source       TEXT    NOT NULL CHECK (source IN ('api', 'bootstrap', 'config', 'helper', 'oauth')),
    audience     TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER,
    uses_left    INTEGER CHECK (uses_left >= 0)
) STRICT;
CREATE INDEX tokens_principal ON tokens (principal_id, kind) WHERE revoked_at IS NULL;
CREATE INDEX tokens_publisher ON tokens (publisher_id, kind) WHERE revoked_at IS NULL;
CREATE INDEX tokens_line ON tokens (line_id);
CREATE INDEX tokens_key ON tokens (minted_with);

CREATE TABLE sessions (
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
CREATE INDEX sessions_principal ON sessions (principal_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_key ON sessions (key_id);
CREATE INDEX sessions_end ON sessions (ends_at);

CREATE TABLE one_time_codes (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    purpose      TEXT    NOT NULL CHECK (purpose IN ('web_login', 'device', 'passkey', 'oauth', 'authorize')),
    code_hash    BLOB    NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    principal_id BLOB    REFERENCES principals (id) ON DELETE RESTRICT,
    key_id       BLOB    REFERENCES keys (id) ON DELETE RESTRICT,
    payload      TEXT    NOT NULL DEFAULT '',
    attempts     INTEGER NOT NULL DEFAULT 0,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER
) STRICT;
CREATE INDEX one_time_codes_end ON one_time_codes (expires_at);
CREATE INDEX one_time_codes_key ON one_time_codes (key_id);

-- Keys with which the install signs; the private half is sealed under the install key.
CREATE TABLE signing_keys (
    kid            TEXT    NOT NULL PRIMARY KEY,
    purpose        TEXT    NOT NULL CHECK (purpose IN ('session', 'audit', 'provenance', 'server')),
    public_key     BLOB    NOT NULL CHECK (length(public_key) = 32),
    key_id         TEXT    NOT NULL, -- of the install key that seals it
    sealed_private BLOB    NOT NULL,
    status         TEXT    NOT NULL CHECK (status IN ('active', 'retiring', 'retired')),
    created_at     INTEGER NOT NULL,
    retired_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (purpose) WHERE status = 'active';

-- Who failed to prove what they are, one row for each address or credential.
CREATE TABLE auth_failures (
    key          TEXT    NOT NULL PRIMARY KEY,
    count        INTEGER NOT NULL CHECK (count >= 0),
    locked_until INTEGER,
    last_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth_failures_last ON auth_failures (last_at);

-- What was done, in chains: rows are only added. `private_digest` stands for what is erased after a year.
CREATE TABLE audit_events (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    chain           BLOB    NOT NULL CHECK (length(chain) = 16), -- an organization; all zeros for the install
    seq             INTEGER NOT NULL CHECK (seq >= 1),
    time            INTEGER NOT NULL,
    request_id      TEXT    NOT NULL,
    actor_id        BLOB CHECK (length(actor_id) = 16),
    actor_kind      TEXT    NOT NULL,
    credential_id   BLOB CHECK (length(credential_id) = 16),
    credential_kind TEXT    NOT NULL,
    on_behalf_of    BLOB CHECK (length(on_behalf_of) = 16),
    action          TEXT    NOT NULL,
    resource_kind   TEXT    NOT NULL,
    resource_id     TEXT    NOT NULL,
    outcome         TEXT    NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
    reason          TEXT    NOT NULL,
    before_digest   TEXT,
    after_digest    TEXT,
    detail          TEXT    NOT NULL CHECK (length(detail) <= 4096),
    private_digest  TEXT    NOT NULL,
    prev_hash       TEXT    NOT NULL CHECK (length(prev_hash) = 64),
    hash            TEXT    NOT NULL CHECK (length(hash) = 64),
    UNIQUE (chain, seq),
    UNIQUE (chain, prev_hash)
) STRICT;
CREATE INDEX audit_events_actor ON audit_events (chain, actor_id, seq);
CREATE INDEX audit_events_action ON audit_events (chain, action, seq);
CREATE TRIGGER audit_events_stay BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE(ABORT, 'an audit row is never changed'); END;
-- A prefix up to a signed head may be pruned, nothing else may go.
CREATE TRIGGER audit_events_prefix BEFORE DELETE ON audit_events
WHEN NOT EXISTS (SELECT 1 FROM audit_heads AS h WHERE h.chain = OLD.chain AND h.seq >= OLD.seq)
  OR EXISTS (SELECT 1 FROM audit_events AS e WHERE e.chain = OLD.chain AND e.seq < OLD.seq)
BEGIN SELECT RAISE(ABORT, 'an audit row is never deleted'); END;

CREATE TABLE audit_private (
    event_id    BLOB    NOT NULL PRIMARY KEY REFERENCES audit_events (id) ON DELETE CASCADE,
    salt        BLOB    NOT NULL CHECK (length(salt) = 32),
    ip          TEXT    NOT NULL,
    user_agent  TEXT    NOT NULL,
    erase_after INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_private_erase ON audit_private (erase_after);

CREATE TABLE audit_heads (
    chain     BLOB    NOT NULL CHECK (length(chain) = 16),
    seq       INTEGER NOT NULL,
    hash      TEXT    NOT NULL CHECK (length(hash) = 64),
    time      INTEGER NOT NULL,
    kid       TEXT    NOT NULL REFERENCES signing_keys (kid) ON DELETE RESTRICT,
    signature BLOB    NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (chain, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_heads_kid ON audit_heads (kid);
