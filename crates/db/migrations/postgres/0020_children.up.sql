-- The commits that name another as their second parent, for those who ask for its children.
CREATE INDEX commits_parent2 ON commits (repository_id, parent2) WHERE parent2 IS NOT NULL;
