-- What a token and a publisher have had.
INSERT INTO work_counts (holder_id, counts, place, piece, used) VALUES (uuid(130), 'claims', 12, 12, 3);
