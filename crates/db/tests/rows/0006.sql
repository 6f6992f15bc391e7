-- A group with a member, a program, tokens, a session, codes, and what was done.
UPDATE principals SET website_url = 'https://ada.example', email = 'ada@ada.example' WHERE id = uuid(1);
UPDATE keys SET last_used_at = 5, revoked_by = uuid(1), compromised_since = 1 WHERE id = uuid(4);
INSERT INTO principals (id, kind, handle, created_at)
VALUES (uuid(60), 'organization', 'engines', 1), (uuid(61), 'agent', 'loom', 1);
INSERT INTO organizations (principal_id, base_level, publisher_enabled) VALUES (uuid(60), 'read', 0);
INSERT INTO agents (principal_id, owner_id, model, capabilities, scope, tos_accepted_by, disabled_at)
VALUES (uuid(61), uuid(1), 'm', '["weave"]', '{}', uuid(1), NULL);
INSERT INTO org_members (org_id, principal_id, role, team_id, invited_by, created_at)
VALUES (uuid(60), uuid(1), 'owner', NULL, NULL, 1), (uuid(60), uuid(61), 'member', NULL, uuid(1), 1);
INSERT INTO collaborators (repo_id, principal_id, level, granted_by, created_at)
VALUES (uuid(7), uuid(61), 'write', uuid(1), 1);
INSERT INTO tokens (id, line_id, kind, hash, last8, principal_id, publisher_id, scope, label, minted_by, minted_with,
                    source, audience, created_at, expires_at, last_used_at, revoked_at, uses_left)
VALUES (uuid(62), uuid(62), 'personal', hash(60), 'abcdefgh', uuid(1), NULL, '{}', 'laptop', uuid(1), uuid(3), 'api',
        NULL, 1, 9, NULL, NULL, NULL),
       (uuid(63), uuid(63), 'invite', hash(61), 'abcdefgi', NULL, uuid(60), '{}', '', uuid(1), uuid(3), 'api', NULL, 1,
        9, NULL, 2, 1);
INSERT INTO sessions (id, principal_id, opened_with, key_id, auth_time, created_at, idle_until, ends_at, last_seen_at, ip,
                      user_agent, revoked_at)
VALUES (uuid(64), uuid(1), 'once', uuid(3), 1, 1, 5, 9, 1, '192.0.2.1', 'a browser', NULL);
INSERT INTO one_time_codes (id, purpose, code_hash, principal_id, key_id, payload, attempts, expires_at, used_at)
VALUES (uuid(65), 'web_login', hash(62), uuid(1), uuid(3), '', 0, 9, NULL);
INSERT INTO signing_keys (kid, purpose, public_key, key_id, sealed_private, status, created_at, retired_at)
VALUES ('one', 'audit', hash(63), 'k', hash(64), 'active', 1, NULL);
INSERT INTO auth_failures (key, count, locked_until, last_at) VALUES ('ip 192.0.2.1', 3, NULL, 1);
INSERT INTO audit_events (id, chain, seq, time, request_id, actor_id, actor_kind, credential_id, credential_kind,
                          on_behalf_of, action, resource_kind, resource_id, outcome, reason, before_digest, after_digest,
                          detail, private_digest, prev_hash, hash)
VALUES (uuid(66), uuid(0), 1, 1, 'r', uuid(1), 'person', uuid(3), 'key', NULL, 'key_added', 'key', 'x', 'done', '', NULL,
        NULL, '{}', 'x', '0000000000000000000000000000000000000000000000000000000000000000',
        '1111111111111111111111111111111111111111111111111111111111111111');
INSERT INTO audit_private (event_id, salt, ip, user_agent, erase_after) VALUES (uuid(66), hash(67), '192.0.2.1', '', 9);
INSERT INTO audit_heads (chain, seq, hash, time, kid, signature)
VALUES (uuid(0), 1, '1111111111111111111111111111111111111111111111111111111111111111', 1, 'one', sig(1));
