-- How long did first tokens take, and how fast did answers come? One row per $grain where $by_time, per model where
-- $by_model, else one for all: its start and model, lists of the time to first token at p50 and p95 (of streamed calls)
-- and of tokens per second at p50. Asked for each cut apart: together their values would not fit into the memory limit.
SELECT
    CASE WHEN $by_time THEN date_trunc($grain, start_time)::TIMESTAMP END AS moment,
    CASE WHEN $by_model THEN coalesce(response_model, request_model) END AS model,
    quantile_cont(ttft_s, [0.5, 0.95]) AS ttft_s,
    quantile_cont(tokens_per_second, 0.5) AS tokens_per_second_p50
FROM calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY moment, model
