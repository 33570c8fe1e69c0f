-- Which calls without a source line of their own did one place make? Added to `watched` (watched_files.sql); needs the
-- temporary tables of located.sql and places.sql.
INSERT INTO watched
WITH here AS (
    SELECT calls.trace_id, calls.span_id, places.*
    FROM located
    INNER JOIN places ON located.place = places.place
    INNER JOIN calls ON located.call_row = calls.rowid
    WHERE
        places.service IS NOT DISTINCT FROM $site_service
        AND places.file IS NOT DISTINCT FROM $file
        AND places.parent IS NOT DISTINCT FROM $parent
        AND places.prompt IS NOT DISTINCT FROM $prompt
),
size AS (
    SELECT COUNT(*) AS n FROM here
)
SELECT
    here.service,
    here.file,
    here.parent,
    here.prompt,
    here.function,
    here.line,
    calls.* EXCLUDE (operation, service_name, code_file, code_function, code_line)
FROM here
INNER JOIN watched_calls AS calls ON here.trace_id = calls.trace_id AND here.span_id = calls.span_id, size
WHERE size.n <= $most OR (HASH(calls.trace_id) >> 11) / 9007199254740992.0 < $most / size.n
