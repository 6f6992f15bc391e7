-- A managed subscription of a publisher, an event of a repository, and a resend that goes on.
INSERT INTO webhooks (id, level, repository_id, account_id, url, events, content, ordering, confidential, filter, max_in_flight, description, state, created_by, created_at, managed_by)
VALUES (uuid(126), 'publisher', NULL, uuid(1), 'https://hooks.example/c', '["run.*"]', 'full', 'subject', FALSE, '{}', 8, '', 'active', uuid(1), 1, uuid(127));
INSERT INTO webhook_payloads (event_id, content, body, sha256, repository_id) VALUES (uuid(128), 'full', hash(127), hash(128), uuid(7));
INSERT INTO webhook_resends (id, webhook_id, filter, total, resent, reached, created_at, finished_at)
VALUES (uuid(129), uuid(120), '{}', 2, 1, uuid(124), 1, NULL);
