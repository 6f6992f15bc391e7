-- Content-addressed bytes (objects). An object is a hash and a size; its places say where the bytes are.

CREATE TABLE objects (
    id         BYTEA    PRIMARY KEY CHECK (length(id) = 32),
    size       BIGINT NOT NULL CHECK (size >= 0),
    state      TEXT    NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'dead', 'missing', 'corrupt')),
    created_at BIGINT NOT NULL
);

CREATE TABLE segments (
    id         UUID    PRIMARY KEY,
    bytes      BIGINT NOT NULL,
    objects    BIGINT NOT NULL,
    digest     BYTEA    NOT NULL CHECK (length(digest) = 32),
    created_at BIGINT NOT NULL
);

-- A push always writes its own copy, so an object may have several places.
CREATE TABLE object_places (
    object_id  BYTEA    NOT NULL REFERENCES objects (id) ON DELETE RESTRICT,
    place      TEXT    NOT NULL CHECK (place IN ('file', 'segment')),
    segment_id UUID    NOT NULL, -- all zeros for a file of its own
    position   BIGINT NOT NULL,
    stored     BIGINT NOT NULL,
    packing    TEXT    NOT NULL DEFAULT 'raw' CHECK (packing IN ('raw', 'zstd')),
    PRIMARY KEY (object_id, place, segment_id)
);
CREATE INDEX object_places_segment ON object_places (segment_id);
