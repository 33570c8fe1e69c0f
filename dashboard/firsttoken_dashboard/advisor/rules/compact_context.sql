-- Which sites send very long prompts? Per site and model with one over $longest input tokens: site_id, model, n (calls
-- that succeeded), weight, typical max_tokens, whether most stream, sample traces.
SELECT
    site_id,
    model,
    count(*) AS n,
    sum(weight) AS weight,
    mode(max_tokens) AS max_tokens,
    avg(CASE WHEN stream THEN 1 ELSE 0 END) > 0.5 AS streams,
    (array_agg(trace_id ORDER BY input_tokens DESC))[1:3] AS traces
FROM audited
WHERE error_type IS NULL AND model IS NOT NULL AND input_tokens > 0
GROUP BY site_id, model
HAVING max(input_tokens) > $longest
ORDER BY site_id, model
