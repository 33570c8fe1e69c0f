-- Which attempts of the audited calls failed, and how? Into the temporary table `failed_attempts`: trace_id, span_id,
-- reason ('timeout', 'overload' (529), 'limit' (429) or 'other'), midstream, retry_after_s, duration_s. A call that
-- failed without telling of its attempts (foreign dialects, no retries) is its own one failed attempt.
CREATE OR REPLACE TEMP TABLE failed_attempts AS
WITH listed AS (
    SELECT
        audited.trace_id,
        audited.span_id,
        UNNEST(FROM_JSON(
            calls.attempt_events,
            '[{"attributes": {"http.response.status_code": "BIGINT", "error.type": "VARCHAR", "retry_after": "DOUBLE", "duration": "DOUBLE"}}]'
        )).attributes AS told
    FROM audited
    INNER JOIN calls ON audited.call_row = calls.rowid
    WHERE calls.attempt_events IS NOT NULL AND calls.attempt_events::VARCHAR NOT IN ('[]', 'null')
),
attempts AS (
    SELECT
        trace_id,
        span_id,
        told."http.response.status_code" AS status,
        told."error.type" AS error,
        told.retry_after AS retry_after_s,
        told.duration AS duration_s
    FROM listed
    UNION ALL
    SELECT trace_id, span_id, http_status, error_type, NULL, duration_s
    FROM audited
    WHERE error_type IS NOT NULL AND span_id NOT IN (SELECT span_id FROM listed)
)
SELECT
    trace_id,
    span_id,
    CASE
        WHEN status = 529 OR error IN ('overloaded_error', 'OverloadedError', '529') THEN 'overload'
        WHEN status = 429 OR error IN ('rate_limit_error', 'RateLimitError', '429') THEN 'limit'
        WHEN COALESCE(status, 200) < 400 AND (LOWER(error) LIKE '%timeout%' OR LOWER(error) LIKE '%timed_out%')
            THEN 'timeout'
        ELSE 'other'
    END AS reason,
    COALESCE(status = 200, FALSE) AS midstream,
    retry_after_s,
    duration_s
FROM attempts
