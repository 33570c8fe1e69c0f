-- Which sites mark their prompts for the cache? Per site and model: site_id, model, n (calls that succeeded and whose
-- prompt's shape is known), marked (of these, with a marker), weight (of all that succeeded), typical max_tokens,
-- whether most stream, tokens read and written, sample traces.
SELECT
    audited.site_id,
    audited.model,
    count(*) FILTER (len(calls.prompt_blocks) > 0) AS n,
    count(*) FILTER (len(list_filter(calls.prompt_blocks, lambda block: NOT ends_with(block, ':-'))) > 0) AS marked,
    sum(audited.weight) AS weight,
    mode(audited.max_tokens) AS max_tokens,
    avg(CASE WHEN audited.stream THEN 1 ELSE 0 END) > 0.5 AS streams,
    sum(coalesce(audited.cache_read_tokens, 0)) AS read_tokens,
    sum(coalesce(audited.cache_write_tokens, 0)) AS written_tokens,
    (array_agg(audited.trace_id ORDER BY coalesce(audited.cache_write_tokens, 0) DESC))[1:3] AS traces
FROM audited
INNER JOIN calls ON audited.trace_id = calls.trace_id AND audited.span_id = calls.span_id
WHERE audited.error_type IS NULL AND audited.model IS NOT NULL AND audited.input_tokens > 0
GROUP BY audited.site_id, audited.model
HAVING count(*) FILTER (len(list_filter(calls.prompt_blocks, lambda block: NOT ends_with(block, ':-'))) > 0) > 0
ORDER BY audited.site_id, audited.model
