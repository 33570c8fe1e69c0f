-- Which sites take a long, readable answer in one piece? Per site and model: site_id, model, n (its calls that
-- succeeded), whole (those that were neither streamed nor stopped by something that cannot be shown early), weight of
-- those, interactive (TRUE: somebody waits; NULL: not known), typical max_tokens, grids of duration (s), output
-- tokens, thinking tokens and input tokens from no cache over `whole`, and sample traces.
WITH answered AS (
    SELECT
        audited.*,
        (
            audited.stream IS NOT TRUE
            AND audited.interactive IS NOT FALSE
            AND audited.output_type IS DISTINCT FROM 'json'
            AND (
                audited.response_blocks IS NULL
                OR LEN(LIST_FILTER(audited.response_blocks, lambda block: STARTS_WITH(block, 'text:'))) > 0
            )
            -- Answers that feed a later call of the same request: nobody reads them as they come.
            AND used.waited_for IS NOT TRUE
        ) AS readable
    FROM audited
    LEFT JOIN used_answers AS used ON audited.span_key = used.span_key
    WHERE audited.error_type IS NULL AND audited.output_tokens IS NOT NULL AND audited.duration_s > 0
)
SELECT
    site_id,
    model,
    COUNT(*) AS n,
    COUNT(*) FILTER (readable) AS whole,
    SUM(weight) FILTER (readable) AS weight,
    BOOL_OR(interactive) FILTER (readable) AS interactive,
    MODE(max_tokens) FILTER (readable) AS max_tokens,
    QUANTILE_CONT(duration_s, $grid) FILTER (readable) AS duration_s,
    QUANTILE_CONT(output_tokens, $grid) FILTER (readable) AS output_tokens,
    QUANTILE_CONT(COALESCE(thinking_tokens, 0), $grid) FILTER (readable) AS thinking_tokens,
    -- What is written into the cache is read by the model like any other token.
    QUANTILE_CONT(COALESCE(input_tokens - COALESCE(cache_read_tokens, 0), 0), $grid) FILTER (readable)
        AS processed_tokens,
    (ARRAY_AGG(trace_id ORDER BY duration_s DESC) FILTER (readable))[1:3] AS traces
FROM answered
WHERE model IS NOT NULL
GROUP BY site_id, model
HAVING COUNT(*) FILTER (readable) >= 0.5 * COUNT(*)
ORDER BY site_id, model
