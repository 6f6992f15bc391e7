-- Content-addressed bytes (objects). An object is a hash and a size; its places say where the bytes are.

CREATE TABLE objects (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 32),
    size       INTEGER NOT NULL CHECK (size >= 0),
    state      TEXT    NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'dead', 'missing', 'corrupt')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    bytes      INTEGER NOT NULL,
    objects    INTEGER NOT NULL,
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    created_at INTEGER NOT NULL
) STRICT;

-- A push always writes its own copy, so an object may have several places.
CREATE TABLE object_places (
    object_id  BLOB    NOT NULL REFERENCES objects (id) ON DELETE RESTRICT,
    place      TEXT    NOT NULL CHECK (place IN ('file', 'segment')),
    segment_id BLOB    NOT NULL, -- all zeros for a file of its own
    position   INTEGER NOT NULL,
    stored     INTEGER NOT NULL,
    packing    TEXT    NOT NULL DEFAULT 'raw' CHECK (packing IN ('raw', 'zstd')),
    PRIMARY KEY (object_id, place, segment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX object_places_segment ON object_places (segment_id);
