-- Which answers does a later call of the same trace use? Into the temporary table `used_answers`: span_key (of the call that
-- gave the answer: located.sql), share (of its text, 0 to 1), next_start (of the first call that uses it), waited_for
-- (somebody waits for one of those).
CREATE OR REPLACE TEMP TABLE used_answers AS
WITH users AS (
    SELECT calls.trace_id, calls.start_time, calls.depends_on, located.waited_for
    FROM calls
    INNER JOIN located ON calls.rowid = located.call_row
    WHERE LEN(calls.depends_on) > 0
),
uses AS (
    SELECT
        trace_id,
        SPLIT_PART(dependency, ':', 1) AS span_id,
        TRY_CAST(SPLIT_PART(dependency, ':', 2) AS DOUBLE) AS share,
        start_time,
        waited_for
    FROM users, UNNEST(depends_on) AS listed (dependency)
)
SELECT
    HASH(trace_id, span_id) AS span_key,
    LEAST(SUM(share), 1) AS share,
    MIN(start_time) AS next_start,
    COALESCE(BOOL_OR(waited_for), FALSE) AS waited_for
FROM uses
GROUP BY trace_id, span_id
