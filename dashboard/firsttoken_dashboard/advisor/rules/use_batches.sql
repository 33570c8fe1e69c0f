-- Which sites make many calls that nobody waits for? Per site and model: site_id, model, n, weight, job (TRUE: known to
-- be one; NULL: not known), peak (most calls in one hour), mean tokens (uncached, cache read, written for 5 min, for
-- 1 h, output), their standard deviations in that order, max_tokens, sample traces.
WITH answered AS (
    SELECT
        audited.*,
        -- A call whose answer a later call of its trace needs cannot wait for a batch.
        needed.span_key IS NULL
        AND LEN(COALESCE(audited.depends_on, [])) = 0
        AND audited.stream IS NOT TRUE
        AND COALESCE(audited.tool_count, 0) = 0
        AND COALESCE(audited.speed, 'standard') = 'standard'
        AND COALESCE(audited.service_tier, 'standard') <> 'batch'
        AND COALESCE(audited.max_tokens, 1) > 0 AS alone
    FROM audited
    LEFT JOIN used_answers AS needed ON audited.span_key = needed.span_key
    WHERE audited.error_type IS NULL AND audited.model IS NOT NULL AND audited.output_tokens IS NOT NULL
),
hours AS (
    SELECT site_id, model, MAX(calls) AS peak
    FROM (
        SELECT site_id, model, DATE_TRUNC('hour', start_time) AS hour, COUNT(*) AS calls
        FROM every_call
        WHERE NOT failed
        GROUP BY site_id, model, hour
    ) AS counted
    GROUP BY site_id, model
)
SELECT
    answered.site_id,
    answered.model,
    COUNT(*) AS n,
    SUM(weight) AS weight,
    CASE WHEN COUNT(*) FILTER (interactive IS FALSE) = COUNT(*) THEN TRUE END AS job,
    MAX(hours.peak) AS peak,
    AVG(COALESCE(uncached_input_tokens, input_tokens)) AS uncached_tokens,
    AVG(COALESCE(cache_read_tokens, 0)) AS cache_read_tokens,
    AVG(COALESCE(cache_write_tokens, 0) - COALESCE(cache_write_1h_tokens, 0)) AS cache_write_5m_tokens,
    AVG(COALESCE(cache_write_1h_tokens, 0)) AS cache_write_1h_tokens,
    AVG(output_tokens) AS output_tokens,
    [
        STDDEV_POP(COALESCE(uncached_input_tokens, input_tokens)),
        STDDEV_POP(COALESCE(cache_read_tokens, 0)),
        STDDEV_POP(COALESCE(cache_write_tokens, 0) - COALESCE(cache_write_1h_tokens, 0)),
        STDDEV_POP(COALESCE(cache_write_1h_tokens, 0)),
        STDDEV_POP(output_tokens)
    ] AS deviations,
    MODE(max_tokens) AS max_tokens,
    (ARRAY_AGG(trace_id ORDER BY start_time DESC))[1:3] AS traces
FROM answered
INNER JOIN hours ON answered.site_id = hours.site_id AND answered.model = hours.model
GROUP BY answered.site_id, answered.model
HAVING BOOL_AND(alone) AND NOT COALESCE(BOOL_OR(interactive), FALSE)
ORDER BY answered.site_id, answered.model
