-- Where is most of the answer thinking, though little is said? Per site and model: site_id, model, n (calls that succeeded
-- and told of thinking), weight, typical max_tokens, whether most stream, the usual effort, share of calls with tool use,
-- share of thinking in the output at the median, medians and p95 of thinking and medians of visible tokens, seconds from
-- the first token to the first text at the median (NULL: not recorded), sample traces.
WITH answered AS (
    SELECT
        *,
        thinking_tokens / greatest(output_tokens, 1) AS thinking_share,
        output_tokens - thinking_tokens AS visible_tokens,
        coalesce(tool_count, 0) > 0 OR stop_reason = 'tool_use' AS uses_tools
    FROM audited
    WHERE error_type IS NULL AND output_tokens > 0 AND thinking_tokens IS NOT NULL AND model IS NOT NULL
)
SELECT
    site_id,
    model,
    count(*) AS n,
    sum(weight) AS weight,
    mode(max_tokens) AS max_tokens,
    avg(CASE WHEN stream THEN 1 ELSE 0 END) > 0.5 AS streams,
    mode(effort) AS effort,
    avg(CASE WHEN uses_tools THEN 1 ELSE 0 END) AS with_tools,
    quantile_cont(thinking_share, 0.5) AS thinking_share,
    quantile_cont(thinking_tokens, 0.5) AS thinking_p50,
    quantile_cont(thinking_tokens, 0.95) AS thinking_p95,
    quantile_cont(visible_tokens, 0.5) AS visible_p50,
    quantile_cont(coalesce(time_to_first_text_s, duration_s), 0.5) AS wait_p50_s,
    (array_agg(trace_id ORDER BY thinking_tokens DESC))[1:3] AS traces
FROM answered
GROUP BY site_id, model
ORDER BY site_id, model
