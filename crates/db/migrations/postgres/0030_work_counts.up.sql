-- How much was had of what is limited over a time, and at once (pipelines).
CREATE TABLE work_counts (
    holder_id UUID   NOT NULL, -- a token, an agent that signs, or a publisher
    counts    TEXT   NOT NULL CHECK (counts IN ('claims', 'result_bytes', 'open_runs', 'open_tasks')),
    place     BIGINT NOT NULL CHECK (place BETWEEN 0 AND 12),
    piece     BIGINT NOT NULL CHECK (piece >= 0), -- of time: the later one takes the place of the earlier
    used      BIGINT NOT NULL,
    PRIMARY KEY (holder_id, counts, place)
);
INSERT INTO work_counts (holder_id, counts, place, piece, used)
SELECT publisher_id, 'open_runs', 0, 0, count(*) FROM runs
 WHERE state IN ('queued', 'running', 'held', 'composed') GROUP BY publisher_id;
INSERT INTO work_counts (holder_id, counts, place, piece, used)
SELECT publisher_id, 'open_tasks', 0, 0, count(*) FROM tasks
 WHERE state IN ('pending', 'delayed', 'ready', 'claimed', 'checking', 'waiting') GROUP BY publisher_id;
