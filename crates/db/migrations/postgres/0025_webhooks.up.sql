-- Outgoing webhooks: who asked for what, what is on its way, what was tried (hooks).
CREATE TABLE webhooks (
    id              UUID    NOT NULL PRIMARY KEY,
    level           TEXT    NOT NULL CHECK (level IN ('repository', 'organization', 'publisher', 'installation')),
    repository_id   UUID    REFERENCES resources (id) ON DELETE CASCADE,
    account_id      UUID    REFERENCES principals (id) ON DELETE RESTRICT,
    url             TEXT    NOT NULL CHECK (length(url) BETWEEN 1 AND 2048),
    events          TEXT    NOT NULL, -- JSON, a list of patterns
    content         TEXT    NOT NULL CHECK (content IN ('full', 'thin')),
    ordering        TEXT    NOT NULL CHECK (ordering IN ('subject', 'none')),
    confidential    BOOLEAN NOT NULL,
    filter          TEXT    NOT NULL, -- JSON, lists by name
    max_in_flight   BIGINT  NOT NULL CHECK (max_in_flight BETWEEN 1 AND 32),
    description     TEXT    NOT NULL CHECK (length(description) <= 200),
    state           TEXT    NOT NULL CHECK (state IN ('active', 'paused', 'failing', 'gone', 'deleted')),
    failures_in_row BIGINT  NOT NULL DEFAULT 0 CHECK (failures_in_row >= 0),
    open_until      BIGINT, -- when the next probe goes out, if the breaker is open
    probe_step      BIGINT  NOT NULL DEFAULT 0 CHECK (probe_step >= 0),
    is_draining     BOOLEAN NOT NULL DEFAULT FALSE, -- the breaker has closed, and not all that waits was made due
    created_by      UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at      BIGINT  NOT NULL,
    version         BIGINT  NOT NULL DEFAULT 1 CHECK (version >= 1),
    CHECK ((level = 'repository') = (repository_id IS NOT NULL)),
    CHECK ((level IN ('organization', 'publisher')) = (account_id IS NOT NULL))
);
CREATE INDEX webhooks_repository ON webhooks (repository_id) WHERE repository_id IS NOT NULL;
CREATE INDEX webhooks_account ON webhooks (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX webhooks_installation ON webhooks (level) WHERE level = 'installation';
CREATE INDEX webhooks_open ON webhooks (open_until) WHERE open_until IS NOT NULL;
CREATE INDEX webhooks_created_by ON webhooks (created_by);

-- What deliveries are signed with. The newest has no end.
CREATE TABLE webhook_secrets (
    id           UUID    NOT NULL PRIMARY KEY,
    webhook_id   UUID    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    key_id       TEXT    NOT NULL, -- of the install key that seals it
    sealed_dek   BYTEA   NOT NULL,
    sealed_value BYTEA   NOT NULL,
    last4        TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT
);
CREATE INDEX webhook_secrets_webhook ON webhook_secrets (webhook_id);

-- How many events each subject has had.
CREATE TABLE webhook_subjects (
    subject  TEXT    NOT NULL PRIMARY KEY CHECK (length(subject) BETWEEN 1 AND 400),
    sequence BIGINT  NOT NULL CHECK (sequence >= 1)
);

-- The bytes, made once in the transaction of the change.
CREATE TABLE webhook_payloads (
    event_id   UUID    NOT NULL,
    content    TEXT    NOT NULL CHECK (content IN ('full', 'thin')),
    body       BYTEA   NOT NULL,
    sha256     BYTEA   NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (event_id, content)
);

CREATE TABLE webhook_deliveries (
    id          UUID    NOT NULL PRIMARY KEY,
    webhook_id  UUID    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event_id    UUID    NOT NULL,
    content     TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    sequence    BIGINT  NOT NULL,
    is_ordered  BOOLEAN NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'delivering', 'delivered', 'dead', 'cancelled')),
    reason      TEXT,
    slot        BIGINT  NOT NULL DEFAULT 0 CHECK (slot >= 0), -- tries of this run of the schedule
    attempts    BIGINT  NOT NULL DEFAULT 0 CHECK (attempts >= 0), -- rows of webhook_attempts
    is_resent   BOOLEAN NOT NULL DEFAULT FALSE,
    due_at      BIGINT, -- none while an earlier one of the same subject is on its way
    lease_until BIGINT,
    fence       BIGINT  NOT NULL DEFAULT 0 CHECK (fence >= 0),
    created_at  BIGINT  NOT NULL,
    began_at    BIGINT  NOT NULL, -- when this run of the schedule began
    finished_at BIGINT,
    UNIQUE (webhook_id, event_id),
    FOREIGN KEY (event_id, content) REFERENCES webhook_payloads (event_id, content) ON DELETE RESTRICT,
    CHECK ((state = 'delivering') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('delivered', 'dead', 'cancelled')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX webhook_deliveries_order ON webhook_deliveries (webhook_id, subject)
    WHERE state = 'delivering' AND is_ordered;
CREATE INDEX webhook_deliveries_hook_due ON webhook_deliveries (webhook_id, due_at, id)
    WHERE state = 'pending' AND due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE state = 'pending' AND due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lease ON webhook_deliveries (lease_until) WHERE state = 'delivering';
CREATE INDEX webhook_deliveries_busy ON webhook_deliveries (webhook_id) WHERE state = 'delivering';
CREATE INDEX webhook_deliveries_subject ON webhook_deliveries (webhook_id, subject, sequence)
    WHERE state IN ('pending', 'delivering');
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_payload ON webhook_deliveries (event_id, content);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    delivery_id   UUID    NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number        BIGINT  NOT NULL CHECK (number >= 1),
    kind          TEXT    NOT NULL CHECK (kind IN ('try', 'probe', 'resend', 'circuit_open')),
    started_at    BIGINT  NOT NULL,
    duration_ms   BIGINT  NOT NULL CHECK (duration_ms >= 0),
    outcome       TEXT    NOT NULL,
    status        BIGINT,
    response_type TEXT,
    response_body BYTEA   CHECK (length(response_body) <= 4096),
    fence         BIGINT  NOT NULL,
    PRIMARY KEY (delivery_id, number)
);
