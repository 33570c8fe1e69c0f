-- Which sites mark their prompts for the cache? Per site and model: site_id, model, n (calls that succeeded and whose
-- prompt's shape is known), marked (of these, with a marker), weight (of all that succeeded), typical max_tokens,
-- whether most stream, tokens read and written, sample traces.
SELECT
    site_id,
    model,
    count(*) FILTER (block_count > 0) AS n,
    count(*) FILTER (marked) AS marked,
    sum(weight) AS weight,
    mode(max_tokens) AS max_tokens,
    avg(CASE WHEN stream THEN 1 ELSE 0 END) > 0.5 AS streams,
    sum(coalesce(cache_read_tokens, 0)) AS read_tokens,
    sum(coalesce(cache_write_tokens, 0)) AS written_tokens,
    (array_agg(trace_id ORDER BY coalesce(cache_write_tokens, 0) DESC))[1:3] AS traces
FROM audited
WHERE error_type IS NULL AND model IS NOT NULL AND input_tokens > 0
GROUP BY site_id, model
HAVING count(*) FILTER (marked) > 0
ORDER BY site_id, model
