-- What storage needs to keep itself sound (objects), and what owners may use (hub).

-- Since when nothing links the object.
ALTER TABLE objects ADD COLUMN dead_at BIGINT;
CREATE INDEX objects_dead ON objects (dead_at, id) WHERE state = 'dead';

-- A place whose bytes were found wrong is never read again. For a file of its own `segment_id` says which copy it is.
ALTER TABLE object_places ADD COLUMN state TEXT NOT NULL DEFAULT 'good' CHECK (state IN ('good', 'bad'));
CREATE INDEX object_places_bad ON object_places (object_id) WHERE state = 'bad';

-- A segment that must be rewritten, however much of it is alive: something in it has to go at once.
ALTER TABLE segments ADD COLUMN rewrite BIGINT NOT NULL DEFAULT 0 CHECK (rewrite IN (0, 1));
CREATE INDEX segments_rewrite ON segments (id) WHERE rewrite = 1;

-- Bytes that no row names any more. They go when readers that found them have finished.
CREATE TABLE object_waste (
    name   TEXT    PRIMARY KEY, -- below objects/, such as segments/UUID.seg
    bytes  BIGINT NOT NULL CHECK (bytes >= 0),
    fate   TEXT    NOT NULL CHECK (fate IN ('remove', 'quarantine')),
    due_at BIGINT NOT NULL
);
CREATE INDEX object_waste_due ON object_waste (due_at);

-- Walks over everything that is stored, and how far they have come.
CREATE TABLE integrity_scans (
    id         UUID    PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('scrub', 'sample', 'orphans', 'records')),
    position   TEXT    NOT NULL,
    checked    BIGINT NOT NULL DEFAULT 0,
    bytes      BIGINT NOT NULL DEFAULT 0,
    faults     BIGINT NOT NULL DEFAULT 0,
    started_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE UNIQUE INDEX integrity_scans_open ON integrity_scans (kind) WHERE ended_at IS NULL;
CREATE INDEX integrity_scans_ended ON integrity_scans (kind, ended_at);

CREATE TABLE integrity_faults (
    id            UUID    PRIMARY KEY,
    kind          TEXT    NOT NULL CHECK (kind IN
        ('corrupt', 'missing', 'orphan', 'segment', 'snapshot', 'ref', 'quota')),
    subject       TEXT    NOT NULL, -- what it is about, in one word: an object's id, a name below objects/, a repository
    object_id     BYTEA   CHECK (length(object_id) = 32),
    repository_id UUID,
    detail        TEXT    NOT NULL DEFAULT '',
    found_at      BIGINT NOT NULL,
    resolved_at   BIGINT,
    how           TEXT
);
CREATE UNIQUE INDEX integrity_faults_open ON integrity_faults (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX integrity_faults_object ON integrity_faults (object_id) WHERE object_id IS NOT NULL;

-- What a branch pointed to before it was moved to where that does not lead. Kept from collection for a while.
CREATE TABLE former_heads (
    repository_id UUID    NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    target        BYTEA   NOT NULL CHECK (length(target) = 32),
    left_at       BIGINT NOT NULL,
    PRIMARY KEY (repository_id, target)
);
CREATE INDEX former_heads_left ON former_heads (left_at);

-- Limits that differ from the usual ones, and what is used of them.
CREATE TABLE quota_limits (
    scope    TEXT    NOT NULL CHECK (scope IN ('owner', 'repository')),
    scope_id UUID    NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('bytes', 'objects', 'repositories')),
    value    BIGINT NOT NULL CHECK (value >= 0),
    PRIMARY KEY (scope, scope_id, kind)
);

CREATE TABLE quota_usage (
    scope    TEXT    NOT NULL CHECK (scope IN ('owner', 'repository')),
    scope_id UUID    NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('bytes', 'objects', 'repositories')),
    value    BIGINT NOT NULL CHECK (value >= 0),
    PRIMARY KEY (scope, scope_id, kind)
);
INSERT INTO quota_usage (scope, scope_id, kind, value)
SELECT 'owner', owner_id, 'bytes', sum(size_bytes) FROM repositories GROUP BY owner_id;
