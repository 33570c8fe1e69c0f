-- Which calls without a source line of their own did one place make? As watched_file.sql; needs the temporary tables of
-- located.sql and places.sql.
CREATE OR REPLACE TEMP TABLE watched AS
WITH here AS (
    SELECT calls.trace_id, calls.span_id, places.function AS site_function, places.line AS site_line
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
SELECT priced.*, here.site_function, here.site_line
FROM here
INNER JOIN priced_calls AS priced ON here.trace_id = priced.trace_id AND here.span_id = priced.span_id, size
WHERE size.n <= $most OR (HASH(priced.trace_id) >> 11) / 9007199254740992.0 < $most / size.n
