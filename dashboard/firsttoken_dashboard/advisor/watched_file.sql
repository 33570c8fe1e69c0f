-- Which calls did one file of a service make? Into the temporary table `watched`: the columns of `priced_calls`, and
-- site_function and site_line. Whole traces, drawn by their ids so that there are about $most calls.
CREATE OR REPLACE TEMP TABLE watched AS
WITH size AS (
    SELECT COUNT(*) AS n
    FROM calls
    WHERE operation = 'chat' AND service_name IS NOT DISTINCT FROM $site_service AND code_file = $file
)
SELECT priced.*, priced.code_function AS site_function, priced.code_line AS site_line
FROM priced_calls AS priced, size
WHERE
    priced.operation = 'chat'
    AND priced.service_name IS NOT DISTINCT FROM $site_service
    AND priced.code_file = $file
    AND (size.n <= $most OR (HASH(priced.trace_id) >> 11) / 9007199254740992.0 < $most / size.n)
