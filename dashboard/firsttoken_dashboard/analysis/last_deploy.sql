-- What was deployed last? At most one row: service, its new version, the version before, the second in which the new one's
-- first call started, calls of the new one.
WITH seen AS (
    SELECT service_name, service_version, min(start_time) AS first_start, count(*) AS n_calls
    FROM calls
    WHERE
        operation = 'chat'
        AND service_version IS NOT NULL
        AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
        AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
        AND ($service::VARCHAR IS NULL OR service_name = $service)
    GROUP BY service_name, service_version
), ordered AS (
    SELECT
        service_name,
        service_version,
        lag(service_version) OVER (PARTITION BY service_name ORDER BY first_start, service_version) AS before,
        first_start,
        n_calls
    FROM seen
)
SELECT service_name, service_version, before, date_trunc('second', first_start)::TIMESTAMP AS since, n_calls
FROM ordered
WHERE before IS NOT NULL
ORDER BY first_start DESC, service_name
LIMIT 1
