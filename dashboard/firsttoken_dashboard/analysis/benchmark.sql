-- How fast and how dear is each model here? One row per model, most calls first: model, n, streamed calls with a
-- first token, time to first token at p50 and p95, calls with a decode rate, tokens per second at p50, duration at p50,
-- failures, cost, cost per 1,000 priced calls.
SELECT
    coalesce(response_model, request_model) AS model,
    count(*) AS n_calls,
    count(ttft_s) AS n_ttft,
    quantile_cont(ttft_s, 0.5) AS ttft_p50_s,
    quantile_cont(ttft_s, 0.95) AS ttft_p95_s,
    count(tokens_per_second) AS n_rate,
    quantile_cont(tokens_per_second, 0.5) AS tokens_per_second_p50,
    quantile_cont(duration_s, 0.5) AS duration_p50_s,
    count(error_type) AS n_errors,
    sum(cost_usd) AS cost_usd,
    1000 * sum(cost_usd) / nullif(count(cost_usd), 0) AS usd_per_1000_calls
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY model
ORDER BY n_calls DESC, model
