DROP TABLE skill_files;
DROP TABLE skills;
DROP TABLE pipeline_schedules;
DROP TABLE pipeline_versions;
DROP TABLE pipelines;
DROP TABLE work_publishers;
