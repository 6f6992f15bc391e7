ALTER TABLE repositories DROP COLUMN training_opt_out;
DROP INDEX principals_purge;
DROP INDEX audit_events_by;
DROP TABLE idempotent_requests;
DROP TABLE break_glass;
DROP TABLE secrets;
DROP INDEX tokens_client;
ALTER TABLE tokens DROP COLUMN client_id;
DROP TABLE oauth_clients;
DROP TABLE external_identities;
DROP TABLE passkeys;

-- Who came by an account elsewhere signs in again.
DELETE FROM sessions WHERE opened_with = 'identity';
ALTER TABLE sessions DROP CONSTRAINT sessions_opened_with_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_opened_with_check
    CHECK (opened_with IN ('once', 'passkey', 'local'));
