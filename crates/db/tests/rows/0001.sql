-- Somebody with a key, the install itself, and a repository that can be seen.
INSERT INTO principals (id, kind, handle, display_name, bio, install_admin, status, tos_version, tos_accepted_at, created_at)
VALUES (uuid(1), 'person', 'ada', 'Ada', 'Counts.', 1, 'active', '1', 1, 1),
       (uuid(2), 'operator', 'operator', '', '', 0, 'active', NULL, NULL, 1);
INSERT INTO keys (id, principal_id, fingerprint, public_key, label, created_at, revoked_at, revoke_reason)
VALUES (uuid(3), uuid(1), 'ed25519:one', hash(1), 'laptop', 1, NULL, NULL),
       (uuid(4), uuid(1), 'ed25519:two', hash(2), 'lost', 1, 2, 'compromised');
INSERT INTO auth_challenges (id, handle, public_key, message, label, expires_at)
VALUES (uuid(5), 'grace', hash(3), 'sign this', '', 9);
INSERT INTO request_nonces (key_id, nonce, taken_by, expires_at) VALUES (uuid(3), 'once', uuid(6), 9);
INSERT INTO install_state (key, value) VALUES ('sample', 'text');
INSERT INTO resources (id, kind, owner_id, owner_handle, visibility, state)
VALUES (uuid(7), 'repository', uuid(1), 'ada', 'private', 'live');
