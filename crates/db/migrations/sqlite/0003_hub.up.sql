-- Repositories and their history (hub). Everything below is keyed by repository, so nothing leaks from one to another.

CREATE TABLE repositories (
    id             BLOB    PRIMARY KEY REFERENCES resources (id) ON DELETE RESTRICT,
    owner_id       BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    name           TEXT    NOT NULL CHECK (name = lower(name)),
    format         TEXT    NOT NULL CHECK (format IN ('muse', 'git')),
    description    TEXT    NOT NULL DEFAULT '',
    domain         TEXT    NOT NULL DEFAULT 'code',
    default_branch TEXT    NOT NULL DEFAULT 'main',
    size_bytes     INTEGER NOT NULL DEFAULT 0 CHECK (size_bytes >= 0),
    object_count   INTEGER NOT NULL DEFAULT 0 CHECK (object_count >= 0),
    commit_count   INTEGER NOT NULL DEFAULT 0 CHECK (commit_count >= 0),
    pushed_at      INTEGER,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX repositories_name ON repositories (owner_id, name) WHERE deleted_at IS NULL;
CREATE INDEX repositories_pushed ON repositories (pushed_at);

CREATE TABLE repository_objects (
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    object_id     BLOB    NOT NULL REFERENCES objects (id) ON DELETE RESTRICT,
    first_at      INTEGER NOT NULL,
    PRIMARY KEY (repository_id, object_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_objects_object ON repository_objects (object_id);

-- Received, verified and not yet part of a snapshot: visible to nobody but the uploader's own calls.
CREATE TABLE uploads (
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    object_id     BLOB    NOT NULL REFERENCES objects (id) ON DELETE RESTRICT,
    ends_at       INTEGER NOT NULL,
    PRIMARY KEY (repository_id, principal_id, object_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_principal ON uploads (principal_id);
CREATE INDEX uploads_object ON uploads (object_id);
CREATE INDEX uploads_end ON uploads (ends_at);

-- One directory at one moment; equal directories are one row. Reached from snapshots only, has no address.
CREATE TABLE tree_nodes (
    id      BLOB PRIMARY KEY CHECK (length(id) = 32),
    entries BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    repository_id   BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    id              BLOB    NOT NULL CHECK (length(id) = 32),
    root_node       BLOB    NOT NULL REFERENCES tree_nodes (id) ON DELETE RESTRICT,
    files           INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    wire_bytes      INTEGER NOT NULL,
    created_at_text TEXT    NOT NULL,
    PRIMARY KEY (repository_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshots_root ON snapshots (root_node);

CREATE TABLE commits (
    repository_id     BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    id                BLOB    NOT NULL CHECK (length(id) = 32),
    position          INTEGER NOT NULL,
    snapshot_id       BLOB    NOT NULL,
    parent1           BLOB,
    parent2           BLOB,
    generation        INTEGER NOT NULL CHECK (generation >= 1),
    committed_at_text TEXT    NOT NULL,
    committed_at      INTEGER NOT NULL,
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
    test_runs         INTEGER NOT NULL DEFAULT 0,
    format_version    INTEGER NOT NULL,
    wire_bytes        INTEGER NOT NULL,
    received_at       INTEGER NOT NULL,
    received_by       BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    PRIMARY KEY (repository_id, id),
    UNIQUE (repository_id, position),
    FOREIGN KEY (repository_id, snapshot_id) REFERENCES snapshots (repository_id, id),
    FOREIGN KEY (repository_id, parent1) REFERENCES commits (repository_id, id),
    FOREIGN KEY (repository_id, parent2) REFERENCES commits (repository_id, id)
) STRICT;
CREATE INDEX commits_snapshot ON commits (repository_id, snapshot_id);
CREATE INDEX commits_parent1 ON commits (repository_id, parent1);
CREATE INDEX commits_parent2 ON commits (repository_id, parent2) WHERE parent2 IS NOT NULL;
CREATE INDEX commits_generation ON commits (repository_id, generation, id);
CREATE INDEX commits_received_by ON commits (received_by);

CREATE TABLE commit_deltas (
    repository_id BLOB NOT NULL,
    commit_id     BLOB NOT NULL,
    delta         BLOB NOT NULL,
    PRIMARY KEY (repository_id, commit_id),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE commit_reviewers (
    repository_id BLOB NOT NULL,
    commit_id     BLOB NOT NULL,
    reviewer      TEXT NOT NULL,
    PRIMARY KEY (repository_id, commit_id, reviewer),
    FOREIGN KEY (repository_id, commit_id) REFERENCES commits (repository_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE refs (
    repository_id BLOB    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    target        BLOB    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('branch', 'tag', 'proposal', 'other')),
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, name),
    FOREIGN KEY (repository_id, target) REFERENCES commits (repository_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX refs_target ON refs (repository_id, target);
