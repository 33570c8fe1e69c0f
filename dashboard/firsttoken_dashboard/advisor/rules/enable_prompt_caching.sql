-- Which sites send prompts without a cache marker? Per site and model: site_id, model, n (calls that succeeded and whose
-- prompt's shape is known), weight (of all that succeeded), typical max_tokens, whether most stream, sample traces.
SELECT
    site_id,
    model,
    count(*) FILTER (block_count > 0) AS n,
    sum(weight) AS weight,
    mode(max_tokens) AS max_tokens,
    avg(CASE WHEN stream THEN 1 ELSE 0 END) > 0.5 AS streams,
    (array_agg(trace_id ORDER BY input_tokens DESC))[1:3] AS traces
FROM audited
WHERE error_type IS NULL AND model IS NOT NULL AND input_tokens > 0
GROUP BY site_id, model
HAVING
    count(*) FILTER (block_count > 0) > 1
    AND sum(coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)) = 0
    AND count(*) FILTER (marked) = 0
ORDER BY site_id, model
