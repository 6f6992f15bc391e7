-- An object in a file of its own, and one in a segment.
INSERT INTO objects (id, size, state, created_at) VALUES (hash(10), 3, 'live', 1), (hash(11), 0, 'dead', 1);
INSERT INTO segments (id, bytes, objects, digest, created_at) VALUES (uuid(12), 64, 1, hash(12), 1);
INSERT INTO object_places (object_id, place, segment_id, position, stored, packing)
VALUES (hash(10), 'file', uuid(0), 0, 3, 'raw'), (hash(11), 'segment', uuid(12), 16, 9, 'zstd');
