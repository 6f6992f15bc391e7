-- A movement of the branch and its seal; only signed commits come in from here on.
UPDATE repositories SET require_signed_commits = 'registered', require_signed_refs = 1 WHERE id = uuid(7);
INSERT INTO ref_log (repository_id, ref, counter, old, new, prev, pusher_key, time_text, signature, entry_hash, forced)
VALUES (uuid(7), 'refs/heads/main', 1, '', 'a', NULL, 'SHA256:k', '1970-01-01T00:00:00.000Z', NULL, hash(30), 0);
UPDATE refs SET counter = 1, entry_hash = hash(30) WHERE repository_id = uuid(7);
INSERT INTO ref_seals (repository_id, seq, entry_hash, prev_seal, evidence, principal, via, time_text, server_key, signature, seal_hash)
VALUES (uuid(7), 1, hash(30), NULL, NULL, 'ada', 'msign', '1970-01-01T00:00:00.000Z', 'SHA256:s', hash(31), hash(32));
