-- What the wire keeps beside history (hub): addresses for uploads, labels of commits, releases.

-- An address that takes the bytes of one object, with no other credential. It holds as long as the key or token by which
-- it was asked for.
CREATE TABLE upload_addresses (
    token_hash    BYTEA   PRIMARY KEY CHECK (length(token_hash) = 32),
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    key_id        UUID    REFERENCES keys (id) ON DELETE CASCADE,
    token_id      UUID    REFERENCES tokens (id) ON DELETE CASCADE,
    object_id     BYTEA   NOT NULL CHECK (length(object_id) = 32),
    max_bytes     BIGINT  NOT NULL CHECK (max_bytes > 0),
    ends_at       BIGINT  NOT NULL,
    CHECK ((key_id IS NULL) <> (token_id IS NULL))
);
CREATE INDEX upload_addresses_repository ON upload_addresses (repository_id);
CREATE INDEX upload_addresses_principal ON upload_addresses (principal_id);
CREATE INDEX upload_addresses_key ON upload_addresses (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX upload_addresses_token ON upload_addresses (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX upload_addresses_end ON upload_addresses (ends_at);

-- Free words about a commit, named by whoever made them.
CREATE TABLE commit_labels (
    repository_id   UUID    NOT NULL,
    id              UUID    NOT NULL,
    commit_id       BYTEA   NOT NULL,
    label           TEXT    NOT NULL,
    created_at_text TEXT    NOT NULL,
    received_at     BIGINT  NOT NULL,
    received_by     UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    PRIMARY KEY (repository_id, id),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE
);
CREATE INDEX commit_labels_commit ON commit_labels (repository_id, commit_id);
CREATE INDEX commit_labels_received ON commit_labels (repository_id, received_at, id);
CREATE INDEX commit_labels_received_by ON commit_labels (received_by);

CREATE TABLE releases (
    id            UUID    PRIMARY KEY,
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    tag           TEXT    NOT NULL,
    channel       TEXT    NOT NULL CHECK (channel IN ('stable', 'beta', 'alpha', 'nightly')),
    commit_id     BYTEA   NOT NULL,
    title         TEXT    NOT NULL,
    notes         TEXT    NOT NULL,
    agent_id      TEXT    NOT NULL DEFAULT '',
    model_id      TEXT    NOT NULL DEFAULT '',
    gpg_signature TEXT    NOT NULL DEFAULT '', -- kept, never looked into
    changelog     BYTEA   NOT NULL, -- as the client claims it
    made_by       UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at    BIGINT  NOT NULL,
    published_at  BIGINT, -- nothing while it is a draft
    yanked_at     BIGINT,
    yank_reason   TEXT    NOT NULL DEFAULT '',
    UNIQUE (repository_id, tag),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE,
    CHECK (yanked_at IS NULL OR published_at IS NOT NULL)
);
CREATE INDEX releases_commit ON releases (repository_id, commit_id);
CREATE INDEX releases_created ON releases (repository_id, created_at, id);
CREATE INDEX releases_made_by ON releases (made_by);
