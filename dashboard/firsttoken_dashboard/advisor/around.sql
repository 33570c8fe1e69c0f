-- What lies around the calls that carry no source line of their own? Into the temporary table `around`: call_row (rowid of
-- `calls`), the nearest ancestor's file, line and function; where none has them the parent span's name and the hash of
-- tools and system blocks.
CREATE OR REPLACE TEMP TABLE around AS
WITH RECURSIVE
windowed AS (
    SELECT rowid AS call_row, trace_id, parent_span_id, prompt_blocks
    FROM calls
    WHERE
        code_file IS NULL
        AND operation = 'chat'
        AND ($since IS NULL OR start_time >= $since)
        AND ($until IS NULL OR start_time < $until)
        AND ($service IS NULL OR service_name = $service)
),
-- 64 steps: a trace may be broken into a ring.
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
    WHERE windowed.parent_span_id IS NOT NULL
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
found AS (
    SELECT
        call_row,
        MAX(span_name) FILTER (depth = 1) AS parent,
        MAX(file) AS file,
        MAX(line) FILTER (file IS NOT NULL) AS line,
        MAX(function) FILTER (file IS NOT NULL) AS function
    FROM ancestors
    GROUP BY call_row
)
SELECT
    windowed.call_row,
    found.file,
    TRY_CAST(found.line AS BIGINT) AS line,
    found.function,
    CASE WHEN found.file IS NULL THEN found.parent END AS parent,
    CASE
        WHEN found.file IS NULL
            THEN MD5(ARRAY_TO_STRING(LIST_FILTER(
                windowed.prompt_blocks, lambda block: STARTS_WITH(block, 'tools:') OR STARTS_WITH(block, 'system:')
            ), ' '))
    END AS prompt
FROM windowed
LEFT JOIN found ON windowed.call_row = found.call_row
