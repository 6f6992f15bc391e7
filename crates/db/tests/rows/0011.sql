-- An address for an upload, a label, a draft and a release that was yanked.
INSERT INTO upload_addresses (token_hash, repository_id, principal_id, key_id, token_id, object_id, max_bytes, ends_at)
VALUES (hash(40), uuid(7), uuid(1), uuid(3), NULL, hash(41), 5368709120, 9);
INSERT INTO commit_labels (repository_id, id, commit_id, label, created_at_text, received_at, received_by)
VALUES (uuid(7), uuid(42), hash(24), 'section:verse', '1970-01-01T00:00:00+00:00', 1, uuid(1));
INSERT INTO releases (id, repository_id, tag, channel, commit_id, title, notes, agent_id, model_id, gpg_signature, changelog, made_by, created_at, published_at, yanked_at, yank_reason)
VALUES (uuid(43), uuid(7), 'v1.0.0', 'stable', hash(24), 'First', 'All of it.', '', '', '', hash(44), uuid(1), 1, 1, 2, 'too early'),
       (uuid(44), uuid(7), 'v1.1.0-beta.1', 'beta', hash(24), 'Next', '', 'loom', 'm', 'sig', hash(45), uuid(1), 3, NULL, NULL, '');
