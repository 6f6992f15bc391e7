DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_payloads;
DROP TABLE webhook_subjects;
DROP TABLE webhook_secrets;
DROP TABLE webhooks;
