DROP TABLE remote_credentials;
DROP TABLE mirror_refs;
DROP TABLE mirrors;
DROP TABLE imports;
