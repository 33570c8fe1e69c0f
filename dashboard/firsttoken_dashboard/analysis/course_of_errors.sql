-- When did calls fail, and of what? One row per $grain and error type: start, error type, n.
SELECT date_trunc($grain, start_time)::TIMESTAMP AS moment, error_type, count(*) AS n_calls
FROM calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND error_type IS NOT NULL
GROUP BY moment, error_type
ORDER BY error_type, moment
