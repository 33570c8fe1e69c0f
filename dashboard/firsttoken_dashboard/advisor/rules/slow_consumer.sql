-- Which sites read their streams slowly? Per site and model: site_id, model, n (streams), slow (where the application
-- held the stream for over 30 % of the time after the first token), consumer_p50_s and streaming_p50_s of those,
-- typical max_tokens, sample traces.
WITH streamed AS (
    SELECT
        *,
        duration_s - ttft_s AS streaming_s
    FROM audited
    WHERE stream AND error_type IS NULL AND ttft_s IS NOT NULL AND consumer_s IS NOT NULL AND model IS NOT NULL
),
judged AS (
    SELECT *, consumer_s > 0.3 * streaming_s AND consumer_s > 0.5 AS slow
    FROM streamed
    WHERE streaming_s > 0
)
SELECT
    site_id,
    model,
    COUNT(*) AS n,
    COUNT(*) FILTER (slow) AS slow,
    QUANTILE_CONT(consumer_s, 0.5) FILTER (slow) AS consumer_p50_s,
    QUANTILE_CONT(streaming_s, 0.5) FILTER (slow) AS streaming_p50_s,
    MODE(max_tokens) AS max_tokens,
    (ARRAY_AGG(trace_id ORDER BY consumer_s DESC) FILTER (slow))[1:3] AS traces
FROM judged
GROUP BY site_id, model
HAVING COUNT(*) FILTER (slow) > 0
ORDER BY site_id, model
