-- Which lines made the calls of `located`? Into the temporary table `places`: place, its site_id, the parts of the site
-- (service, file, line, function, parent, prompt), whether it streams, and changed_at (NULL: not changed; sites.py).
CREATE OR REPLACE TEMP TABLE places AS
WITH counted AS (
    SELECT
        place,
        MIN(call_row) AS call_row,
        MIN(start_time) AS first_start,
        MAX(start_time) AS last_start,
        BOOL_OR(stream) AS streams
    FROM located
    GROUP BY place
),
told AS (
    SELECT
        counted.*,
        calls.service_name AS service,
        COALESCE(calls.code_file, around.file) AS file,
        CASE WHEN calls.code_file IS NULL THEN around.line ELSE calls.code_line END AS line,
        CASE WHEN calls.code_file IS NULL THEN around.function ELSE calls.code_function END AS function,
        around.parent,
        around.prompt
    FROM counted
    INNER JOIN calls ON counted.call_row = calls.rowid
    LEFT JOIN around ON counted.call_row = around.call_row
),
-- A line moves when the code above it changes: then one line of a function ends, with its processes, before the next
-- begins. Where that is so for all lines of a function they are one site, at its latest line.
several AS (
    SELECT *
    FROM told
    WHERE file IS NOT NULL AND function IS NOT NULL
    QUALIFY COUNT(*) OVER (PARTITION BY service, file, function) > 1
),
processes AS (
    SELECT place, LIST(DISTINCT process) AS processes
    FROM located
    WHERE place IN (SELECT place FROM several)
    GROUP BY place
),
successions AS (
    SELECT
        several.*,
        first_start > LAG(last_start) OVER course
        AND NOT LIST_HAS_ANY(processes, LAG(processes) OVER course) AS succeeds
    FROM several
    INNER JOIN processes ON several.place = processes.place
    WINDOW course AS (PARTITION BY service, file, function ORDER BY first_start, line)
),
moved AS (
    SELECT service, file, function, ARG_MAX(line, first_start) AS line
    FROM successions
    GROUP BY service, file, function
    HAVING COUNT(*) FILTER (succeeds) = COUNT(*) - 1
),
settled AS (
    SELECT told.place, told.streams, told.service, told.file, COALESCE(moved.line, told.line) AS line,
        told.function, told.parent, told.prompt
    FROM told
    LEFT JOIN moved
        ON told.service IS NOT DISTINCT FROM moved.service
        AND told.file = moved.file
        AND told.function = moved.function
)
SELECT
    place,
    HASH(service, file, line, function, parent, prompt) AS site_id,
    settled.* EXCLUDE (place),
    NULL::TIMESTAMP_NS AS changed_at
FROM settled
