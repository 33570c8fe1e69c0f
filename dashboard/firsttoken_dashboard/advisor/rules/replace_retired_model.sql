-- Which models does each site ask for, and does the API still know them? site_id, model, n, weight, refused (calls that
-- ended with not_found_error), the last start, typical max_tokens, sample traces.
SELECT
    site_id,
    model,
    COUNT(*) AS n,
    COUNT(*) FILTER (error_type = 'not_found_error') AS refused,
    MAX(start_time)::TIMESTAMP AS last_start,
    MODE(max_tokens) AS max_tokens,
    (ARRAY_AGG(trace_id ORDER BY start_time DESC))[1:3] AS traces
FROM audited
WHERE model IS NOT NULL
GROUP BY site_id, model
ORDER BY site_id, model
