-- What can calls be filtered by? kind ("model" or "site"), and its value: the model, or file and line.
SELECT DISTINCT 'model' AS kind, coalesce(response_model, request_model) AS value, NULL::BIGINT AS line
FROM calls
WHERE operation = 'chat' AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND coalesce(response_model, request_model) IS NOT NULL
UNION ALL
SELECT DISTINCT 'site' AS kind, code_file AS value, code_line AS line
FROM calls
WHERE operation = 'chat' AND ($service::VARCHAR IS NULL OR service_name = $service) AND code_file IS NOT NULL
ORDER BY kind, value, line
