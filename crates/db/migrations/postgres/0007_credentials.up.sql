-- Passkeys, accounts elsewhere, applications, secrets of publishers, requests that may be repeated (trust).

CREATE TABLE passkeys (
    id            UUID    NOT NULL PRIMARY KEY,
    principal_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    credential_id BYTEA   NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key    BYTEA   NOT NULL, -- COSE_Key, RFC 9052 section 7
    alg           BIGINT  NOT NULL CHECK (alg IN (-7, -8)), -- ES256, EdDSA
    sign_count    BIGINT  NOT NULL CHECK (sign_count >= 0),
    label         TEXT    NOT NULL DEFAULT '',
    created_at    BIGINT  NOT NULL,
    last_used_at  BIGINT
);
CREATE INDEX passkeys_principal ON passkeys (principal_id);

CREATE TABLE external_identities (
    provider     TEXT    NOT NULL,
    subject      TEXT    NOT NULL, -- the name the provider never gives to anybody else
    principal_id UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    linked_at    BIGINT  NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX external_identities_principal ON external_identities (principal_id);

-- Applications that ask people for a token (RFC 7591). They hold no secret.
CREATE TABLE oauth_clients (
    id            UUID    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    redirect_uris TEXT    NOT NULL, -- a JSON list
    metadata_url  TEXT    UNIQUE,
    created_at    BIGINT  NOT NULL,
    last_used_at  BIGINT
);
CREATE INDEX oauth_clients_unused ON oauth_clients (created_at) WHERE last_used_at IS NULL;

ALTER TABLE tokens ADD COLUMN client_id UUID REFERENCES oauth_clients (id) ON DELETE RESTRICT;
CREATE INDEX tokens_client ON tokens (client_id);

-- A session may be opened by an account elsewhere too.
ALTER TABLE sessions DROP CONSTRAINT sessions_opened_with_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_opened_with_check
    CHECK (opened_with IN ('once', 'passkey', 'local', 'identity'));

-- What a publisher shows to others, or signs with. The value is sealed under a key of its own, and that one under the
-- install key.
CREATE TABLE secrets (
    id           UUID    NOT NULL PRIMARY KEY,
    publisher_id UUID    NOT NULL REFERENCES organizations (principal_id) ON DELETE RESTRICT,
    kind         TEXT    NOT NULL CHECK (kind IN ('webhook_signing', 'subcommand_bearer')),
    key_id       TEXT    NOT NULL, -- of the install key that seals it
    sealed_dek   BYTEA   NOT NULL,
    sealed_value BYTEA   NOT NULL,
    last4        TEXT    NOT NULL,
    activate_at  BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT
);
CREATE INDEX secrets_publisher ON secrets (publisher_id, kind) WHERE revoked_at IS NULL;

-- Whose private thing an install admin looks into, why, and until when.
CREATE TABLE break_glass (
    id        UUID    NOT NULL PRIMARY KEY,
    admin_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    repo_id   UUID    NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    reason    TEXT    NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    opened_at BIGINT  NOT NULL,
    ends_at   BIGINT  NOT NULL,
    closed_at BIGINT -- when the end was written down
);
CREATE INDEX break_glass_repo ON break_glass (repo_id, admin_id);
CREATE INDEX break_glass_open ON break_glass (ends_at) WHERE closed_at IS NULL;

-- What a POST with an `Idempotency-Key` was answered. The row commits with what the request did; the answer follows.
CREATE TABLE idempotent_requests (
    principal_id UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    route        TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash BYTEA   NOT NULL CHECK (length(request_hash) = 32), -- of address and body
    status       BIGINT, -- nothing while the answer is not known
    headers      TEXT    NOT NULL DEFAULT '', -- JSON, those that tell about the answer
    body         BYTEA,
    created_at   BIGINT  NOT NULL,
    PRIMARY KEY (principal_id, route, key)
);
CREATE INDEX idempotent_requests_age ON idempotent_requests (created_at);

-- What somebody did, whatever the chain; whose things go, and when.
CREATE INDEX audit_events_by ON audit_events (actor_id, id);
CREATE INDEX principals_purge ON principals (purge_after) WHERE purge_after IS NOT NULL;

-- Whether those who train models are asked to leave a public repository alone.
ALTER TABLE repositories ADD COLUMN training_opt_out BIGINT NOT NULL DEFAULT 0 CHECK (training_opt_out IN (0, 1));
