-- Which calls does the window hold, and did somebody wait for each? Into the temporary table `located`, one narrow row for
-- each: call_row (rowid of `calls`), place (hash of the line, or of what is known instead), process, keys (hashes) of
-- trace, span, client (NULL: not known) and request (NULL: not known), model, start and end, stream, failed,
-- connection_new, waited_for (NULL: the trace does not tell), weight. Needs the temporary table `around`.
CREATE OR REPLACE TEMP TABLE located AS
WITH servers AS (
    SELECT trace_id, parent_span_id, kind, HASH(trace_id) AS trace_key, start_time, end_time
    FROM spans
    WHERE kind IN ('SERVER', 'CONSUMER')
),
-- A trace begins with such a span: it has no parent, or one that lies outside of what was recorded.
roots AS (
    SELECT trace_key, kind, start_time, end_time
    FROM servers
    WHERE parent_span_id IS NULL
    UNION ALL
    SELECT servers.trace_key, servers.kind, servers.start_time, servers.end_time
    FROM servers
    LEFT JOIN spans AS parent ON servers.trace_id = parent.trace_id AND servers.parent_span_id = parent.span_id
    WHERE servers.parent_span_id IS NOT NULL AND parent.span_id IS NULL
),
begun AS (
    SELECT trace_key, MAX(end_time) FILTER (kind = 'SERVER') AS answered
    FROM roots
    GROUP BY trace_key
)
SELECT
    calls.rowid AS call_row,
    HASH(
        calls.service_name,
        COALESCE(calls.code_file, around.file),
        CASE WHEN calls.code_file IS NULL THEN around.line ELSE calls.code_line END,
        CASE WHEN calls.code_file IS NULL THEN around.function ELSE calls.code_function END,
        around.parent,
        around.prompt
    ) AS place,
    HASH(calls.service_instance_id, calls.process_id) AS process,
    HASH(calls.trace_id) AS trace_key,
    HASH(calls.trace_id, calls.span_id) AS span_key,
    CASE
        WHEN calls.client_id IS NOT NULL THEN HASH(calls.service_instance_id, calls.process_id, calls.client_id)
    END AS client_key,
    CASE WHEN calls.request_hash IS NOT NULL THEN HASH(calls.service_name, calls.request_hash) END AS request_key,
    COALESCE(calls.request_model, calls.response_model) AS model,
    calls.start_time,
    calls.end_time,
    calls.stream,
    calls.error_type IS NOT NULL AS failed,
    calls.connection_new,
    -- A call that starts when the request has been answered belongs to a job: nobody waits any more.
    CASE
        WHEN begun.answered IS NOT NULL THEN calls.start_time <= begun.answered
        WHEN begun.trace_key IS NOT NULL THEN FALSE
    END AS waited_for,
    CASE
        WHEN calls.sampling_probability > 0 AND calls.sampling_probability < 1 THEN 1 / calls.sampling_probability
        ELSE 1
    END::DOUBLE AS weight
FROM calls
LEFT JOIN around ON calls.rowid = around.call_row
LEFT JOIN begun ON HASH(calls.trace_id) = begun.trace_key
WHERE
    calls.operation = 'chat'
    AND ($since IS NULL OR calls.start_time >= $since)
    AND ($until IS NULL OR calls.start_time < $until)
    AND ($service IS NULL OR calls.service_name = $service)
