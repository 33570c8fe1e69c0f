-- What failed or had to be tried again, where? One row per error type, status, service, file, line and model, most first:
-- calls, whether they ended in that error, seconds slept in backoff, the last one's start.
SELECT
    coalesce(error_type, 'succeeded after retries') AS error_type,
    http_status,
    service_name,
    code_file,
    code_line,
    coalesce(response_model, request_model) AS model,
    count(*) AS n_calls,
    error_type IS NOT NULL AS failed,
    sum(retry_wait_s) AS waited_s,
    sum(CASE WHEN error_type IS NOT NULL THEN duration_s END) AS failed_s,
    max(start_time)::TIMESTAMP AS last_start
FROM calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND (error_type IS NOT NULL OR attempts > 1)
GROUP BY calls.error_type, http_status, service_name, code_file, code_line, model
ORDER BY failed DESC, n_calls DESC, error_type
LIMIT 200
