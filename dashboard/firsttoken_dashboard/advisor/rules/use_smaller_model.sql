-- Which sites ask a large model for small things? Per site and model: site_id, model, n (calls that succeeded), weight,
-- whether somebody waits (NULL: not known), typical max_tokens, whether most stream, share of calls that ended by
-- themselves, with tools, that set an effort above the usual; thinking's share of the output; p95 of output and of input
-- tokens; most calls of one trace at this site; share of the site's calls that went to this model; grids of duration (s),
-- time to first token (s; empty where not streamed), output tokens and input tokens that came from no cache; means of
-- uncached, read, written 5 min, written 1 h and output tokens; sample traces.
WITH answered AS (
    SELECT *
    FROM audited
    WHERE error_type IS NULL AND output_tokens IS NOT NULL AND input_tokens IS NOT NULL AND duration_s > 0
),
traces AS (
    SELECT site_id, trace_id, count(*) AS calls
    FROM answered
    GROUP BY site_id, trace_id
),
sites AS (
    SELECT site_id, sum(calls) AS calls, max(calls) AS most_in_trace
    FROM traces
    GROUP BY site_id
)
SELECT
    answered.site_id,
    answered.model,
    count(*) AS n,
    sum(weight) AS weight,
    bool_or(interactive) AS interactive,
    mode(max_tokens) AS max_tokens,
    avg(CASE WHEN stream THEN 1 ELSE 0 END) > 0.5 AS streams,
    avg(CASE WHEN coalesce(stop_reason, 'end_turn') IN ('end_turn', 'stop_sequence') THEN 1 ELSE 0 END) AS finished,
    avg(CASE WHEN tool_count > 0 THEN 1 ELSE 0 END) AS with_tools,
    avg(CASE WHEN effort IN ('high', 'xhigh', 'max') THEN 1 ELSE 0 END) AS asked_for_effort,
    sum(coalesce(thinking_tokens, 0)) / greatest(sum(output_tokens), 1) AS thinking_share,
    quantile_cont(output_tokens, 0.95) AS output_p95,
    quantile_cont(input_tokens, 0.95) AS input_p95,
    max(sites.most_in_trace) AS most_in_trace,
    count(*) / max(sites.calls) AS share_of_site,
    quantile_cont(duration_s, $grid) AS duration_s,
    coalesce(quantile_cont(ttft_s, $grid) FILTER (ttft_s IS NOT NULL), []) AS ttft_s,
    quantile_cont(output_tokens, $grid) AS output_tokens,
    quantile_cont(input_tokens - coalesce(cache_read_tokens, 0), $grid) AS processed_tokens,
    avg(input_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0)) AS uncached,
    avg(coalesce(cache_read_tokens, 0)) AS read,
    avg(coalesce(cache_write_tokens, 0) - coalesce(cache_write_1h_tokens, 0)) AS write_5m,
    avg(coalesce(cache_write_1h_tokens, 0)) AS write_1h,
    avg(output_tokens) AS output,
    (array_agg(trace_id ORDER BY duration_s DESC))[1:3] AS traces
FROM answered
INNER JOIN sites ON answered.site_id = sites.site_id
WHERE answered.model IS NOT NULL
GROUP BY answered.site_id, answered.model
ORDER BY answered.site_id, answered.model
