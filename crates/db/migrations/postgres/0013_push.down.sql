DROP TABLE push_objects;
DROP TABLE push_commits;
DROP TABLE push_snapshots;
DROP TABLE push_sessions;
