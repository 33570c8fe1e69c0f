-- Which call came before this one at the same service, site and model? prompt_blocks and start of the latest one that
-- started earlier and has its blocks.
WITH chosen AS (
    SELECT service_name, code_file, code_line, coalesce(response_model, request_model) AS model, start_time
    FROM calls
    WHERE span_id = $span
    LIMIT 1
)
SELECT calls.span_id, calls.start_time::TIMESTAMP AS started, calls.prompt_blocks
FROM calls
JOIN chosen
    ON calls.service_name IS NOT DISTINCT FROM chosen.service_name
    AND calls.code_file IS NOT DISTINCT FROM chosen.code_file
    AND calls.code_line IS NOT DISTINCT FROM chosen.code_line
    AND coalesce(calls.response_model, calls.request_model) IS NOT DISTINCT FROM chosen.model
    AND calls.start_time < chosen.start_time
WHERE calls.operation = 'chat' AND calls.prompt_blocks IS NOT NULL
ORDER BY calls.start_time DESC
LIMIT 1
