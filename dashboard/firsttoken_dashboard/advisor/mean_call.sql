-- What is the mean call of a site and model like, where prompts are not recorded? start_s of the latest, and the means of
-- output tokens and of uncached, read, written 5 min and written 1 h input tokens.
SELECT
    MAX(EPOCH(start_time)) AS start_s,
    AVG(output_tokens) AS output_tokens,
    AVG(input_tokens - COALESCE(cache_read_tokens, 0) - COALESCE(cache_write_tokens, 0)) AS uncached_tokens,
    AVG(COALESCE(cache_read_tokens, 0)) AS read_tokens,
    AVG(COALESCE(cache_write_tokens, 0) - COALESCE(cache_write_1h_tokens, 0)) AS write_5m_tokens,
    AVG(COALESCE(cache_write_1h_tokens, 0)) AS write_1h_tokens
FROM audited
WHERE site_id = $site AND model = $model AND error_type IS NULL AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL
HAVING COUNT(*) > 0
