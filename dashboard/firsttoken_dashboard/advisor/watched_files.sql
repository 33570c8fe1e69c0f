-- Which calls did the files of the temporary table `watched_sites` (service, file) make? Into the temporary table `watched`:
-- `watched_calls` (watched_calls.sql), after the parts of the place (site_service, site_file, site_parent,
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
    calls.code_function AS site_function,
    calls.code_line AS site_line,
    calls.* EXCLUDE (operation, service_name, code_file, code_function, code_line)
FROM watched_calls AS calls
INNER JOIN sizes ON calls.code_file = sizes.file AND calls.service_name IS NOT DISTINCT FROM sizes.service
WHERE
    calls.operation = 'chat'
    AND (sizes.n <= $most OR (HASH(calls.trace_id) >> 11) / 9007199254740992.0 < $most / sizes.n)
