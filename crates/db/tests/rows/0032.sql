-- A replay that has begun, and a dead letter of which it takes care.
INSERT INTO dead_letter_replays (id, publisher_id, asked_by, asked_at, total, replayed)
VALUES (uuid(150), uuid(60), uuid(1), 1, 2, 1);
UPDATE dead_letters SET replay_id = uuid(150), replayed_by = uuid(140), refused = 'run_ended' WHERE id = uuid(146);
