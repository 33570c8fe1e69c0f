-- Which sites ask the very same thing again? Per site and model: site_id, model, n (answers), weight, repeats (answers
-- to a request that had been answered before), soon (of these, within an hour of the answer before), at_once (asked
-- again while the first was still on its way: often meant), requests (that were repeated), distinct_requests (all), waited_for (somebody waits for some), the mean duration
-- (s) and its standard deviation, and mean tokens of a repeat (uncached, cache read, written, output), max_tokens, sample traces.
-- Of more than $most answers about so many are looked at: all that were given to the same request, or none.
WITH sizes AS (
    SELECT site_id, model, COUNT(*) AS n
    FROM every_call
    WHERE NOT failed AND request_key IS NOT NULL
    GROUP BY site_id, model
),
drawn AS (
    SELECT
        every_call.call_row,
        every_call.site_id,
        every_call.waited_for,
        every_call.model,
        every_call.weight * sizes.n / COUNT(*) OVER (PARTITION BY every_call.site_id, every_call.model) AS weight
    FROM every_call
    INNER JOIN sizes ON every_call.site_id = sizes.site_id AND every_call.model = sizes.model
    WHERE
        NOT every_call.failed
        AND (every_call.request_key >> 11) / 9007199254740992.0 < $most / sizes.n
),
answered AS (
    SELECT
        drawn.*,
        calls.* EXCLUDE (attempt_events, prompt_blocks, span_ids),
        LAG(end_time) OVER same AS last_end,
        -- One answer is enough: a call is a repeat also where another one like it is on its way at the moment.
        MIN(end_time) OVER (same ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS first_end
    FROM drawn
    INNER JOIN calls ON drawn.call_row = calls.rowid
    WHERE
        output_tokens IS NOT NULL
        -- What searches the web, or only warms a cache, is right to ask again.
        AND (server_tool_counts IS NULL OR server_tool_counts::VARCHAR IN ('{}', 'null'))
        AND COALESCE(max_tokens, 1) > 0
    WINDOW same AS (PARTITION BY service_name, request_hash ORDER BY start_time, span_id)
),
judged AS (
    SELECT
        *,
        first_end IS NOT NULL AND start_time >= first_end AS repeated,
        last_end IS NOT NULL AND start_time < last_end AS at_once,
        EPOCH(
            start_time::TIMESTAMP - (CASE WHEN start_time >= last_end THEN last_end ELSE first_end END)::TIMESTAMP
        ) AS since_s
    FROM answered
)
SELECT
    site_id,
    model,
    COUNT(*) AS n,
    SUM(weight) AS weight,
    COUNT(*) FILTER (repeated) AS repeats,
    COUNT(*) FILTER (repeated AND since_s <= 3600) AS soon,
    COUNT(*) FILTER (at_once) AS at_once,
    COUNT(DISTINCT request_hash) FILTER (repeated) AS requests,
    COUNT(DISTINCT request_hash) AS distinct_requests,
    COALESCE(BOOL_OR(waited_for), FALSE) AS waited_for,
    AVG(duration_s) FILTER (repeated) AS duration_s,
    STDDEV_POP(duration_s) FILTER (repeated) AS duration_deviation_s,
    AVG(COALESCE(uncached_input_tokens, input_tokens)) FILTER (repeated) AS uncached_tokens,
    AVG(COALESCE(cache_read_tokens, 0)) FILTER (repeated) AS cache_read_tokens,
    AVG(COALESCE(cache_write_tokens, 0)) FILTER (repeated) AS cache_write_tokens,
    AVG(output_tokens) FILTER (repeated) AS output_tokens,
    MODE(max_tokens) AS max_tokens,
    (ARRAY_AGG(trace_id ORDER BY start_time DESC) FILTER (repeated))[1:3] AS traces
FROM judged
WHERE model IS NOT NULL
GROUP BY site_id, model
HAVING COUNT(*) FILTER (repeated) > 0
ORDER BY site_id, model
