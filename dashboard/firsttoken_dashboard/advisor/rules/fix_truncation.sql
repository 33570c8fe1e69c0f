-- Which sites get answers that were cut off? Per site and model: site_id, model, n (answers), weight, cut (ended by
-- max_tokens), cut_tools (of these, with a tool call in them: its arguments are then incomplete), typical max_tokens,
-- the cut calls' mean duration (s), input and output tokens, the grid of the whole answers' output tokens (NULL: none),
-- whole, streams, sample traces.
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
    AVG(duration_s) FILTER (stop_reason = 'max_tokens') AS cut_s,
    AVG(input_tokens) FILTER (stop_reason = 'max_tokens') AS cut_input_tokens,
    AVG(output_tokens) FILTER (stop_reason = 'max_tokens') AS cut_output_tokens,
    QUANTILE_CONT(output_tokens, $grid) FILTER (stop_reason <> 'max_tokens') AS whole_tokens,
    COUNT(*) FILTER (stop_reason <> 'max_tokens') AS whole,
    COUNT(*) FILTER (stream) > COUNT(*) / 2 AS streams,
    (ARRAY_AGG(trace_id ORDER BY start_time DESC) FILTER (stop_reason = 'max_tokens'))[1:3] AS traces
FROM audited
WHERE error_type IS NULL AND model IS NOT NULL AND stop_reason IS NOT NULL AND output_tokens IS NOT NULL
GROUP BY site_id, model
HAVING COUNT(*) FILTER (stop_reason = 'max_tokens') > 0
ORDER BY site_id, model
