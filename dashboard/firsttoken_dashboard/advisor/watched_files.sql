-- Which calls did the files of the temporary table `watched_sites` (service, file) make? Into the temporary table `watched`:
-- what verify_calls.sql reads of `priced_calls`, after the parts of the place (site_service, site_file, site_parent,
-- site_prompt, site_function, site_line). Of a file with more than $most, about so many in whole traces, drawn by ids.
CREATE OR REPLACE TEMP TABLE watched AS
WITH sizes AS (
    SELECT sites.service, sites.file, COUNT(*) AS n
    FROM calls
    INNER JOIN watched_sites AS sites
        ON calls.code_file = sites.file AND calls.service_name IS NOT DISTINCT FROM sites.service
    WHERE calls.operation = 'chat'
    GROUP BY sites.service, sites.file
)
SELECT
    sizes.service AS site_service,
    sizes.file AS site_file,
    NULL::VARCHAR AS site_parent,
    NULL::VARCHAR AS site_prompt,
    priced.code_function AS site_function,
    priced.code_line AS site_line,
    priced.trace_id,
    priced.span_id,
    priced.parent_span_id,
    priced.start_time,
    priced.end_time,
    priced.request_model,
    priced.response_model,
    priced.stream,
    priced.cache_read_tokens,
    priced.cache_write_tokens,
    priced.prompt_blocks,
    priced.attempt_events,
    priced.client_calls,
    priced.client_construction_s,
    priced.connection_new,
    priced.connection_s,
    priced.timeout_s,
    priced.error_type,
    priced.http_status,
    priced.time_to_first_text_s,
    priced.ttft_s,
    priced.duration_s,
    priced.output_tokens,
    priced.retry_wait_s,
    priced.cost_usd,
    priced.service_version,
    priced.max_tokens,
    priced.max_retries,
    priced.effort,
    priced.thinking,
    priced.tool_count
FROM priced_calls AS priced
INNER JOIN sizes ON priced.code_file = sizes.file AND priced.service_name IS NOT DISTINCT FROM sizes.service
WHERE
    priced.operation = 'chat'
    AND (sizes.n <= $most OR (HASH(priced.trace_id) >> 11) / 9007199254740992.0 < $most / sizes.n)
