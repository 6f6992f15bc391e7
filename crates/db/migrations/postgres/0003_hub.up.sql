-- Repositories and their history (hub). Everything below is keyed by repository, so nothing leaks from one to another.

CREATE TABLE repositories (
    id             UUID    PRIMARY KEY REFERENCES resources (id) ON DELETE RESTRICT,
    owner_id       UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    name           TEXT    NOT NULL CHECK (name = lower(name)),
    format         TEXT    NOT NULL CHECK (format IN ('muse', 'git')),
    description    TEXT    NOT NULL DEFAULT '',
    domain         TEXT    NOT NULL DEFAULT 'code',
    default_branch TEXT    NOT NULL DEFAULT 'main',
    size_bytes     BIGINT NOT NULL DEFAULT 0 CHECK (size_bytes >= 0),
    object_count   BIGINT NOT NULL DEFAULT 0 CHECK (object_count >= 0),
    commit_count   BIGINT NOT NULL DEFAULT 0 CHECK (commit_count >= 0),
    pushed_at      BIGINT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT
);
CREATE UNIQUE INDEX repositories_name ON repositories (owner_id, name) WHERE deleted_at IS NULL;
CREATE INDEX repositories_pushed ON repositories (pushed_at);

CREATE TABLE repository_objects (
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    object_id     BYTEA    NOT NULL REFERENCES objects (id) ON DELETE RESTRICT,
    first_at      BIGINT NOT NULL,
    PRIMARY KEY (repository_id, object_id)
);
CREATE INDEX repository_objects_object ON repository_objects (object_id);

-- Received, verified and not yet part of a snapshot: visible to nobody but the uploader's own calls.
CREATE TABLE uploads (
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    object_id     BYTEA    NOT NULL REFERENCES objects (id) ON DELETE RESTRICT,
    ends_at       BIGINT NOT NULL,
    PRIMARY KEY (repository_id, principal_id, object_id)
);
CREATE INDEX uploads_principal ON uploads (principal_id);
CREATE INDEX uploads_object ON uploads (object_id);
CREATE INDEX uploads_end ON uploads (ends_at);

-- One directory at one moment; equal directories are one row. Reached from snapshots only, has no address.
CREATE TABLE tree_nodes (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 32),
    entries BYTEA NOT NULL
);

CREATE TABLE snapshots (
    repository_id   UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    id              BYTEA    NOT NULL CHECK (length(id) = 32),
    root_node       BYTEA    NOT NULL REFERENCES tree_nodes (id) ON DELETE RESTRICT,
    files           BIGINT NOT NULL,
    bytes           BIGINT NOT NULL,
    wire_bytes      BIGINT NOT NULL,
    created_at_text TEXT    NOT NULL,
    PRIMARY KEY (repository_id, id)
);
CREATE INDEX snapshots_root ON snapshots (root_node);

CREATE TABLE commits (
    repository_id     UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    id                BYTEA    NOT NULL CHECK (length(id) = 32),
    position          BIGINT NOT NULL,
    snapshot_id       BYTEA    NOT NULL,
    parent1           BYTEA,
    parent2           BYTEA,
    generation        BIGINT NOT NULL CHECK (generation >= 1),
    committed_at_text TEXT    NOT NULL,
    committed_at      BIGINT NOT NULL,
    message           TEXT    NOT NULL,
    author            TEXT    NOT NULL,
    branch            TEXT    NOT NULL,
    origin_repo_id    TEXT    NOT NULL,
    metadata          TEXT    NOT NULL,
    agent_id          TEXT    NOT NULL,
    model_id          TEXT    NOT NULL,
    toolchain_id      TEXT    NOT NULL,
    prompt_hash       TEXT    NOT NULL,
    sem_ver_bump      TEXT    NOT NULL,
    breaking_changes  TEXT    NOT NULL,
    signature         TEXT    NOT NULL,
    signer_key_id     TEXT    NOT NULL,
    signature_state   TEXT    NOT NULL CHECK (signature_state IN
        ('verified', 'revoked_key', 'unknown_key', 'unverifiable', 'unsigned')),
    test_runs         BIGINT NOT NULL DEFAULT 0,
    format_version    BIGINT NOT NULL,
    wire_bytes        BIGINT NOT NULL,
    received_at       BIGINT NOT NULL,
    received_by       UUID    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    PRIMARY KEY (repository_id, id),
    UNIQUE (repository_id, position),
    FOREIGN KEY (repository_id, snapshot_id) REFERENCES snapshots (repository_id, id),
    FOREIGN KEY (repository_id, parent1) REFERENCES commits (repository_id, id),
    FOREIGN KEY (repository_id, parent2) REFERENCES commits (repository_id, id)
);
CREATE INDEX commits_snapshot ON commits (repository_id, snapshot_id);
CREATE INDEX commits_parent1 ON commits (repository_id, parent1);
CREATE INDEX commits_parent2 ON commits (repository_id, parent2) WHERE parent2 IS NOT NULL;
CREATE INDEX commits_generation ON commits (repository_id, generation, id);
CREATE INDEX commits_received_by ON commits (received_by);

CREATE TABLE commit_deltas (
    repository_id UUID NOT NULL,
    commit_id     BYTEA NOT NULL,
    delta         BYTEA NOT NULL,
    PRIMARY KEY (repository_id, commit_id),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE
);

CREATE TABLE commit_reviewers (
    repository_id UUID NOT NULL,
    commit_id     BYTEA NOT NULL,
    reviewer      TEXT NOT NULL,
    PRIMARY KEY (repository_id, commit_id, reviewer),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE
);

CREATE TABLE refs (
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    target        BYTEA    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('branch', 'tag', 'proposal', 'other')),
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name),
    FOREIGN KEY (repository_id, target) REFERENCES commits (repository_id, id)
);
CREATE INDEX refs_target ON refs (repository_id, target);
