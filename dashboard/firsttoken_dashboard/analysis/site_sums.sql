-- What do the calls of each line of the application add up to? One row per service, file, line, function, dearest first: n,
-- failures, all input and output tokens, cache reads and their base, cost.
WITH bucket AS (
    SELECT
        -- is bucket_columns.sql
        ,
        service_name,
        code_file,
        code_line,
        code_function
    FROM calls
    WHERE
        operation = 'chat'
        AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
        AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
        AND ($service::VARCHAR IS NULL OR service_name = $service)
    GROUP BY
        model, speed, service_tier, inference_geo, bracket, counted, service_name, code_file, code_line, code_function
), priced AS (
    -- is bucket_priced.sql
)
SELECT
    service_name,
    code_file,
    code_line,
    code_function,
    sum(n_calls)::BIGINT AS n_calls,
    sum(n_errors)::BIGINT AS n_errors,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(cacheable_tokens) AS cacheable_tokens,
    sum(cost_usd) AS cost_usd
FROM priced
GROUP BY service_name, code_file, code_line, code_function
ORDER BY cost_usd DESC NULLS LAST, n_calls DESC, service_name, code_file, code_line
LIMIT 200
