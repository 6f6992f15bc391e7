-- A subscription of a repository and one of the install; a delivery that was made and one that waits.
INSERT INTO webhooks (id, level, repository_id, account_id, url, events, content, ordering, confidential, filter, max_in_flight, description, state, created_by, created_at)
VALUES (uuid(120), 'repository', uuid(7), NULL, 'https://hooks.example/a', '["*"]', 'full', 'subject', FALSE, '{}', 8, 'ours', 'active', uuid(1), 1),
       (uuid(121), 'installation', NULL, NULL, 'https://hooks.example/b', '["push"]', 'thin', 'none', TRUE, '{}', 1, '', 'failing', uuid(1), 1);
INSERT INTO webhook_secrets (id, webhook_id, key_id, sealed_dek, sealed_value, last4, created_at, expires_at)
VALUES (uuid(122), uuid(120), 'key', hash(120), hash(121), 'abc=', 1, NULL);
INSERT INTO webhook_subjects (subject, sequence) VALUES ('repository:7', 2);
INSERT INTO webhook_payloads (event_id, content, body, sha256) VALUES (uuid(123), 'full', hash(122), hash(123)), (uuid(123), 'thin', hash(124), hash(125));
INSERT INTO webhook_deliveries (id, webhook_id, event_id, content, type, subject, sequence, is_ordered, state, attempts, due_at, created_at, began_at, finished_at)
VALUES (uuid(124), uuid(120), uuid(123), 'full', 'push', 'repository:7', 1, TRUE, 'delivered', 1, NULL, 1, 1, 2),
       (uuid(125), uuid(121), uuid(123), 'thin', 'push', 'repository:7', 1, FALSE, 'pending', 0, 9, 1, 1, NULL);
INSERT INTO webhook_attempts (delivery_id, number, kind, started_at, duration_ms, outcome, status, response_type, response_body, fence)
VALUES (uuid(124), 1, 'try', 1, 5, 'delivered', 200, 'text/plain', hash(126), 1);
