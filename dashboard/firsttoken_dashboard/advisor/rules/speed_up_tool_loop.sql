-- Which agents run the tools of one answer one after another? Per site and model of the answers that asked for tools:
-- site_id, model, n (answers that did, with the call that brought the results), weight, several (that asked for more
-- than one), traces_seen, one_s (median seconds between an answer with one tool call and the next call), several_s
-- (with more), tools (mean tool calls of those), tool_s and all_s (seconds in tools, and of these traces' loops in
-- all), one_gaps_s (pauses with one tool; NULL: none) and several_gaps (gap_s, tools), at most 500 each, max_tokens,
-- sample traces.
WITH steps AS (
    SELECT
        audited.site_id,
        audited.model,
        audited.weight,
        audited.max_tokens,
        audited.trace_id,
        audited.duration_s,
        EPOCH(used.next_start::TIMESTAMP - audited.end_time::TIMESTAMP) AS gap_s,
        TRY_CAST(SPLIT_PART(LIST_FILTER(
            audited.response_blocks, lambda block: STARTS_WITH(block, 'tool_use:')
        )[1], ':', 2) AS BIGINT) AS tools
    FROM audited
    INNER JOIN used_answers AS used ON audited.span_key = used.span_key
    WHERE audited.stop_reason = 'tool_use' AND audited.model IS NOT NULL
),
-- Somebody who is asked for leave takes longer than a minute, or it is not the tool that takes so long.
loops AS (
    SELECT *
    FROM steps
    WHERE gap_s BETWEEN 0 AND 60 AND tools > 0
)
SELECT
    site_id,
    model,
    COUNT(*) AS n,
    SUM(weight) AS weight,
    COUNT(*) FILTER (tools > 1) AS several,
    COUNT(DISTINCT trace_id) FILTER (tools > 1) AS traces_seen,
    QUANTILE_CONT(gap_s, 0.5) FILTER (tools = 1) AS one_s,
    QUANTILE_CONT(gap_s, 0.5) FILTER (tools > 1) AS several_s,
    AVG(tools) FILTER (tools > 1) AS tools,
    SUM(gap_s) AS tool_s,
    SUM(gap_s + duration_s) AS all_s,
    (ARRAY_AGG(gap_s ORDER BY trace_id) FILTER (tools = 1))[1:500] AS one_gaps_s,
    (ARRAY_AGG({gap_s: gap_s, tools: tools} ORDER BY trace_id) FILTER (tools > 1))[1:500] AS several_gaps,
    MODE(max_tokens) AS max_tokens,
    (ARRAY_AGG(trace_id ORDER BY gap_s DESC) FILTER (tools > 1))[1:3] AS traces
FROM loops
GROUP BY site_id, model
HAVING COUNT(*) FILTER (tools > 1) > 0
ORDER BY site_id, model
