DROP TABLE webhook_resends;
ALTER TABLE webhook_payloads DROP COLUMN repository_id;
DROP INDEX webhooks_managed;
ALTER TABLE webhooks DROP COLUMN managed_by;
