-- How much of each rate limit was left at the worst moment of each $grain? start, then the least remaining share (0 to 1)
-- of requests, tokens, input tokens, output tokens; NULL where the API sent no such header.
SELECT
    date_trunc($grain, start_time)::TIMESTAMP AS moment,
    min(ratelimit_requests_remaining / nullif(ratelimit_requests_limit, 0)) AS requests,
    min(ratelimit_tokens_remaining / nullif(ratelimit_tokens_limit, 0)) AS tokens,
    min(ratelimit_input_tokens_remaining / nullif(ratelimit_input_tokens_limit, 0)) AS input_tokens,
    min(ratelimit_output_tokens_remaining / nullif(ratelimit_output_tokens_limit, 0)) AS output_tokens
FROM calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY moment
ORDER BY moment
