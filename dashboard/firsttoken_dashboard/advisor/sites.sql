-- Which line made each call, and did somebody wait for it? Into the temporary table `located`: call_row (rowid of
-- `calls`), site_id, the parts of a site, `stream`, and waited_for (NULL where the trace does not tell).
CREATE OR REPLACE TEMP TABLE located AS
WITH RECURSIVE
windowed AS (
    SELECT
        rowid AS call_row,
        trace_id,
        parent_span_id,
        service_name,
        start_time,
        stream,
        code_file,
        code_line,
        code_function,
        CONCAT_WS('/', service_instance_id, process_id) AS process,
        CASE WHEN code_file IS NULL THEN prompt_blocks END AS prompt_blocks
    FROM calls
    WHERE
        operation = 'chat'
        AND ($since IS NULL OR start_time >= $since)
        AND ($until IS NULL OR start_time < $until)
        AND ($service IS NULL OR service_name = $service)
),
-- The way up from calls that carry no source line of their own. 64 steps: a trace may be broken into a ring.
ancestors AS (
    SELECT
        windowed.call_row,
        windowed.trace_id,
        windowed.parent_span_id AS span_id,
        NULL::VARCHAR AS span_name,
        NULL::VARCHAR AS file,
        NULL::VARCHAR AS line,
        NULL::VARCHAR AS function,
        0 AS depth
    FROM windowed
    WHERE windowed.code_file IS NULL AND windowed.parent_span_id IS NOT NULL
    UNION ALL
    SELECT
        ancestors.call_row,
        ancestors.trace_id,
        spans.parent_span_id,
        spans.name,
        COALESCE(spans.attributes ->> '$."code.file.path"', spans.attributes ->> '$."code.filepath"'),
        COALESCE(spans.attributes ->> '$."code.line.number"', spans.attributes ->> '$."code.lineno"'),
        COALESCE(spans.attributes ->> '$."code.function.name"', spans.attributes ->> '$."code.function"'),
        ancestors.depth + 1
    FROM ancestors
    INNER JOIN spans ON ancestors.trace_id = spans.trace_id AND ancestors.span_id = spans.span_id
    WHERE ancestors.file IS NULL AND ancestors.depth < 64
),
around AS (
    SELECT
        call_row,
        MAX(span_name) FILTER (depth = 1) AS parent,
        MAX(file) AS file,
        MAX(line) FILTER (file IS NOT NULL) AS line,
        MAX(function) FILTER (file IS NOT NULL) AS function
    FROM ancestors
    GROUP BY call_row
),
-- A trace begins with a SERVER span: it has no parent, or one that lies outside of what was recorded.
requests AS (
    SELECT server.trace_id, MIN(server.start_time) AS start_time, MAX(server.end_time) AS end_time
    FROM spans AS server
    LEFT JOIN spans AS parent
        ON server.trace_id = parent.trace_id AND server.parent_span_id = parent.span_id
    WHERE server.kind = 'SERVER' AND parent.span_id IS NULL
    GROUP BY server.trace_id
),
deliveries AS (
    SELECT DISTINCT consumer.trace_id
    FROM spans AS consumer
    LEFT JOIN spans AS parent
        ON consumer.trace_id = parent.trace_id AND consumer.parent_span_id = parent.span_id
    WHERE consumer.kind = 'CONSUMER' AND parent.span_id IS NULL
),
placed AS (
    SELECT
        windowed.call_row,
        windowed.start_time,
        windowed.process,
        windowed.stream,
        windowed.service_name AS service,
        COALESCE(windowed.code_file, around.file) AS file,
        CASE WHEN windowed.code_file IS NULL THEN TRY_CAST(around.line AS BIGINT) ELSE windowed.code_line END AS line,
        CASE WHEN windowed.code_file IS NULL THEN around.function ELSE windowed.code_function END AS function,
        CASE WHEN windowed.code_file IS NULL AND around.file IS NULL THEN around.parent END AS parent,
        CASE
            WHEN windowed.code_file IS NULL AND around.file IS NULL
                THEN MD5(ARRAY_TO_STRING(LIST_FILTER(
                    windowed.prompt_blocks,
                    lambda block: STARTS_WITH(block, 'tools:') OR STARTS_WITH(block, 'system:')
                ), ' '))
        END AS prompt,
        -- A call that starts when the request has been answered belongs to a job: nobody waits any more.
        CASE
            WHEN requests.trace_id IS NOT NULL THEN windowed.start_time <= requests.end_time
            WHEN deliveries.trace_id IS NOT NULL THEN FALSE
        END AS waited_for
    FROM windowed
    LEFT JOIN around ON windowed.call_row = around.call_row
    LEFT JOIN requests ON windowed.trace_id = requests.trace_id
    LEFT JOIN deliveries ON windowed.trace_id = deliveries.trace_id
),
-- A line moves when the code above it changes: then one line of a function ends, with its processes, before the next
-- begins. Where that is so for all lines of a function they are one site, at its latest line.
lines AS (
    SELECT
        service,
        file,
        function,
        line,
        MIN(start_time) AS first_start,
        MAX(start_time) AS last_start,
        LIST(DISTINCT process) AS processes
    FROM placed
    WHERE file IS NOT NULL
    GROUP BY ALL
),
successions AS (
    SELECT
        *,
        first_start > LAG(last_start) OVER course
        AND NOT LIST_HAS_ANY(processes, LAG(processes) OVER course)
        AND function IS NOT NULL AS succeeds
    FROM lines
    WINDOW course AS (PARTITION BY service, file, function ORDER BY first_start, line)
),
moved AS (
    SELECT service, file, function, ARG_MAX(line, first_start) AS line
    FROM successions
    GROUP BY service, file, function
    HAVING COUNT(*) > 1 AND COUNT(*) FILTER (succeeds) = COUNT(*) - 1
),
settled AS (
    SELECT placed.* EXCLUDE (start_time, process) REPLACE (COALESCE(moved.line, placed.line) AS line)
    FROM placed
    LEFT JOIN moved
        ON placed.service IS NOT DISTINCT FROM moved.service
        AND placed.file = moved.file
        AND placed.function = moved.function
)
SELECT HASH(service, file, line, function, parent, prompt) AS site_id, settled.*
FROM settled
