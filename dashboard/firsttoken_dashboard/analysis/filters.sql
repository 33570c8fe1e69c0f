-- What can the window's calls be filtered by? kind ("model" or "site"), and its value: the model, or file and line.
-- The two names of a model apart: DuckDB finds what differs in one column by its dictionary, in a fifth of the time.
WITH found AS (
    SELECT DISTINCT 'model' AS kind, response_model AS value, NULL::BIGINT AS line
    FROM calls
    WHERE
        operation = 'chat'
        AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
        AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
        AND ($service::VARCHAR IS NULL OR service_name = $service)
    UNION
    SELECT DISTINCT 'model' AS kind, request_model AS value, NULL::BIGINT AS line
    FROM calls
    WHERE
        operation = 'chat'
        AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
        AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
        AND ($service::VARCHAR IS NULL OR service_name = $service)
        AND response_model IS NULL
    UNION ALL
    SELECT DISTINCT 'site' AS kind, code_file AS value, code_line AS line
    FROM calls
    WHERE
        operation = 'chat'
        AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
        AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
        AND ($service::VARCHAR IS NULL OR service_name = $service)
)
SELECT kind, value, line
FROM found
WHERE value IS NOT NULL
ORDER BY kind, value, line
