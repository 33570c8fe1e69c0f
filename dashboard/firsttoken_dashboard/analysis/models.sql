-- How do the models compare on these calls? One row per model, most calls first: model, n, failures; lists of seconds at
-- p5, p25, p50, p75, p95, of all calls (duration) and of streamed ones (time to first token); tokens per second at p50; mean
-- input and output tokens; share of input read from the cache; cost per 1,000 calls.
SELECT
    coalesce(response_model, request_model) AS model,
    count(*) AS n_calls,
    count(error_type) AS n_errors,
    -- As lists: one sorting of the values for all five.
    quantile_cont(duration_s, [0.05, 0.25, 0.5, 0.75, 0.95]) AS duration_s,
    quantile_cont(ttft_s, [0.05, 0.25, 0.5, 0.75, 0.95]) AS ttft_s,
    quantile_cont(tokens_per_second, 0.5) AS tokens_per_second_p50,
    avg(input_tokens) AS input_tokens,
    avg(output_tokens) AS output_tokens,
    sum(cache_read_tokens)::DOUBLE
    / nullif(sum(CASE WHEN cache_read_tokens IS NOT NULL THEN input_tokens END), 0) AS hit_rate,
    1000 * sum(cost_usd) / nullif(count(cost_usd), 0) AS usd_per_1000_calls
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY model
ORDER BY n_calls DESC, model
LIMIT 50
