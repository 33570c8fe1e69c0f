-- What does the window hold? n_calls, first start, last start, whether traces are sampled, whether any call was
-- simulated (the demo marks its resource).
SELECT
    COUNT(*) AS n_calls,
    MIN(start_time)::TIMESTAMP AS first_start,
    MAX(start_time)::TIMESTAMP AS last_start,
    COALESCE(BOOL_OR(weight > 1), FALSE) AS sampled,
    EXISTS (
        SELECT 1
        FROM spans
        WHERE
            ($since IS NULL OR start_time >= $since)
            AND ($until IS NULL OR start_time < $until)
            AND ($service IS NULL OR service_name = $service)
            AND CONTAINS(resource::VARCHAR, '"firsttoken.simulated"')
    ) AS simulated
FROM audited
