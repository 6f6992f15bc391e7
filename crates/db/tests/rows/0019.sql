-- A picture of somebody.
INSERT INTO avatars (principal_id, png, digest, changed_at) VALUES (uuid(1), hash(60), hash(61), 1);
