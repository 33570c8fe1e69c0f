-- Which sites get answers that were cut off? Per site and model: site_id, model, n (answers), weight, cut (ended by
-- max_tokens), cut_tools (of these, with a tool call in them: its arguments are then incomplete), typical max_tokens,
-- the cut calls' mean output tokens, the grid of the whole answers' output tokens (NULL: none),
-- whole, streams, again (cut answers that were asked for again: a later call of the trace with the same messages), and
-- of at most 1,000 of these: duration_s, input_tokens (uncached, read, written 5 min, 1 h) and output_tokens; sample
-- traces.
WITH cut_off AS (
    SELECT
        audited.call_row,
        audited.trace_id,
        audited.end_time,
        LIST_FILTER(
            calls.prompt_blocks, lambda block: STARTS_WITH(block, 'messages:') OR STARTS_WITH(block, 'prior:')
        ) AS messages
    FROM audited
    INNER JOIN calls ON audited.call_row = calls.rowid
    WHERE audited.error_type IS NULL AND audited.stop_reason = 'max_tokens'
),
asked_again AS (
    SELECT DISTINCT cut_off.call_row
    FROM cut_off
    INNER JOIN audited ON cut_off.trace_id = audited.trace_id AND audited.start_time >= cut_off.end_time
    INNER JOIN calls ON audited.call_row = calls.rowid
    WHERE
        LEN(cut_off.messages) > 0
        AND cut_off.messages = LIST_FILTER(
            calls.prompt_blocks, lambda block: STARTS_WITH(block, 'messages:') OR STARTS_WITH(block, 'prior:')
        )
),
judged AS (
    SELECT audited.*, asked_again.call_row IS NOT NULL AS again
    FROM audited
    LEFT JOIN asked_again ON audited.call_row = asked_again.call_row
)
SELECT
    site_id,
    model,
    COUNT(*) AS n,
    SUM(weight) AS weight,
    COUNT(*) FILTER (stop_reason = 'max_tokens') AS cut,
    COUNT(*) FILTER (
        stop_reason = 'max_tokens'
        AND LEN(LIST_FILTER(response_blocks, lambda block: STARTS_WITH(block, 'tool_use:'))) > 0
    ) AS cut_tools,
    MODE(max_tokens) FILTER (stop_reason = 'max_tokens') AS max_tokens,
    AVG(output_tokens) FILTER (stop_reason = 'max_tokens') AS cut_output_tokens,
    QUANTILE_CONT(output_tokens, $grid) FILTER (stop_reason <> 'max_tokens') AS whole_tokens,
    COUNT(*) FILTER (stop_reason <> 'max_tokens') AS whole,
    COUNT(*) FILTER (stream) > COUNT(*) / 2 AS streams,
    COUNT(*) FILTER (again) AS again,
    COALESCE((ARRAY_AGG({
        duration_s: duration_s,
        uncached: input_tokens - COALESCE(cache_read_tokens, 0) - COALESCE(cache_write_tokens, 0),
        read: COALESCE(cache_read_tokens, 0),
        write_5m: COALESCE(cache_write_tokens, 0) - COALESCE(cache_write_1h_tokens, 0),
        write_1h: COALESCE(cache_write_1h_tokens, 0),
        output: output_tokens
    } ORDER BY span_id) FILTER (again))[1:1000], []) AS asked_again,
    (ARRAY_AGG(trace_id ORDER BY start_time DESC) FILTER (stop_reason = 'max_tokens'))[1:3] AS traces
FROM judged
WHERE error_type IS NULL AND model IS NOT NULL AND stop_reason IS NOT NULL AND output_tokens IS NOT NULL
GROUP BY site_id, model
HAVING COUNT(*) FILTER (stop_reason = 'max_tokens') > 0
ORDER BY site_id, model
