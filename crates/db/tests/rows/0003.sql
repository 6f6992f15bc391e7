-- A repository with two commits, the second on top of the first, and a branch.
INSERT INTO repositories (id, owner_id, name, format, description, domain, default_branch, size_bytes, object_count, commit_count, pushed_at, created_at, updated_at, deleted_at)
VALUES (uuid(7), uuid(1), 'engine', 'muse', 'Analytical.', 'code', 'main', 3, 1, 2, 2, 1, 2, NULL);
INSERT INTO repository_objects (repository_id, object_id, first_at) VALUES (uuid(7), hash(10), 1);
INSERT INTO uploads (repository_id, principal_id, object_id, ends_at) VALUES (uuid(7), uuid(1), hash(11), 9);
INSERT INTO tree_nodes (id, entries) VALUES (hash(20), hash(21));
INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
VALUES (uuid(7), hash(22), hash(20), 1, 3, 100, '1970-01-01T00:00:00Z');
INSERT INTO commits (repository_id, id, position, snapshot_id, parent1, parent2, generation, committed_at_text, committed_at, message, author, branch, origin_repo_id, metadata, agent_id, model_id, toolchain_id, prompt_hash, sem_ver_bump, breaking_changes, signature, signer_key_id, signature_state, test_runs, format_version, wire_bytes, received_at, received_by)
VALUES (uuid(7), hash(23), 1, hash(22), NULL, NULL, 1, '1970-01-01T00:00:00Z', 0, 'first', 'ada', 'main', '', '{}', '', '', '', '', 'none', '[]', '', '', 'unsigned', 0, 1, 100, 1, uuid(1)),
       (uuid(7), hash(24), 2, hash(22), hash(23), NULL, 2, '1970-01-01T00:00:01Z', 1000, 'second', 'ada', 'main', '', '{}', '', '', '', '', 'patch', '[]', '', '', 'verified', 3, 1, 100, 2, uuid(1));
INSERT INTO commit_deltas (repository_id, commit_id, delta) VALUES (uuid(7), hash(24), hash(25));
INSERT INTO commit_reviewers (repository_id, commit_id, reviewer) VALUES (uuid(7), hash(24), 'grace');
INSERT INTO refs (repository_id, name, target, kind, updated_at) VALUES (uuid(7), 'refs/heads/main', hash(24), 'branch', 2);
