-- How near do sites come to their rate limits? Per site, model and bucket: site_id, model, bucket, n (calls that told),
-- near (with under 20 % left), the least share left, the limit, sample traces.
WITH told AS (
    SELECT site_id, model, trace_id, 'requests' AS bucket, ratelimit_requests_remaining AS remaining,
        ratelimit_requests_limit AS most
    FROM audited
    UNION ALL
    SELECT site_id, model, trace_id, 'input tokens', ratelimit_input_tokens_remaining, ratelimit_input_tokens_limit
    FROM audited
    UNION ALL
    SELECT site_id, model, trace_id, 'output tokens', ratelimit_output_tokens_remaining, ratelimit_output_tokens_limit
    FROM audited
)
SELECT
    site_id,
    model,
    bucket,
    COUNT(*) AS n,
    COUNT(*) FILTER (remaining < 0.2 * most) AS near,
    MIN(remaining / most) AS least_share,
    MODE(most) AS most,
    (ARRAY_AGG(trace_id ORDER BY remaining / most))[1:3] AS traces
FROM told
WHERE remaining IS NOT NULL AND most > 0 AND model IS NOT NULL
GROUP BY site_id, model, bucket
HAVING COUNT(*) FILTER (remaining < 0.2 * most) >= 0.01 * COUNT(*)
ORDER BY near DESC, site_id, model, bucket
