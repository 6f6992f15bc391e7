-- The Work plane: what publishers have defined (pipelines).

-- What the operator grants to a publisher; one without a row has what is usual.
CREATE TABLE work_publishers (
    publisher_id BLOB    NOT NULL PRIMARY KEY REFERENCES principals (id) ON DELETE RESTRICT,
    weight       INTEGER NOT NULL DEFAULT 10 CHECK (weight BETWEEN 1 AND 1000),
    max_priority INTEGER NOT NULL DEFAULT 5 CHECK (max_priority BETWEEN 5 AND 9)
) STRICT;

CREATE TABLE pipelines (
    publisher_id    BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    id              TEXT    NOT NULL CHECK (length(id) BETWEEN 1 AND 64),
    current_version INTEGER CHECK (current_version >= 1), -- none while no version was made current
    last_version    INTEGER NOT NULL CHECK (last_version >= 1),
    audience        TEXT    NOT NULL CHECK (audience IN ('members', 'listed', 'open')),
    paused          INTEGER NOT NULL CHECK (paused IN (0, 1)),
    created_at      INTEGER NOT NULL,
    changed_at      INTEGER NOT NULL,
    archived_at     INTEGER,
    PRIMARY KEY (publisher_id, id),
    CHECK (current_version <= last_version)
) STRICT;

CREATE TABLE pipeline_versions (
    publisher_id BLOB    NOT NULL,
    pipeline_id  TEXT    NOT NULL,
    version      INTEGER NOT NULL CHECK (version >= 1),
    sha256       BLOB    NOT NULL CHECK (length(sha256) = 32),
    title        TEXT,
    source       BLOB    NOT NULL, -- as it was sent, byte for byte
    source_type  TEXT    NOT NULL CHECK (source_type IN ('json', 'yaml')),
    definition   TEXT    NOT NULL, -- canonical JSON, skills resolved
    created_by   BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (publisher_id, pipeline_id, version),
    UNIQUE (publisher_id, pipeline_id, sha256),
    FOREIGN KEY (publisher_id, pipeline_id) REFERENCES pipelines (publisher_id, id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX pipeline_versions_created_by ON pipeline_versions (created_by);
CREATE TRIGGER pipeline_versions_stay BEFORE UPDATE ON pipeline_versions
BEGIN SELECT RAISE(ABORT, 'a version of a pipeline is never changed'); END;

-- When the current version of a pipeline starts runs by itself.
CREATE TABLE pipeline_schedules (
    publisher_id BLOB    NOT NULL,
    pipeline_id  TEXT    NOT NULL,
    name         TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    cron         TEXT    NOT NULL,
    zone         TEXT    NOT NULL,
    missed       TEXT    NOT NULL CHECK (missed IN ('skip', 'latest', 'all')),
    next_at      INTEGER, -- none if it never comes again
    last_run     BLOB    CHECK (length(last_run) = 16),
    failures     INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0), -- in a row
    paused       INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    PRIMARY KEY (publisher_id, pipeline_id, name),
    FOREIGN KEY (publisher_id, pipeline_id) REFERENCES pipelines (publisher_id, id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX pipeline_schedules_next ON pipeline_schedules (next_at) WHERE NOT paused;

-- Documents for agents.
CREATE TABLE skills (
    publisher_id  BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    name          TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    version       TEXT    NOT NULL CHECK (length(version) BETWEEN 1 AND 64),
    ordinal       INTEGER NOT NULL CHECK (ordinal >= 1), -- the newest has the highest
    sha256        BLOB    NOT NULL CHECK (length(sha256) = 32),
    description   TEXT    NOT NULL,
    public        INTEGER NOT NULL CHECK (public IN (0, 1)),
    created_by    BLOB    NOT NULL REFERENCES principals (id) ON DELETE RESTRICT,
    created_at    INTEGER NOT NULL,
    deprecated_at INTEGER,
    PRIMARY KEY (publisher_id, name, version),
    UNIQUE (publisher_id, name, ordinal)
) STRICT;
CREATE INDEX skills_created_by ON skills (created_by);

CREATE TABLE skill_files (
    publisher_id BLOB    NOT NULL,
    name         TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    path         TEXT    NOT NULL CHECK (length(path) BETWEEN 1 AND 255),
    size         INTEGER NOT NULL CHECK (size BETWEEN 0 AND 262144),
    sha256       BLOB    NOT NULL CHECK (length(sha256) = 32),
    content      BLOB    NOT NULL CHECK (length(content) = size),
    PRIMARY KEY (publisher_id, name, version, path),
    FOREIGN KEY (publisher_id, name, version) REFERENCES skills (publisher_id, name, version) ON DELETE CASCADE
) STRICT;
