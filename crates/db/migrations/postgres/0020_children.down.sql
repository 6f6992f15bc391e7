DROP INDEX commits_parent2;
