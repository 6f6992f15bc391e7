-- A passkey, an account elsewhere, an application with a token, a secret, a look behind the glass, a request once.
INSERT INTO passkeys (id, principal_id, credential_id, public_key, alg, sign_count, label, created_at, last_used_at)
VALUES (uuid(70), uuid(1), hash(70), hash(71), -7, 3, 'phone', 1, NULL);
INSERT INTO external_identities (provider, subject, principal_id, linked_at, last_used_at)
VALUES ('https://id.example', '4711', uuid(1), 1, NULL);
INSERT INTO oauth_clients (id, name, redirect_uris, metadata_url, created_at, last_used_at)
VALUES (uuid(71), 'an editor', '["http://127.0.0.1/back"]', NULL, 1, 2);
UPDATE tokens SET client_id = uuid(71) WHERE id = uuid(62);
INSERT INTO sessions (id, principal_id, opened_with, key_id, auth_time, created_at, idle_until, ends_at, last_seen_at, ip,
                      user_agent, revoked_at)
VALUES (uuid(74), uuid(1), 'identity', NULL, 1, 1, 5, 9, 1, '192.0.2.2', 'another browser', NULL);
INSERT INTO secrets (id, publisher_id, kind, key_id, sealed_dek, sealed_value, last4, activate_at, created_at,
                     expires_at, revoked_at)
VALUES (uuid(72), uuid(60), 'webhook_signing', 'k', hash(72), hash(73), 'abcd', 1, 1, NULL, NULL);
INSERT INTO break_glass (id, admin_id, repo_id, reason, opened_at, ends_at, closed_at)
VALUES (uuid(73), uuid(1), uuid(7), 'asked by its owner', 1, 9, NULL);
INSERT INTO idempotent_requests (principal_id, route, key, request_hash, status, headers, body, created_at)
VALUES (uuid(1), '/api/v1/tokens', 'once', hash(74), 201, '{}', hash(75), 1);
UPDATE repositories SET training_opt_out = 1 WHERE id = uuid(7);
