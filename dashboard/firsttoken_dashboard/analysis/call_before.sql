-- Which call came before the one of $started at the same service, site and model? span_id, start and prompt_blocks of the
-- latest one that started earlier and has its blocks.
WITH latest AS (
    SELECT rowid AS row_id
    FROM calls
    WHERE
        operation = 'chat'
        AND service_name IS NOT DISTINCT FROM $site_service
        AND code_file IS NOT DISTINCT FROM $file
        AND code_line IS NOT DISTINCT FROM $line
        AND coalesce(response_model, request_model) IS NOT DISTINCT FROM $model
        AND start_time < $started::TIMESTAMP_NS
        AND prompt_blocks IS NOT NULL
    ORDER BY start_time DESC
    LIMIT 1
)
SELECT span_id, start_time::TIMESTAMP AS started, prompt_blocks
FROM calls
WHERE rowid IN (SELECT row_id FROM latest)
