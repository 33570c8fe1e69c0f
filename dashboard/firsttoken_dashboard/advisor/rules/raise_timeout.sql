-- Which sites give up on answers that were on their way? Per site and model: site_id, model, n, weight, hit (calls with
-- at least one attempt that timed out), failed (those that ended so), timeouts (attempts), streamed (of the hit calls),
-- typical timeout_s, max_retries and max_tokens, spent_s (seconds of each hit call, at most 1,000), sleeping_s (between
-- their attempts), answered (calls that succeeded unstreamed), the grid of how long
-- the attempt took that answered (NULL: none did), and sample traces.
WITH tried AS (
    SELECT
        trace_id,
        span_id,
        COUNT(*) FILTER (reason = 'timeout') AS timeouts,
        SUM(duration_s) AS failed_s
    FROM failed_attempts
    GROUP BY trace_id, span_id
),
judged AS (
    SELECT
        audited.*,
        COALESCE(tried.timeouts, 0) AS timeouts,
        audited.error_type IS NULL AS succeeded,
        LEAST(COALESCE(tried.failed_s, 0) + COALESCE(audited.retry_wait_s, 0), audited.duration_s) AS before_last_s
    FROM audited
    LEFT JOIN tried ON audited.trace_id = tried.trace_id AND audited.span_id = tried.span_id
)
SELECT
    site_id,
    model,
    COUNT(*) AS n,
    SUM(weight) AS weight,
    COUNT(*) FILTER (timeouts > 0) AS hit,
    COUNT(*) FILTER (timeouts > 0 AND NOT succeeded) AS failed,
    SUM(timeouts)::BIGINT AS timeouts,
    COUNT(*) FILTER (timeouts > 0 AND stream) AS streamed,
    COALESCE(MODE(timeout_s) FILTER (timeouts > 0), MODE(timeout_s)) AS timeout_s,
    COALESCE(MODE(max_retries) FILTER (timeouts > 0), MODE(max_retries)) AS max_retries,
    MODE(max_tokens) AS max_tokens,
    COALESCE(
        (ARRAY_AGG(duration_s ORDER BY span_id) FILTER (timeouts > 0 AND duration_s IS NOT NULL))[1:1000], []
    ) AS spent_s,
    SUM(retry_wait_s) FILTER (timeouts > 0) AS sleeping_s,
    COUNT(*) FILTER (succeeded AND stream IS NOT TRUE) AS answered,
    QUANTILE_CONT(duration_s - before_last_s, $grid) FILTER (succeeded AND stream IS NOT TRUE) AS answer_s,
    (ARRAY_AGG(trace_id ORDER BY duration_s DESC) FILTER (timeouts > 0))[1:3] AS traces
FROM judged
WHERE model IS NOT NULL
GROUP BY site_id, model
HAVING SUM(timeouts) > 0
ORDER BY site_id, model
