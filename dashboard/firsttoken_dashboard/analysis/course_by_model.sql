-- How did each model's calls go over time? One row per $grain and model: start, model, n, time to first token at p50,
-- cost.
SELECT
    date_trunc($grain, start_time)::TIMESTAMP AS moment,
    coalesce(response_model, request_model) AS model,
    count(*) AS n_calls,
    quantile_cont(ttft_s, 0.5) AS ttft_p50_s,
    sum(cost_usd) AS cost_usd
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY moment, model
ORDER BY model, moment
